//! Fixes are copied into shells and consoles: whatever names the data holds, nothing of them is run.

use std::collections::BTreeSet;
use std::process::Command;

use attribution::engine::Builder;
use model::landed::{ColumnType, Dataset};
use serde_json::Value;

use super::lab::Lab;

/// What a hostile name holds: it would make a file were any of it run.
const MARK: &str = ">hit";
/// What parts of the demo's names become; by the second, places in buckets stay what they are, so
/// that tables are found in them.
const HOSTILE: [(&str, &str); 2] = [
    ("ads|content|catalog|payments", "a'b\"c`>hit`$(>hit)\n>hit;--\n#"),
    ("growth|playback|experimentation|search|finance", "a'b\"c`>hit`$(>hit);>hit --#\\"),
];

/// Fixes that are statements of Spark SQL.
const STATEMENTS: [&str; 15] = [
    "cow-amplification",
    "delete-bloat",
    "duplicate-table",
    "lookback-reprocess",
    "metadata-bloat",
    "orphan-files",
    "over-partitioning",
    "over-fresh",
    "partition-ttl",
    "tiny-commits",
    "uncompacted",
    "unexpired-snapshots",
    "unused-table",
    // Of Trino, and the text of the statement that was asked.
    "cacheable-queries",
    // Lines of a schedule, in its own language.
    "no-op-schedule",
];

/// Names in everything that is landed become hostile; JSON stays what it is.
fn rename(lab: &Lab) {
    let directory = lab.path("demo/ledger");
    let scratch = tempfile::tempdir().unwrap();
    let engine = Builder::create(&scratch.path().join("rename.duckdb"), scratch.path()).unwrap();
    let renamed = |column: &str, by: usize| {
        HOSTILE[..by].iter().fold(column.to_owned(), |renamed, (names, hostile)| {
            let hostile = hostile.replace('\'', "''").replace('\\', "\\\\");
            format!("regexp_replace({renamed}, '({names})', '\\1{hostile}', 'g')")
        })
    };
    for dataset in Dataset::ALL {
        let columns: Vec<String> = dataset
            .columns()
            .iter()
            .map(|column| match column.kind {
                ColumnType::Text => format!(
                    "case when {0} like '{{%' or {0} like '[%' then {0}
                        when {0} like '%/%' then {1} else {2} end as {0}",
                    column.name,
                    renamed(column.name, 1),
                    renamed(column.name, 2)
                ),
                _ => column.name.to_owned(),
            })
            .collect();
        let place = directory.join(format!("landed/{dataset}"));
        let Ok(sources) = std::fs::read_dir(&place) else { continue };
        for file in sources.flat_map(|source| files(&source.unwrap().path())) {
            let renamed = file.with_extension("renamed");
            let sql = format!(
                "copy (select {} from read_parquet('{}')) to '{}' (format parquet)",
                columns.join(", "),
                file.display(),
                renamed.display()
            );
            engine.run("rename", &sql).unwrap_or_else(|fault| panic!("{fault}: {}", fault.cause));
            std::fs::rename(renamed, file).unwrap();
        }
    }
    std::fs::remove_dir_all(directory.join("marts")).unwrap();
}

fn files(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// What of a text is neither a comment nor within quotes; nothing where a quote stays open. A
/// backslash escapes in texts of Spark, a doubled backtick in its names.
fn bare(sql: &str) -> Option<String> {
    let mut bare = String::new();
    let mut letters = sql.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '-' if letters.peek() == Some(&'-') => while letters.next_if(|next| *next != '\n').is_some() {},
            quote @ ('\'' | '"' | '`') => loop {
                match letters.next()? {
                    '\\' if quote != '`' => drop(letters.next()?),
                    end if end == quote => break,
                    _ => {}
                }
            },
            letter => bare.push(letter),
        }
    }
    Some(bare)
}

#[test]
fn no_name_of_the_data_is_run_by_a_fix() {
    let lab = Lab::demo(21, 1);
    rename(&lab);
    // One source is read again, and a mart made of all that is landed.
    lab.ok(&["--config", "demo/lakeledger.toml", "run", "--source", "analytics-scratch"]);
    let told = lab.ok(&["--config", "demo/lakeledger.toml", "waste", "--all", "--format", "json"]);
    let found: Vec<Value> = serde_json::from_str(&told).unwrap();
    let (mut hostile, mut commands) = (BTreeSet::new(), 0);
    for finding in &found {
        let (detector, action) = (finding["detector"].as_str().unwrap(), finding["action"].as_str().unwrap());
        if action.contains(MARK) {
            hostile.insert(detector);
        }
        match detector {
            "cacheable-queries" | "no-op-schedule" => {}
            statement if STATEMENTS.contains(&statement) => {
                let bare =
                    bare(action).unwrap_or_else(|| panic!("{detector}: a quote stays open:\n{action}"));
                assert!(!bare.contains(MARK), "{detector}:\n{action}");
            }
            _ => {
                commands += 1;
                let place = tempfile::tempdir().unwrap();
                // No command is there to be found: what a shell does by itself alone is done.
                let shell = |options: &[&str]| {
                    Command::new("/bin/bash")
                        .args(options)
                        .arg(action)
                        .env("PATH", place.path())
                        .current_dir(place.path())
                        .output()
                        .unwrap()
                };
                let parsed = shell(&["-n", "-c"]);
                assert!(
                    parsed.status.success() && parsed.stderr.is_empty(),
                    "{detector}: {parsed:?}\n{action}"
                );
                shell(&["-c"]);
                assert!(!place.path().join("hit").exists(), "{detector} runs what a name holds:\n{action}");
                for line in action.lines() {
                    assert!(!line.starts_with("-- ") && !line.contains("  --  "), "{detector}:\n{action}");
                }
            }
        }
    }
    let rule = found.iter().find(|finding| finding["detector"] == "incomplete-uploads").unwrap();
    rules_are_added(rule["action"].as_str().unwrap());
    assert!(commands > 10 && hostile.len() > 12, "{commands} commands, hostile names in {hostile:?}");
}

/// A rule is added to those a bucket has, or to none; where they could not be read nothing is put.
fn rules_are_added(action: &str) {
    if Command::new("jq").arg("--version").output().is_err() {
        println!("skipped: there is no jq to merge rules with");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let aws = place.path().join("aws");
    std::fs::write(
        &aws,
        "#!/bin/bash\ncase \"$2 $ANSWER\" in\n\
         get-*has) echo '{\"Rules\":[{\"ID\":\"mine\"}]}' ;;\n\
         get-*) echo \"An error occurred ($ANSWER)\" >&2; exit 254 ;;\n\
         put-*) jq -r '.Rules[].ID' merged.json > put ;;\nesac\n",
    )
    .unwrap();
    std::fs::set_permissions(&aws, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", place.path().display(), std::env::var("PATH").unwrap());
    for (answer, kept) in
        [("has", Some("mine\n")), ("NoSuchLifecycleConfiguration", Some("")), ("AccessDenied", None)]
    {
        let shell = Command::new("/bin/bash")
            .args(["-c", action])
            .env("PATH", &path)
            .env("ANSWER", answer)
            .current_dir(place.path())
            .output()
            .unwrap();
        let put = std::fs::read_to_string(place.path().join("put")).ok();
        let is_so = match (kept, &put) {
            (Some(kept), Some(put)) => put
                .strip_prefix(kept)
                .is_some_and(|own| own.starts_with("lakeledger-abort-uploads-") && own.lines().count() == 1),
            (kept, put) => kept.is_none() && put.is_none(),
        };
        assert!(is_so, "{answer}: {put:?} {shell:?}");
        drop(std::fs::remove_file(place.path().join("put")));
    }
}

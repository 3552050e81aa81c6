//! Owners from CSV files: what people's spreadsheets hold, and what goes wrong in them.

use std::io::Write as _;

use model::landed::Dataset;
use serde_json::{Value, json};

use crate::support::{Landed, read, write};

const KIND: &str = "owners-csv";

fn read_bytes(name: &str, bytes: &[u8]) -> Landed {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), name, bytes);
    read(KIND, directory.path())
}

fn read_text(text: &str) -> Landed {
    read_bytes("owners.csv", text.as_bytes())
}

/// Lines and messages of the warnings, in order of lines.
fn told(landed: &Landed) -> Vec<(String, String)> {
    let line = |object: &str| object.rsplit(':').next().unwrap().to_owned();
    let mut told: Vec<_> = landed.warnings().iter().map(|w| (line(&w.object), w.message.clone())).collect();
    told.sort_by_key(|(line, _)| line.parse::<u64>().unwrap_or(0));
    told
}

#[test]
fn lines_become_rules_with_their_days_and_their_place() {
    // A byte order mark, other cases and orders of columns, quotes, CRLF and blank lines, as spreadsheets write them.
    let landed = read_text(
        "\u{feff}Team,Kind,Tag_Key,Pattern,From,To\r\n\
         growth,workflow,,growth.*,,\r\n\
         \r\n\
         ,,,,,\r\n\
         \"Data, Platform\",TAG,user:Cost-Center,\"42\",2026-01-01,2026-07-01\r\n\
         growth,table, ,prod.growth.?,2026-02-28\r\n",
    );
    let rows = landed.rows(Dataset::Owners);
    assert_eq!((rows.len(), landed.codes()), (3, vec![]));
    for (key, want) in [
        ("source_line", json!(5)),
        ("kind", json!("tag")),
        ("tag_key", json!("cost_center")),
        ("pattern", json!("42")),
        ("team", json!("Data, Platform")),
        ("valid_from", json!(1_767_225_600_000_i64)),
        ("valid_to", json!(1_782_864_000_000_i64)),
    ] {
        assert_eq!(rows[1][key], want, "{key}");
    }
    assert_eq!((&rows[0]["valid_from"], &rows[0]["tag_key"]), (&Value::Null, &Value::Null));
    assert_eq!((&rows[2]["source_line"], &rows[2]["valid_to"]), (&json!(6), &Value::Null));
    assert_eq!(rows[2]["valid_from"], json!(1_772_236_800_000_i64));
}

#[test]
fn a_line_that_says_nothing_usable_is_named_and_the_rest_counts() {
    let landed = read_text(
        "kind,tag_key,pattern,team,from,to\n\
         workflo,,growth.*,growth,,\n\
         workflow,,growth.*,,,\n\
         workflow,,,growth,,\n\
         tag,,growth,growth,,\n\
         user,team,growth,growth,,\n\
         user,,ann,growth,2026-2-1,\n\
         user,,ann,growth,2026-02-30,\n\
         user,,ann,growth,2026-02-01,2026-02-01\n\
         user,,ann,growth,,,x,\n\
         user,,ann,growth,,\n",
    );
    let want = [
        ("2", "`workflo` is no kind of rule: use tag, owner"),
        ("3", "`team` is empty"),
        ("4", "`pattern` is empty"),
        ("5", "needs its `tag_key`"),
        ("6", "a rule on a user has no `tag_key`"),
        ("7", "`2026-2-1` in `from` is no day: write it as 2026-01-31"),
        ("8", "`2026-02-30` in `from` is no day"),
        ("9", "`to` must be after `from`"),
        ("10", "it has 8 cells, the header 6"),
    ];
    let told = told(&landed);
    assert_eq!(told.len(), want.len(), "{told:#?}");
    for ((line, message), (want_line, want)) in told.iter().zip(want) {
        assert!(line == want_line && message.contains(want), "{line}: {message} is not {want_line}: {want}");
    }
    assert!(landed.warnings().iter().all(|warning| warning.skipped && warning.code == "bad-owner"));
    assert_eq!(landed.rows(Dataset::Owners).len(), 1);
}

#[test]
fn a_rule_said_twice_counts_once_and_a_contradiction_is_told() {
    let landed = read_text(
        "kind,pattern,team,from\n\
         user,ann,growth,\n\
         user,ann,growth,\n\
         user,ann,content,\n\
         user,ann,content,2026-01-01\n",
    );
    let teams: Vec<_> = landed.rows(Dataset::Owners).iter().map(|row| row["team"].clone()).collect();
    assert_eq!(teams, [json!("growth"), json!("content")]);
    assert_eq!(
        told(&landed),
        [
            ("3".to_owned(), "it says what line 2 says: it counts once".to_owned()),
            ("4".to_owned(), "line 2 gives the same to team `growth`: the first counts".to_owned()),
        ]
    );
    assert!(landed.warnings().iter().all(|warning| !warning.skipped));
}

#[test]
fn files_that_are_no_list_of_owners_are_refused() {
    for (text, fault, hint) in [
        ("", "empty, without even a header", ""),
        ("kind,pattern\nuser,ann\n", "no column `team`", "at least kind, pattern and team"),
        ("kind;pattern;team\nuser;ann;growth\n", "no column `kind`", "separate the cells by commas"),
        ("kind,pattern,team,Team\n", "the column `team` twice", ""),
    ] {
        let landed = read_text(text);
        assert!(landed.errors.values().any(|error| error.contains(fault)), "{fault}: {:?}", landed.errors);
        assert!(hint.is_empty() || landed.hints.iter().any(|h| h.contains(hint)), "{:?}", landed.hints);
        assert!(landed.rows(Dataset::Owners).is_empty());
    }
    assert_eq!(read_text("kind,pattern,team,note\n").codes(), [("no-owners", 1), ("unknown-column", 1)]);
}

#[test]
fn hostile_text_is_text() {
    let mut bytes =
        b"kind,pattern,team\nuser,\"=cmd|' /C calc'!A0\",<script>\nuser,a\0b,growth\nuser,\xff,growth\nuser,"
            .to_vec();
    bytes.extend("x".repeat(5000).as_bytes());
    bytes.extend(b",growth\n");
    let landed = read_bytes("owners.csv", &bytes);
    let rows = landed.rows(Dataset::Owners);
    let seen: Vec<_> = rows.iter().map(|row| (row["pattern"].clone(), row["team"].clone())).collect();
    assert_eq!(seen, [(json!("=cmd|' /C calc'!A0"), json!("<script>")), (json!("a b"), json!("growth"))]);
    assert_eq!(landed.codes(), [("bad-owner", 2)]);
}

#[test]
fn packed_files_are_read_and_cut_ones_are_refused_whole() {
    let text = format!("kind,pattern,team\n{}", "user,ann,growth\n".repeat(3));
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(text.as_bytes()).unwrap();
    let packed = packer.finish().unwrap();
    let landed = read_bytes("owners.csv.gz", &packed);
    assert_eq!((landed.rows(Dataset::Owners).len(), landed.codes()), (1, vec![("duplicate-owner", 2)]));
    let cut = read_bytes("owners.csv.gz", &packed[..packed.len() - 9]);
    assert!(cut.errors.values().any(|error| error.contains("stops in the middle")), "{:?}", cut.errors);
    assert!(read_bytes(".owners.csv", text.as_bytes()).units.is_empty());
}

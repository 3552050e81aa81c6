//! docs/MODELS.md is generated from the models' files, so that it cannot rot.

use std::collections::BTreeSet;
use std::fmt::{Display, Write as _};
use std::path::Path;

use attribution::description::KeyColumn;
use attribution::models::{CHECKS, Form, MODELS};

fn key(columns: &[KeyColumn]) -> String {
    let name = |column: &KeyColumn| format!("`{}`{}", column.name, if column.nullable { "?" } else { "" });
    columns.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn list(names: impl IntoIterator<Item = impl Display>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(", ") }
}

fn page() -> String {
    let mut page = String::from(
        "# Models\n\nEvery SQL model of `attribution/sql`, in the order they are built, generated from the files \
         (`LAKELEDGER_UPDATE_DOCS=1 cargo test --workspace --test marts models_docs` writes it anew). A model is one file \
         and makes one table. `?` marks a key column that may be null; *kept* models are in the published mart, the \
         others are dropped from it. Landed datasets are in [LANDED.md](LANDED.md), rule tables in \
         `attribution/sql/rule_tables.sql`.\n",
    );
    let reads: Vec<(&str, BTreeSet<String>)> =
        MODELS.iter().map(|model| (model.name, model.reads())).collect();
    let mut layers: Vec<&str> = MODELS.iter().map(|model| model.layer).collect();
    layers.dedup();
    for layer in layers {
        let models = || MODELS.iter().zip(&reads).filter(|(model, _)| model.layer == layer);
        let _ = write!(page, "\n## {layer}\n\n```mermaid\nflowchart LR\n");
        for (model, (_, reads)) in models() {
            for read in reads {
                let _ = writeln!(page, "    {read} --> {}", model.name);
            }
        }
        page.push_str("```\n\n| Model | One row per | Key | Reads | Read by |\n|---|---|---|---|---|\n");
        for (model, (_, read)) in models() {
            let readers = reads.iter().filter(|(_, reads)| reads.contains(model.name));
            let _ = writeln!(
                page,
                "| `{}`{} | {} | {} | {} | {} |",
                model.name,
                match model.form {
                    Form::Table => ", kept",
                    Form::View => ", a view",
                    Form::Step => "",
                },
                model.grain(),
                model.keys().iter().map(|columns| key(columns)).collect::<Vec<_>>().join("; "),
                list(read),
                list(readers.map(|(name, _)| name)),
            );
        }
    }
    page.push_str(
        "\n## Checks\n\nEach returns offenders; one offender stops the publish.\n\n\
         | Check | Any row is | Reads |\n|---|---|---|\n",
    );
    for check in CHECKS {
        let _ = writeln!(page, "| `{}` | {} | {} |", check.name, check.meaning(), list(check.reads()));
    }
    page
}

#[test]
fn the_page_of_models_is_what_the_files_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/MODELS.md");
    if std::env::var_os("LAKELEDGER_UPDATE_DOCS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, page(), "run with LAKELEDGER_UPDATE_DOCS=1");
}

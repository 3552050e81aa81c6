//! docs/LANDED.md is generated from the schemas, so that it cannot rot.

use std::fmt::Write as _;
use std::path::Path;

use model::landed::{ColumnType, Dataset};

fn page() -> String {
    let mut page = String::from(
        "# Landed datasets\n\nThe contract between `ingest` and `attribution`, generated from `model/src/landed.rs` \
         (`LAKELEDGER_UPDATE_DOCS=1 cargo test -p model` writes it anew). Times are UTC, sizes bytes, usage whole \
         milliseconds; money and quantities are `DECIMAL(38,18)`.\n",
    );
    for dataset in Dataset::ALL {
        let _ = write!(
            page,
            "\n## `{dataset}`\n\nOne row: {}.\n\n| Column | Type | Meaning |\n|---|---|---|\n",
            dataset.grain()
        );
        for column in dataset.columns() {
            let kind = match column.kind {
                ColumnType::Text => "text",
                ColumnType::Int => "integer",
                ColumnType::Bool => "boolean",
                ColumnType::Instant => "timestamp",
                ColumnType::Decimal => "decimal",
            };
            let null = if column.required { "" } else { ", may be null" };
            let _ = writeln!(page, "| `{}` | {kind}{null} | {} |", column.name, column.about);
        }
    }
    page
}

#[test]
fn the_page_of_landed_datasets_is_what_the_schemas_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/LANDED.md");
    if std::env::var_os("LAKELEDGER_UPDATE_DOCS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap_or_default(),
        page(),
        "run with LAKELEDGER_UPDATE_DOCS=1"
    );
}

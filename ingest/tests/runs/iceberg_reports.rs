//! Iceberg scan reports: Iceberg's own example of one, what collectors wrap around it, and
//! records that are broken.

use model::landed::Dataset;
use serde_json::{Value, json};

use crate::support::{Landed, read, write};

const KIND: &str = "iceberg-reports";

fn read_text(name: &str, text: impl AsRef<[u8]>) -> Landed {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), name, text);
    read(KIND, directory.path())
}

/// The fields of `TestScanReportParser` of Iceberg, with the metadata its engines add.
fn report() -> Value {
    json!({
        "report-type": "scan-report", "table-name": "prod.growth.signups", "snapshot-id": 23,
        "filter": {"type": "gt-eq", "term": "event_date", "value": "(date-30-days-ago)"},
        "schema-id": 4, "projected-field-ids": [1], "projected-field-names": ["c1"],
        "metrics": {
            "total-planning-duration": {"count": 1, "time-unit": "nanoseconds", "total-duration": 600_000_000_000_i64},
            "result-data-files": {"unit": "count", "value": 5}, "result-delete-files": {"unit": "count", "value": 5},
            "total-file-size-in-bytes": {"unit": "bytes", "value": 1069},
            "total-delete-file-size-in-bytes": {"unit": "bytes", "value": 23},
        },
        "metadata": {"engine-name": "spark", "engine-version": "4.1.4", "user": "mira", "timestamp": "2026-10-05T06:15:00Z"},
    })
}

#[test]
fn reports_add_up_by_table_day_and_reader() {
    let mut other = report();
    other["metadata"]["timestamp"] = json!(1_791_187_200_000_i64);
    other["filter"] = json!({"type": "gt-eq", "term": "event_date", "value": "2026-08-01"});
    // The REST specification's own example spells the bytes otherwise.
    let bytes = other["metrics"].as_object_mut().unwrap().remove("total-file-size-in-bytes").unwrap();
    other["metrics"]["total-file-size-bytes"] = bytes;
    let mut late = report();
    late["metadata"]["timestamp"] = json!("2026-10-06T00:00:00Z");
    let mut nobody = report();
    nobody["metadata"].as_object_mut().unwrap().remove("user");
    let commit = json!({
        "report-type": "commit-report", "table-name": "prod.growth.signups", "snapshot-id": 23, "sequence-number": 4,
        "operation": "append", "metrics": {"added-data-files": {"unit": "count", "value": 1}},
    });
    let landed =
        read_text("a.jsonl", [report(), other, late, nobody, commit].map(|r| format!("{r}\n")).concat());
    let rows = landed.rows(Dataset::TableAccess);
    assert_eq!((rows.len(), landed.codes()), (3, vec![]));
    let mira = rows.iter().find(|row| row["principal"] == "mira" && row["period"] == "2026-10-05").unwrap();
    for (key, want) in [
        ("table_name", json!("prod.growth.signups")),
        ("engine", json!("spark")),
        ("reads", json!(2)),
        ("files", json!(20)),
        ("bytes", json!(2 * (1069 + 23))),
        ("day", json!(1_791_158_400_000_i64)),
        ("last_read_at", json!(1_791_187_200_000_i64)),
        ("oldest_partition_on", json!(1_785_542_400_000_i64)),
    ] {
        assert_eq!(mira[key], want, "{key}");
    }
    assert!(rows.iter().any(|row| row["principal"] == "" && row["reads"] == 1));
    assert!(rows.iter().any(|row| row["period"] == "2026-10-06"));
}

#[test]
fn collectors_wrap_reports_in_many_ways() {
    let mut bare = report();
    bare["metadata"] = json!({"trino.user": "mira"});
    let mut plain = bare.clone();
    plain.as_object_mut().unwrap().remove("report-type");
    let at = "2026-10-05T06:15:00Z";
    for wrapped in [
        json!({"timestamp": at, "principal": "mira", "report": bare}),
        json!({"received-at": 1_791_180_900, "request": bare, "path": "/v1/prod/namespaces/growth/tables/signups/metrics"}),
        json!({"ts": 1_791_180_900_000_i64, "body": bare.to_string()}),
        json!({"@timestamp": at, "message": plain.to_string()}),
        report(),
    ] {
        let row = read_text("a.json", serde_json::to_string_pretty(&wrapped).unwrap())
            .rows(Dataset::TableAccess)
            .remove(0);
        assert_eq!(
            (&row["principal"], &row["last_read_at"]),
            (&json!("mira"), &json!(1_791_180_900_000_i64)),
            "{wrapped}"
        );
    }
    let undated = read_text("a.jsonl", bare.to_string());
    assert_eq!((undated.rows(Dataset::TableAccess).len(), undated.codes()), (1, vec![("no-time", 1)]));
}

#[test]
fn broken_records_cost_themselves() {
    let text = format!(
        "{}\n{{\"a\": 1}}\n[]\nnull\n{{\"table-name\": 5, \"metrics\": {{}}}}\n{}",
        report(),
        &report().to_string()[..50]
    );
    let landed = read_text("a.jsonl", text);
    assert_eq!(landed.rows(Dataset::TableAccess).len(), 1);
    assert_eq!(landed.codes(), [("malformed-record", 4), ("truncated-log", 1)]);
    assert!(landed.warnings().iter().any(|warning| warning.message.contains("line 2:")));
    assert!(read_text("a.json", "no json at all").errors.values().any(|error| error.contains("not JSON")));

    let mut wild = report();
    wild["table-name"] = json!("<b>\u{0}");
    wild["metrics"] = json!({"result-data-files": {"value": -5}, "total-file-size-in-bytes": {"value": 1e300}, "result-delete-files": i64::MAX});
    wild["filter"] = json!("((((");
    wild["metadata"]["timestamp"] = json!("9999-01-01T00:00:00Z");
    wild["metadata"]["ts"] = json!("2026-10-05T06:15:00Z");
    let row = read_text("a.jsonl", wild.to_string()).rows(Dataset::TableAccess).remove(0);
    assert_eq!(
        (&row["table_name"], &row["files"], &row["bytes"]),
        (&json!("<b> "), &json!(i64::MAX), &Value::Null)
    );
}

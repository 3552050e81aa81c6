use std::path::Path;

use super::*;
use crate::frame::Origin;
use crate::store::LocalStore;

/// Reads a file of this text and name; its landed rows, or the error's two lines.
fn read_named(name: &str, text: &[u8]) -> Result<Vec<Line>, String> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(name), text).unwrap();
    let store = LocalStore::new(directory.path());
    let plan = UsageCsv.plan(&store, &store.list().unwrap()).unwrap();
    let [unit] = &plan.units[..] else { return Err(format!("{} units", plan.units.len())) };
    let origin = Origin { source: "usage".into(), object: unit.key.clone() };
    let mut sink = Sink::new(origin);
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    let shown = |error: ReadError| {
        let text = error.to_string().replace(&format!("{}/", directory.path().display()), "");
        match error.hint() {
            Some(hint) => format!("{text}\n{hint}"),
            None => text,
        }
    };
    UsageCsv.read(&store, unit, now, &mut sink).map_err(shown)?;
    let mut lines = read_lines(&store, &unit.objects[0]).map_err(shown)?;
    days::check(&mut lines).map_err(|refusal| refusal.fault)?;
    // What was landed is what was read.
    let landed = sink.finish().unwrap();
    let rows: usize = landed.rows.values().map(crate::packed::PackedRows::rows).sum();
    assert_eq!(rows, lines.len());
    Ok(lines)
}

fn read(text: &str) -> Result<Vec<Line>, String> {
    read_named("usage.csv", text.as_bytes())
}

fn day(text: &str) -> chrono::NaiveDate {
    text.parse().unwrap()
}

#[test]
fn quantities_are_spread_over_their_days_and_open_shares_end_where_the_next_begin() {
    let lines = read(
        "Pool,Resource_ID,tag,date,month,from,to,dimension,consumer,quantity,share,unit,team\n\
         ,arn:*,,,2026-02,,,Topic,orders,56,,GB,growth\n\
         ,arn:*,,2026-02-03,,,,topic,clicks,1e1,,GB,\n\
         warehouse,,user:App=etl*,,,2026-01-01,,Query-Group,etl,,0.6,,\n\
         warehouse,,user:App=etl*,,,2026-01-01,,query group,bi,,0.4,,\n\
         warehouse,,app=etl*,,,2026-03-01,2026-03-05,query_group,bi,,1,,\n",
    )
    .unwrap();
    let amounts: Vec<_> = lines
        .iter()
        .map(|line| line.quantity.or(line.share).map(|amount| amount.to_string()).unwrap())
        .collect();
    // 56 GB in the 28 days of February are 2 a day.
    assert_eq!(amounts, ["2", "10", "0.6", "0.4", "1"]);
    let days: Vec<_> = lines.iter().map(|line| (line.starts_on, line.ends_on.unwrap())).collect();
    let want = [
        ("2026-02-01", "2026-03-01"),
        ("2026-02-03", "2026-02-04"),
        ("2026-01-01", "2026-03-01"),
        ("2026-01-01", "2026-03-01"),
        ("2026-03-01", "2026-03-05"),
    ];
    assert_eq!(days, want.map(|(from, to)| (day(from), day(to))));
    assert_eq!(lines[0].dimension, "topic");
    assert_eq!((lines[0].team.as_deref(), lines[1].team.as_deref()), (Some("growth"), None));
    assert_eq!(lines[4].selection.tag, Some(("app".to_owned(), "etl*".to_owned())));
    assert_eq!(lines[3].number, 4);
}

#[test]
fn what_cannot_be_meant_is_refused_with_file_and_line() {
    const HEAD: &str = "pool,cluster,tag,day,month,from,to,dimension,consumer,quantity,share,team\n";
    let cases: &[(&str, &str)] = &[
        ("a,,,2026-02-01,,,,topic,x,,1.01,\n", ":2`: a share is above 1: 1.01\nshares are fractions"),
        (
            "a,,,2026-02-01,,,,topic,x,,0.6,\na,,,2026-02-02,,,,topic,x,,0.6,\na,,,,2026-02,,,topic,y,,0.5,\n",
            // The month begins with the first day: its row and the first hold together.
            ":4`: on 2026-02-01 the shares of the same charges sum to 1.1, above 1",
        ),
        (
            "a,,,,,2026-02-01,,topic,x,,0.6,\na,,,,,2026-02-01,2026-02-09,topic,y,,0.400000000000000001,\n",
            ":3`: on 2026-02-01 the shares of the same charges sum to 1.000000000000000001, above 1",
        ),
        ("a,,,2026-02-01,,,,topic,x,-1,,\n", ":2`: `quantity` is below 0: -1"),
        ("a,,,2026-02-01,,,,topic,x,,-0.1,\n", ":2`: `share` is below 0: -0.1"),
        ("a,,,2026-02-01,,,,topic,x,\"1,000\",,\n", ":2`: `quantity`: `1,000` is not a decimal number"),
        ("a,,,2026-02-01,,,,topic,x,1e17,,\n", ":2`: a quantity is too large: 100000000000000000"),
        ("a,,,2026-02-01,,,,topic,x,1,0.5,\n", ":2`: it has both a share and a quantity"),
        ("a,,,2026-02-01,,,,topic,x,,,\n", ":2`: it has neither a share nor a quantity"),
        (",,,2026-02-01,,,,topic,x,1,,\n", ":2`: no column says which charges are split\nfill `pool`"),
        ("a,,,2026-02-30,,,,topic,x,1,,\n", ":2`: `day` must be a day such as 2026-01-31, not `2026-02-30`"),
        ("a,,,,2026-13,,,topic,x,1,,\n", ":2`: `month` must be a month such as 2026-01, not `2026-13`"),
        ("a,,,,,,,topic,x,1,,\n", ":2`: the days must stand in one of `day`, `month`, or `from` and `to`"),
        ("a,,,2026-02-01,2026-02,,,topic,x,1,,\n", ":2`: the days must stand in one of"),
        ("a,,,,,2026-02-02,2026-02-02,topic,x,1,,\n", ":2`: `to` must be after `from`"),
        ("a,,,,,2026-02-02,,topic,x,1,,\n", ":2`: a quantity without an end"),
        ("a,,,2026-02-01,,,,,x,1,,\n", ":2`: `dimension` is empty"),
        ("a,,,2026-02-01,,,,topic,,1,,\n", ":2`: `consumer` is empty"),
        ("a,,app,2026-02-01,,,,topic,x,1,,\n", ":2`: `tag` must be key=value, not `app`"),
        ("a,,,2026-02-01,,,,topic,x,1\n", ":2`: the row has 10 cells, the header 12\na text with a comma"),
        (
            "a,,,2026-02-01,,,,topic,x,1,,\na,,,,2026-02,,,team,x,1,,\n",
            ":3`: on 2026-02-01 the same charges are split by topic and by team",
        ),
        (
            "a,,,2026-02-01,,,,topic,x,1,,\na,,,2026-02-01,,,,topic,y,,0.1,\n",
            ":3`: on 2026-02-01 the same charges have shares and quantities",
        ),
        (
            "a,,,2026-02-01,,,,topic,x,1,,growth\na,,,2026-02-01,,,,topic,x,1,,ads\n",
            ":3`: on 2026-02-01 consumer `x` has two teams, or one and none",
        ),
    ];
    for (rows, want) in cases {
        let found = read(&format!("{HEAD}{rows}")).unwrap_err();
        let want = format!("could not read usage file `usage.csv{want}");
        assert!(found.starts_with(&want), "{rows}\n{found}\n  is not\n{want}");
    }
    // Of other charges, or on other days, all of that may be.
    let apart = "a,,,2026-02-01,,,,topic,x,,0.6,growth\nb,,,2026-02-01,,,,team,x,1,,\n\
                 a,c,,2026-02-01,,,,topic,x,,0.6,\na,,,2026-02-02,,,,topic,x,,0.6,ads\n";
    assert_eq!(read(&format!("{HEAD}{apart}")).unwrap().len(), 4);
}

#[test]
fn files_that_are_no_usage_are_refused() {
    for (text, want) in [
        (&b""[..], "`usage.csv`: the file is empty, without even a header"),
        (b"pool,dimension,consumer,qty\n", "`usage.csv:1`: unknown column `qty`: known are pool, cluster,"),
        (b"pool,consumer\n", "`usage.csv:1`: the column `dimension` is missing"),
        (b"resource,resource_id,dimension,consumer\n", "`usage.csv:1`: the column `resource` is there twice"),
        (
            b"pool,day,dimension,consumer,share\na,2026-02-01,t\xff,x,1\n",
            "`usage.csv:2`: the text is not UTF-8",
        ),
    ] {
        let found = read_named("usage.csv", text).unwrap_err();
        assert!(found.starts_with(&format!("could not read usage file {want}")), "{found}");
    }
    assert_eq!(read_named("usage.xlsx", b"PK").unwrap_err(), "0 units");
    assert_eq!(read("pool,dimension,consumer\n").unwrap().len(), 0);
    let mark = "\u{feff}pool,day,dimension,consumer,share\na,2026-02-01,topic,x,1\n";
    assert_eq!(read(mark).unwrap().len(), 1);
}

#[test]
fn the_examples_of_the_documentation_are_read() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sources/usage-csv.md");
    let text = std::fs::read_to_string(page).unwrap();
    let examples: Vec<&str> =
        text.split("```csv\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 4, "{}", examples.len());
    for example in examples {
        assert!(!read(example).unwrap().is_empty(), "{example}");
    }
}

//! Explore, search and the pages in depth, on the lab, against the command line.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::collections::BTreeMap;

use axum::http::StatusCode;
use model::Amount;

use crate::dashboard::{Dashboard, attributes, text, unescape};

type Rows = Vec<BTreeMap<String, String>>;

/// What the command line prints for the same question.
fn exported(dashboard: &Dashboard, arguments: &[&str]) -> Rows {
    let printed = dashboard.lab.ok(&[&["export", "costs"], arguments].concat());
    csv::Reader::from_reader(printed.as_bytes()).deserialize().collect::<Result<_, _>>().unwrap()
}

fn sum(rows: &Rows, column: &str) -> Amount {
    rows.iter().map(|row| row[column].parse::<Amount>().unwrap()).sum()
}

/// Keys and cost of each row that is not zero, sorted.
fn keyed(rows: &Rows, keys: &[&str]) -> Vec<(Vec<String>, Amount)> {
    let mut keyed: Vec<_> = rows
        .iter()
        .map(|row| (keys.iter().map(|key| row[*key].clone()).collect(), row["cost"].parse().unwrap()))
        .filter(|(_, cost): &(_, Amount)| !cost.is_zero())
        .collect();
    keyed.sort();
    keyed
}

#[test]
fn explore_has_the_rows_of_the_command_line_by_any_dimensions() {
    let dashboard = Dashboard::of_the_lab();
    for by in [
        "team",
        "day,team",
        "week",
        "month,service",
        "workload,table",
        "cluster",
        "run",
        "pool,method",
        "engine,region,account",
    ] {
        for (wheres, basis) in [("", "effective"), ("category=idle", "billed"), ("team=growth", "list")] {
            let mut url = format!("/explore?by={by}&basis={basis}&format=csv");
            let mut asked = vec!["--by", by, "--basis", basis];
            if !wheres.is_empty() {
                url.push_str(&format!("&where={}", wheres.replace('=', "%3D")));
                asked.extend(["--where", wheres]);
            }
            let keys: Vec<&str> = by.split(',').collect();
            let (page, command) = (dashboard.csv(&url), exported(&dashboard, &asked));
            assert_eq!(keyed(&page, &keys), keyed(&command, &keys), "{url}");
        }
    }
}

#[test]
fn a_grid_and_a_measure_tie_to_the_same_totals() {
    let dashboard = Dashboard::of_the_lab();
    let whole = sum(&exported(&dashboard, &[]), "cost");
    let idle = sum(&exported(&dashboard, &["--where", "category=idle"]), "cost");
    assert!(!idle.is_zero());
    for (query, want) in [
        ("by=service&pivot=team", whole),
        ("by=team&pivot=day", whole),
        ("by=team,service&pivot=cluster&measure=idle", idle),
    ] {
        let rows = dashboard.csv(&format!("/explore?{query}&format=csv"));
        assert_eq!(sum(&rows, "total"), want, "{query}");
        // Every column of a value is in the total, once.
        for row in &rows {
            let parts: Amount = row
                .iter()
                .filter(|(key, _)| {
                    !["service", "team", "day", "total", "currency", "basis"].contains(&key.as_str())
                })
                .filter_map(|(_, value)| value.parse::<Amount>().ok())
                .sum();
            assert_eq!(parts.to_string(), row["total"], "{query}: {row:?}");
        }
    }
    let rows = dashboard.csv("/explore?by=team&format=csv");
    assert_eq!((sum(&rows, "cost"), sum(&rows, "idle")), (whole, idle));
    let page = text(&dashboard.page("/explore?by=team&pivot=service&measure=idle"));
    assert!(page.contains("Idle cost by team and service"), "{page}");
}

#[test]
fn a_workload_says_what_of_its_cost_its_runs_do_not_have() {
    let dashboard = Dashboard::of_the_lab();
    let rows = dashboard.csv("/explore?by=workload&idle=proportional&format=csv");
    let is_spread = |row: &&BTreeMap<String, String>| {
        row["workload"] != "(none)" && !row["idle"].parse::<Amount>().unwrap().is_zero()
    };
    let workload = rows.iter().find(is_spread).unwrap()["workload"].replace('/', "%2F");
    let says = |query: &str| {
        let page = text(&dashboard.page(&format!("/workloads/{workload}{query}")));
        page.contains("of what was idle beside its runs is charged to it too")
    };
    assert!(says("?idle=proportional") && !says(""), "{workload}");
}

#[test]
fn the_form_of_explore_and_its_faults_say_what_to_do() {
    let dashboard = Dashboard::of_the_lab();
    let sent =
        dashboard.get("/explore?by=service&by=&pivot=&measure=cost&chart=bar&dimension=team&is=growth");
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    let url = sent.headers["location"].to_str().unwrap();
    assert!(url.contains("where=team%3Dgrowth") && !url.contains("dimension"), "{url}");
    assert_eq!(dashboard.get(url).status, StatusCode::OK);
    for (url, told) in [
        ("/explore?by=colour", "use day, week, month"),
        ("/explore?by=team&pivot=team&format=csv", "choose other columns"),
        ("/explore?measure=joy", "use cost, idle or waste"),
        ("/explore?chart=pie", "use stacked, line, bar or table"),
        ("/explore?by=region&measure=waste&format=csv", "team, workload, table or cluster"),
        ("/explore?by=day,team,service,region", "at most 3"),
        ("/explore?dimension=colour&is=red", "is not a dimension"),
        ("/explore/values?dimension=colour", "is not a dimension"),
    ] {
        let page = dashboard.get(url);
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{url}");
        assert!(text(&page.body).contains(told), "{url}: {}", text(&page.body));
    }
    // Fields of the form that do not go together are brought to what can be shown, and it says so.
    for (url, told) in [
        ("/explore?by=team&pivot=team", "Rows are by team already"),
        (
            "/explore?by=region&measure=waste",
            "Waste is known by team, workload, table or cluster: here by team",
        ),
        ("/explore?by=table&pivot=day&measure=waste&where=team%3Dgrowth", "here by table"),
    ] {
        let page = dashboard.page(url);
        assert!(text(&page).contains(told), "{url}: {}", text(&page));
        let csv = attributes(&page, "href").into_iter().find(|link| link.contains("format=csv")).unwrap();
        assert_eq!(
            dashboard.get(&unescape(csv)).status,
            StatusCode::OK,
            "{url}: its download is of what is shown"
        );
    }
    let page = dashboard.page("/explore?by=team&measure=waste&where=region%3Dx");
    assert!(page.contains("name=\"where\" value=\"region=x\""), "the form keeps what is not shown now");
    let values: Vec<String> =
        serde_json::from_str(&dashboard.page("/explore/values?dimension=team")).unwrap();
    assert!(values.contains(&"growth".to_owned()), "{values:?}");
    // The same question is one command and one address away.
    let page = dashboard.page("/explore?by=tag%3Aenv&where=team%3Dgrowth&idle=proportional");
    assert!(text(&page).contains("lakeledger export costs --by tag:env"), "{}", text(&page));
    assert!(text(&page).contains("--where team=growth --idle proportional"), "{}", text(&page));
}

#[test]
fn search_finds_anything_by_its_name_the_best_match_first() {
    let dashboard = Dashboard::of_the_lab();
    let found = |query: &str| -> Vec<(String, String)> {
        let body = dashboard.page(&format!("/search/suggest?q={query}"));
        let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
        let text = |thing: &serde_json::Value, key: &str| thing[key].as_str().unwrap().to_owned();
        answer["found"]
            .as_array()
            .unwrap()
            .iter()
            .map(|thing| (text(thing, "kind"), text(thing, "label")))
            .collect()
    };
    assert_eq!(found("GROWTH")[0], ("Team".into(), "growth".into()), "exactly");
    assert_eq!(found("waste")[0], ("Page".into(), "Waste".into()));
    assert!(found("idle+cost").contains(&("Term".into(), "Idle cost".into())));
    assert!(found("j-").iter().any(|(kind, _)| kind == "Cluster"), "{:?}", found("j-"));
    assert!(found("").is_empty() && found("zzz-nothing").is_empty());
    let run = dashboard.csv("/runs?format=csv")[0]["run"].clone();
    assert_eq!(found(&run.replace('/', "%2F"))[0], ("Run".into(), run.clone()));
    let page = dashboard.page("/search?q=growth&basis=billed");
    assert!(page.contains("href=\"/teams/growth?basis=billed\""), "the lens is kept");
    assert!(text(&dashboard.page("/search?q=zzz")).contains("Nothing has this name"));
}

#[test]
fn the_page_of_a_run_adds_up_to_its_cost_and_knows_its_stages_and_tables() {
    let dashboard = Dashboard::of_the_lab();
    let costs = exported(&dashboard, &["--by", "run"]);
    let (mut staged, mut touching) = (0, 0);
    for row in costs.iter().filter(|row| row["run"] != "(none)") {
        let url = format!("/runs/{}", row["run"].replace('/', "%2F"));
        let charges = dashboard.csv(&format!("{url}?t=charges&format=csv"));
        assert_eq!(sum(&charges, "cost").to_string(), row["cost"], "{url}");
        let idle = dashboard.csv(&format!("{url}?t=idle&format=csv"));
        assert!(sum(&idle, "beside") <= sum(&idle, "idle"), "{url}: a run bears no more idle than there is");
        if dashboard.page(&url).contains("id=\"stages\"") {
            let stages = dashboard.csv(&format!("{url}?t=stages&format=csv"));
            assert!(stages.iter().all(|stage| {
                stage["task_ms_max"].parse::<i64>().unwrap()
                    >= stage["task_ms_median"].parse::<i64>().unwrap()
            }));
            staged += 1;
        }
        touching += usize::from(!dashboard.csv(&format!("{url}?t=touched&format=csv")).is_empty());
        // An orchestrator's id is a path: what begins alike is no attempt of the same.
        for attempt in dashboard.csv(&format!("{url}?t=attempts&format=csv")) {
            let of = |run: &str| run.split('/').take(2).map(str::to_owned).collect::<Vec<_>>();
            assert!(
                row["run"].split('/').count() < 4 || of(&attempt["run"]) == of(&row["run"]),
                "{url}: {}",
                attempt["run"]
            );
        }
    }
    assert!(staged > 0 && touching > 0, "{staged} runs have stages, {touching} tables");
    assert_eq!(dashboard.get("/runs/application_0_0").status, StatusCode::NOT_FOUND);
}

#[test]
fn a_clusters_hours_are_its_capacity_and_a_tables_sizes_its_files() {
    let dashboard = Dashboard::of_the_lab();
    let total = |rows: &Rows, column: &str| -> i64 {
        rows.iter().map(|row| row[column].parse::<i64>().unwrap()).sum()
    };
    for cluster in dashboard.csv("/clusters?format=csv") {
        let url =
            format!("/clusters/{}?t=hours&from=2026-01-01&to=2027-01-01&format=csv", cluster["cluster"]);
        let hours = dashboard.csv(&url);
        assert_eq!(total(&hours, "paid_vcore_ms").to_string(), cluster["vcore_ms_paid"], "{url}");
        let (used, want) = (total(&hours, "used_vcore_ms"), cluster["vcore_ms_used"].parse::<i64>().unwrap());
        assert!((used - want).abs() <= 64 * hours.len() as i64, "{url}: {used} is {want} but for rounding");
    }
    let mut sized = 0;
    for table in dashboard.csv("/tables?format=csv").iter().filter(|table| !table["data_files"].is_empty()) {
        let url = format!("/tables/{}", table["table"]);
        let sizes = dashboard.csv(&format!("{url}?t=sizes&format=csv"));
        if !sizes.is_empty() {
            assert_eq!(total(&sizes, "data_files").to_string(), table["data_files"], "{url}");
            assert_eq!(total(&sizes, "data_bytes").to_string(), table["data_bytes"], "{url}");
            sized += 1;
        }
        let snapshots = dashboard.csv(&format!("{url}?t=snapshots&format=csv"));
        assert_eq!(snapshots.len().to_string(), table["snapshots"], "{url}");
    }
    assert!(sized > 0, "the lab's tables have partitions");
}

#[test]
fn the_list_of_runs_is_sorted_searched_and_paged_where_the_runs_are() {
    let dashboard = Dashboard::of_the_lab();
    let all = dashboard.csv("/runs?format=csv");
    assert!(all.len() > 2, "{} runs", all.len());
    // The page, cut by the mart, has the order and the rows of the whole list.
    for sort in ["-cost", "run", "-vcore_ms", "started", "status"] {
        let rows = dashboard.csv(&format!("/runs?sort={sort}&format=csv"));
        let page = dashboard.page(&format!("/runs?sort={sort}"));
        let table = page.split("id=\"runs\"").nth(1).unwrap();
        let shown: Vec<String> = table
            .split("<th scope=\"row\"")
            .skip(1)
            .map(|cell| text(&format!("<th{}", cell.split("</th>").next().unwrap())))
            .collect();
        let want: Vec<String> = rows.iter().take(shown.len()).map(|row| row["run"].clone()).collect();
        assert!(!shown.is_empty());
        assert_eq!(shown, want, "sorted by {sort}, runs that are equal by it too");
        assert!(text(&page).contains(&format!("{} runs", all.len())), "{sort}");
    }
    let workload = &all[0]["workload"];
    let found = dashboard.csv(&format!("/runs?q={}&format=csv", workload.to_uppercase().replace('/', "%2F")));
    let page = text(&dashboard.page(&format!("/runs?q={}", workload.to_uppercase().replace('/', "%2F"))));
    assert!(
        page.contains(&format!("{} of {} runs", found.len(), all.len())) || found.len() == all.len(),
        "{page}"
    );
    // A download searches what the page searches: a cost is no word of a run.
    assert!(dashboard.csv("/runs?q=%24&format=csv").is_empty());
    assert!(text(&dashboard.page("/runs?q=%24")).contains("None of the"));
    let nothing = text(&dashboard.page("/runs?q=zzz-nothing"));
    assert!(nothing.contains(&format!("None of the {} runs matches", all.len())), "{nothing}");
    assert_eq!(dashboard.get("/runs?sort=colour").status, StatusCode::BAD_REQUEST);
    assert_eq!(dashboard.get("/runs?page=999").status, StatusCode::BAD_REQUEST);
    assert_eq!(dashboard.csv("/runs?t=outcomes-by-day&format=csv").len(), 2, "the lab has two days");
}

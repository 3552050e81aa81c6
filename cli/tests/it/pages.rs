//! The dashboard on the lab, asked through its router without a socket.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use axum::http::StatusCode;
use model::Amount;

use crate::dashboard::{Dashboard, attributes, text, unescape};
use crate::lab::Lab;

/// Every page of the site that can be reached from these, with its HTML; at most `most`.
fn crawl(dashboard: &Dashboard, from: &[&str], most: usize) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    let mut seen: BTreeSet<String> = from.iter().map(|url| (*url).to_owned()).collect();
    let mut open: VecDeque<String> = seen.iter().cloned().collect();
    while let Some(url) = open.pop_front() {
        let body = dashboard.page(&url);
        if !body.starts_with("<!doctype html>") {
            // Downloads and files are asked for too, but hold no links.
            pages.insert(url, body);
            continue;
        }
        let links = ["href", "src", "action"].into_iter().flat_map(|name| attributes(&body, name));
        for link in links.map(|link| unescape(link.split('#').next().unwrap())) {
            if link.is_empty() {
                continue;
            }
            assert!(link.starts_with('/') && !link.starts_with("//"), "{url} leads out of the site: {link}");
            if seen.len() < most && seen.insert(link.clone()) {
                open.push_back(link);
            }
        }
        pages.insert(url, body);
    }
    pages
}

#[test]
fn every_link_of_every_page_leads_somewhere_and_nothing_is_inline() {
    let dashboard = Dashboard::of_the_lab();
    let pages = crawl(&dashboard, &["/"], 900);
    for place in
        ["/teams", "/workloads", "/tables", "/clusters", "/waste", "/waste/what-if", "/data", "/help"]
    {
        assert!(pages.contains_key(place), "{place} is not linked from the overview");
    }
    for start in ["/teams/growth", "/workloads/", "/tables/", "/clusters/j-", "/explain?", "/explain/"] {
        assert!(pages.keys().any(|url| url.starts_with(start)), "no link to {start} was found");
    }
    for (url, html) in pages.iter().filter(|(_, body)| body.starts_with("<!doctype html>")) {
        // The policy would refuse these; a page that needs them is broken.
        for inline in [" style=\"", " onclick=", " onload=", " onerror=", "javascript:", "<script>", "<style"]
        {
            assert!(!html.contains(inline), "{url} holds {inline}");
        }
        assert_eq!(html.matches("<h1").count(), 1, "{url} has one heading of the first level");
        assert!(html.contains("<title>") && html.contains("lang=\"en\""), "{url}");
        let ids = attributes(html, "id");
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "{url} has an id twice: {ids:?}");
    }
}

#[test]
fn a_hostile_name_is_only_ever_text() {
    let dashboard = Dashboard::of_the_lab();
    let runs = dashboard.csv("/workloads/content.quality_audit%2Faudit?t=runs&format=csv");
    assert!(
        runs.iter().all(|run| run["name"].contains("<script>")),
        "the lab names an application so: {runs:?}"
    );
    let pages = crawl(&dashboard, &["/", "/workloads", "/workloads/content.quality_audit%2Faudit"], 400);
    let shown = pages.values().filter(|html| html.contains("&#60;script&#62;")).count();
    assert!(shown > 0, "the name is on a page");
    // A name may also come in with the address.
    let asked = dashboard.get("/workloads/%3Cscript%3Ealert(1)%3C%2Fscript%3E");
    assert!(
        asked.body.contains("&#60;script&#62;alert(1)") && !asked.body.contains("<script>"),
        "{}",
        asked.body
    );
    for (url, html) in &pages {
        if html.starts_with("<!doctype html>") {
            let scripts = html.match_indices("<script").count();
            let ours = html.matches("<script src=\"/static/").count()
                + html.matches("<script type=\"application/json\">").count();
            assert_eq!(scripts, ours, "{url} has a script that is not ours");
            assert_eq!(scripts, html.matches("</script>").count(), "{url}: a name ended a script element");
        }
    }
}

#[test]
fn what_is_not_there_or_cannot_be_says_so_and_offers_a_way_out() {
    let dashboard = Dashboard::of_the_lab();
    for url in [
        "/nowhere",
        "/teams/nobody",
        "/workloads/no%2Fsuch",
        "/tables/a.b.c",
        "/clusters/j-0",
        "/explain/x",
        "/waste/0123456789ab",
        "/static/style.css",
    ] {
        let page = dashboard.get(url);
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{url}");
        assert!(page.body.contains("class=\"button\" href=\"/"), "{url} offers a way out");
    }
    for (url, allowed) in [
        ("/?from=yesterday", "write it as 2026-10-05"),
        ("/teams?basis=cash", "billed, effective, list or contracted"),
        ("/teams?currency=EUR", "use USD"),
        ("/teams?team=nobody", "growth"),
        ("/teams?sort=colour", "use team, cost"),
        ("/teams?t=nothing", "use teams"),
        ("/teams?page=9", "use 1 to 1"),
        ("/teams?frm=2026-10-05", "use from, to"),
        ("/teams?from=2026-10-06&to=2026-10-05", "a day after 2026-10-06"),
        ("/explain?where=colour%3Dred", "colour"),
        ("/waste?detector=magic", "use idle-cluster"),
        ("/waste?kind=planet", "use cluster, workload"),
        ("/waste?status=lost", "use open, all, new"),
        ("/waste?confidence=sure", "use low, medium or high"),
        ("/waste?min=much", "write it as 250"),
        ("/waste/what-if?setting=magic", "use spot, auto-termination"),
        ("/waste/what-if?value=many", "use 1 to 100"),
        ("/help?x=1", "is not a parameter"),
    ] {
        let page = dashboard.get(url);
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{url}");
        assert!(text(&page.body).contains(allowed), "{url} says what is allowed: {}", text(&page.body));
    }
    // The page itself is a way out, without what is at fault.
    for (url, way_out) in [
        ("/teams?from=2026-10-06&to=2026-10-05&basis=billed", "/teams?from=2026-10-06&basis=billed"),
        ("/teams?frm=2026-10-05&basis=billed&format=csv", "/teams?basis=billed"),
        ("/teams?team=nobody&basis=billed", "/teams?basis=billed"),
        ("/teams?sort=colour&basis=billed", "/teams?basis=billed"),
        ("/waste?detector=magic&kind=table", "/waste"),
    ] {
        let body = unescape(&dashboard.get(url).body);
        assert!(body.contains(&format!("href=\"{way_out}\">Go on without it<")), "{url}: {body}");
        assert_eq!(dashboard.get(way_out).status, StatusCode::OK, "{way_out}");
    }
    assert!(!dashboard.get("/?from=yesterday").body.contains("Go on"), "the overview is one already");
    // Whatever is asked, nothing of the machine is told and nothing breaks.
    let ledger = dashboard.lab.path("ledger").display().to_string();
    for url in [
        "/teams/%FF%FE",
        "/teams/%00",
        "/workloads/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/?q=%FF&t=teams",
        "/?%zz=%",
        "/teams/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/?from=2026-10-05&from=2026-10-06",
        "/explain?where=",
        "/?to=0001-01-01",
        "/?from=9999-12-31",
        "/?from=0000-01-01&to=9999-12-31",
        "/data?t=balance&q=%27%22%3B--",
        "/explain/%27%20or%201%3D1",
        "/?page=99999999999999999999",
    ] {
        let page = dashboard.get(url);
        assert!(page.status.as_u16() < 500, "{url}: {}", page.status);
        assert!(!page.body.contains(&ledger) && !page.body.contains("<script>alert"), "{url}");
    }
}

#[test]
fn a_csv_holds_the_rows_of_its_table_and_exact_figures() {
    let dashboard = Dashboard::of_the_lab();
    let sum = |rows: &[BTreeMap<String, String>], column: &str| -> Amount {
        rows.iter().map(|row| row[column].parse::<Amount>().unwrap()).sum()
    };
    for basis in ["billed", "effective", "list", "contracted"] {
        // The command line's whole, by a way that shares no code with the pages' tables.
        let total = dashboard.lab.ok(&["export", "costs", "--basis", basis]);
        let whole: Amount = csv::Reader::from_reader(total.as_bytes())
            .deserialize::<BTreeMap<String, String>>()
            .map(|row| row.unwrap()["cost"].parse::<Amount>().unwrap())
            .sum();
        for (url, column) in [
            ("/?t=teams", "cost"),
            ("/?t=by-day", "total"),
            ("/?t=flows", "cost"),
            ("/teams?t=teams", "cost"),
            ("/workloads?t=workloads", "cost"),
            ("/data?t=balance", "charged"),
            ("/explain?t=parts", "cost"),
            ("/explain?t=methods", "cost"),
        ] {
            let rows = dashboard.csv(&format!("{url}&basis={basis}&format=csv"));
            assert_eq!(sum(&rows, column), whole, "{url} on {basis}");
            assert!(rows.iter().all(|row| row["currency"] == "USD" && row["basis"] == basis), "{url}");
        }
    }
    // The page shows the rows of the CSV, searched alike.
    let rows = dashboard.csv("/workloads?q=TITLE&format=csv");
    let page = text(&dashboard.page("/workloads?q=TITLE"));
    assert!(!rows.is_empty());
    for row in &rows {
        assert!(page.contains(&row["workload"]), "{row:?}");
    }
    let all = dashboard.csv("/workloads?format=csv").len();
    assert!(page.contains(&format!("{} of {all} rows", rows.len())), "{page}");
    // And sorts as asked, whichever way.
    let names =
        |url: &str| -> Vec<String> { dashboard.csv(url).iter().map(|row| row["workload"].clone()).collect() };
    let up = names("/workloads?sort=workload&format=csv");
    let mut sorted = up.clone();
    sorted.sort_by_key(|name| name.to_lowercase());
    assert_eq!(up, sorted);
    let down: Vec<_> = up.iter().rev().cloned().collect();
    assert_eq!(names("/workloads?sort=-workload&format=csv"), down);
}

#[test]
fn a_figure_opens_down_to_the_lines_of_the_bill() {
    let dashboard = Dashboard::of_the_lab();
    let parts = dashboard.csv("/explain?where=team%3Dgrowth&where=category%3Dusage&format=csv");
    assert!(!parts.is_empty());
    let group = &parts[0]["charge_group"];
    let url = format!("/explain/{}?format=csv", group.replace('/', "%2F").replace(' ', "%20"));
    let lines = dashboard.csv(&url);
    assert!(!lines.is_empty());
    // What the lines put into the charge is the charge the part was cut from.
    let charge: Amount = lines.iter().map(|line| line["in_this_charge"].parse::<Amount>().unwrap()).sum();
    assert_eq!(charge, parts[0]["charge"].parse().unwrap());
    for line in &lines {
        let row: usize = line["line"].parse().unwrap();
        assert!(row >= 1 && line["file"].contains("aws-bill"), "{line:?}");
    }
    let page = text(&dashboard.page("/explain?where=team%3Dgrowth&where=category%3Dusage"));
    assert!(page.contains("The parts add up to the figure exactly"), "{page}");
}

#[test]
fn every_page_keeps_the_view_and_explain_adds_up_in_it() {
    let dashboard = Dashboard::of_the_lab();
    let view = "idle=proportional&shared=even&ownership=as-was";
    for path in ["/", "/teams", "/teams/content", "/workloads", "/tables", "/clusters"] {
        let page = dashboard.page(&format!("{path}?{view}"));
        let said = text(&page);
        let terms = "idle to what used the cluster; shared evenly to teams; owners as recorded each day";
        assert!(said.contains(terms), "{path}: {said}");
        let kept = attributes(&page, "href").into_iter().any(|link| unescape(link).contains(view));
        assert!(kept, "{path} has no link that keeps the view");
    }
    let explained = text(&dashboard.page(&format!("/explain?{view}&where=team%3Dcontent")));
    assert!(explained.contains("The parts add up to the figure exactly"), "{explained}");
    assert!(explained.contains("Parts that this view spreads"), "{explained}");
    assert!(explained.contains("Charges that this view spreads"), "{explained}");
    assert!(explained.contains("Idle, to what used the cluster"), "{explained}");
}

#[test]
fn teams_within_teams_are_summed_on_the_page_of_the_team_above() {
    let lab = Lab::new();
    let file = lab.path("lakeledger.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let nested = config.replacen("name = \"growth\"", "name = \"growth\"\nparent = \"data\"", 1);
    let nested = nested.replacen("name = \"content\"", "name = \"content\"\nparent = \"data\"", 1);
    assert_ne!(nested, config);
    std::fs::write(&file, format!("{nested}\n[[team]]\nname = \"data\"\n")).unwrap();
    lab.ok(&["run"]);
    let dashboard = Dashboard::of(lab, || "2026-10-07T06:00:00Z".parse().unwrap());
    let cost = |rows: &[BTreeMap<String, String>], team: &str| -> Amount {
        rows.iter().filter(|row| row["team"] == team).map(|row| row["cost"].parse::<Amount>().unwrap()).sum()
    };
    let own = dashboard.csv("/teams?t=teams&format=csv");
    let top = dashboard.csv("/teams?t=organisation&format=csv");
    assert_eq!(cost(&top, "data"), cost(&own, "growth") + cost(&own, "content"));
    let all = |rows: &[BTreeMap<String, String>]| -> Amount {
        rows.iter().map(|row| row["cost"].parse::<Amount>().unwrap()).sum()
    };
    assert_eq!(all(&top), all(&own), "the top and what nobody owns are the whole");
    let within = dashboard.csv("/teams/data?t=within&format=csv");
    assert_eq!(all(&within), cost(&top, "data"));
    assert_eq!(cost(&within, "growth"), cost(&own, "growth"));
    let services = dashboard.csv("/teams/data?t=services&format=csv");
    assert_eq!(all(&services), cost(&top, "data"));
    // Wherever the team is asked for, those within it are too.
    let whole = dashboard.csv("/explore?by=service&team=data&format=csv");
    assert_eq!(all(&whole), cost(&top, "data"));
    let answer: serde_json::Value = serde_json::from_str(&dashboard.page("/api/v1/costs?team=data")).unwrap();
    assert_eq!(answer["rows"][0]["cost"], cost(&top, "data").to_string());
    let answer: serde_json::Value = serde_json::from_str(&dashboard.page("/api/v1/teams?team=data")).unwrap();
    let listed: BTreeSet<&str> =
        answer["rows"].as_array().unwrap().iter().map(|row| row["team"].as_str().unwrap()).collect();
    assert_eq!(listed, BTreeSet::from(["content", "data", "growth"]));
    for url in ["/?team=data", "/teams/data"] {
        let page = text(&dashboard.page(url));
        assert!(page.contains("data with the teams within it spent $"), "{url}: {page}");
    }
    assert!(text(&dashboard.page("/?team=growth")).contains("growth spent $"));
    let runs = |query: &str| dashboard.csv(&format!("/runs?format=csv{query}"));
    let of_data = runs("&team=data");
    assert_eq!(of_data.len(), runs("&team=growth").len() + runs("&team=content").len());
    assert!(!of_data.is_empty());
    let asked: serde_json::Value = serde_json::from_str(&dashboard.page("/api/v1/runs?team=data")).unwrap();
    assert_eq!(asked["rows"].as_array().unwrap().len(), of_data.len());
    let explained = text(&dashboard.page("/explain?team=data"));
    assert!(explained.contains("team: data with the teams within it"), "{explained}");
    assert!(explained.contains("The parts add up to the figure exactly"), "{explained}");
}

#[test]
fn the_overview_says_what_was_charged_and_that_it_balances() {
    let dashboard = Dashboard::of_the_lab();
    let overview = text(&dashboard.page("/?basis=billed"));
    // The bill's total by an independent program, rounded to the cent here by hand of a library
    // that shares nothing with the pages.
    let oracle =
        std::fs::read_to_string(crate::lab::lab_directory().join("expected/bill_totals.json")).unwrap();
    let oracle: serde_json::Value = serde_json::from_str(&oracle).unwrap();
    let unblended: f64 = oracle["unblended"].as_str().unwrap().parse().unwrap();
    assert!(
        overview.contains(&format!("The platform spent ${unblended:.2} from 5 to 6 October 2026")),
        "{overview}"
    );
    assert!(overview.contains("difference 0 USD"), "{overview}");
    assert!(overview.contains("No comparison: the ledger begins on Mon 5 Oct 2026"), "{overview}");
    assert!(!overview.contains("days ago"), "on the morning after, nothing is stale");

    let late = Dashboard::of(dashboard.lab, || "2026-10-20T06:00:00Z".parse().unwrap());
    let overview = text(&late.page("/"));
    assert!(overview.contains("The newest usage is of Tue 6 Oct 2026, 14 days ago"), "{overview}");
    // A day against the day before it, which the ledger has.
    let second = text(&late.page("/?from=2026-10-06&to=2026-10-07"));
    assert!(second.contains("against the span of the same length before it (on 5 October 2026)"), "{second}");
}

/// The demo ends on Sunday, 8 November; what it pays for support by the month is spread over all of November.
#[test]
fn pages_end_with_usage_and_weeks_of_it_open_with_the_last() {
    let lab = Lab::demo(35, 7);
    let status = lab.ok(&["--config", "demo/lakeledger.toml", "status"]);
    assert!(status.contains("charges from 2026-10-05 until before 2026-12-01"), "{status}");
    let ledger = lab.path("demo/ledger");
    let dashboard = Dashboard::at(lab, &ledger, || "2026-11-09T06:00:00Z".parse().unwrap());
    let overview = dashboard.page("/");
    let said = text(&overview);
    assert!(said.contains("from 2 to 8 November 2026"), "{said}");
    let before = "against the span of the same length before it (from 26 October to 1 November 2026)";
    assert!(said.contains(before), "{said}");
    assert!(said.contains("Sun 8 Nov 2026 of all bills read"), "{said}");
    // The news is how much more or less it was, and where.
    assert!(said.contains(", up ") || said.contains(", down "), "{said}");
    assert!(said.contains(" The largest change: "), "{said}");
    // What is not told apart leads nowhere: no restriction leaves it.
    for url in ["/", "/?group=service", "/?group=pool"] {
        let page = dashboard.page(url);
        for item in page.split("<li>").filter(|item| item.contains("</svg>other <span>")) {
            assert!(item.starts_with("<b>"), "{url}: {item}");
        }
    }
    // Each team's report is a link away.
    let team = dashboard.page("/teams/ads");
    assert!(attributes(&team, "href").contains(&"/reports/weekly/ads"), "{}", text(&team));
    assert!(text(&dashboard.page("/data")).contains("What was checked before publishing"));
    let presets = ["2026-11-08", "2026-11-02", "2026-10-10", "2026-11-01"];
    for from in presets {
        assert!(overview.contains(&format!("from={from}&#38;to=2026-11-09")), "{from}: {overview}");
    }
    assert!(overview.contains("from=2026-10-05&#38;to=2026-12-01"), "all days are all that is charged for");
    // Of days that are charged for and not used yet nothing is to be compared.
    let beyond = text(&dashboard.page("/?from=2026-11-02&to=2026-11-16"));
    assert!(beyond.contains("No comparison: usage is billed until Sun 8 Nov 2026"), "{beyond}");
}

#[test]
fn a_ledger_without_a_mart_says_which_command_fills_it_and_shows_it_once_filled() {
    let dashboard = Dashboard::of(Lab::new(), || "2026-10-07T06:00:00Z".parse().unwrap());
    for url in ["/", "/teams", "/teams/growth", "/data", "/explain"] {
        let page = dashboard.get(url);
        assert_eq!(page.status, StatusCode::OK, "{url}");
        assert!(text(&page.body).contains("lakeledger run"), "{url}");
    }
    assert_eq!(dashboard.get("/healthz").body, "ok\n");
    dashboard.lab.ok(&["run"]);
    assert!(text(&dashboard.page("/")).contains("The platform spent"), "without a restart");
}

#[test]
fn responses_are_guarded_and_files_are_kept_by_browsers() {
    let dashboard = Dashboard::of_the_lab();
    for url in ["/", "/nowhere", "/?from=x", "/teams?format=csv", "/healthz"] {
        let headers = dashboard.get(url).headers;
        let header = |name: &str| {
            headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let policy = header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{url}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{url}: {policy}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{url}");
        assert_eq!(header("referrer-policy"), "same-origin", "{url}");
    }
    let page = dashboard.page("/");
    for file in attributes(&page, "src")
        .into_iter()
        .chain(attributes(&page, "href"))
        .filter(|url| url.starts_with("/static/"))
    {
        let asked = dashboard.get(file);
        assert_eq!(asked.status, StatusCode::OK, "{file}");
        assert_eq!(asked.headers["cache-control"], "public, max-age=31536000, immutable", "{file}");
    }
    let csv = dashboard.get("/teams?format=csv").headers;
    assert!(
        csv["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"lakeledger-teams-")
    );
}

//! One word is one figure, and one thing is shown alike wherever it is asked for: on the lab.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::collections::BTreeMap;

use axum::http::StatusCode;
use model::Amount;

use crate::dashboard::{Dashboard, attributes, text, unescape};
use crate::lab::Lab;

fn at_six() -> model::time::Instant {
    "2026-10-07T06:00:00Z".parse().unwrap()
}

/// The lab with its configuration changed, published.
fn changed(change: impl Fn(&str) -> String) -> Lab {
    let lab = Lab::new();
    configure(&lab, change);
    lab.ok(&["run"]);
    lab
}

fn configure(lab: &Lab, change: impl Fn(&str) -> String) {
    let file = lab.path("lakeledger.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    let after = change(&before);
    assert_ne!(after, before, "nothing was changed");
    std::fs::write(&file, after).unwrap();
}

/// The configuration without the rules of one team.
fn without_rules_of(config: &str, team: &str) -> String {
    let rules = config
        .split("\n\n")
        .filter(|part| !(part.contains("[[owner_rule]]") && part.contains(&format!("team = \"{team}\""))));
    rules.collect::<Vec<_>>().join("\n\n")
}

/// Dollars and cents as pages write them, below a thousand.
fn dollars(amount: Amount) -> String {
    let amount: f64 = amount.to_string().parse().unwrap();
    assert!(amount < 1_000.0, "{amount} would need a comma");
    format!("${amount:.2}")
}

#[test]
fn what_has_no_team_is_the_same_figure_on_every_page() {
    // Nobody owns content's runs, tables and cluster any more, and the network is for all.
    let lab = changed(|config| {
        let shared = "[[pool_rule]]\npool = \"network\"\nshared = true\nservice = \"AmazonVPC\"\n";
        format!("{}\n\n{shared}", without_rules_of(config, "content"))
    });
    // The command line's costs, by a way that shares no code with the pages' sentences.
    let costs = lab.ok(&["export", "costs", "--by", "team,category"]);
    let (mut all, mut nobodys, mut shared, mut unallocated) =
        (Amount::ZERO, Amount::ZERO, Amount::ZERO, Amount::ZERO);
    for row in csv::Reader::from_reader(costs.as_bytes()).deserialize::<BTreeMap<String, String>>() {
        let row = row.unwrap();
        let cost: Amount = row["cost"].parse().unwrap();
        all += cost;
        if row["team"] == "(none)" {
            nobodys += cost;
            shared += if row["category"] == "shared" { cost } else { Amount::ZERO };
            unallocated += if row["category"] == "unallocated" { cost } else { Amount::ZERO };
        }
    }
    let no_owner = nobodys - shared;
    assert!(unallocated < no_owner, "runs and idle without an owner are allocated: {costs}");
    let (nobodys, shared, no_owner) = (dollars(nobodys), dollars(shared), dollars(no_owner));
    assert!(nobodys != no_owner && shared != no_owner, "all three figures differ: {costs}");

    let dashboard = Dashboard::of(lab, at_six);
    let page = |url: &str| text(&dashboard.page(url));
    for (url, said) in [
        ("/", format!("{shared} shared by all, {no_owner} without an owner")),
        ("/teams", format!("{shared} is shared by all and {no_owner} has no owner")),
        ("/teams/%28none%29", format!("What has no team cost {nobodys} from 5 to 6 October 2026")),
        ("/teams/%28none%29", format!("{shared} is shared by all and {no_owner} has no owner")),
        ("/ownership", format!("goes by default and {no_owner} has no owner")),
        ("/ownership", format!("{shared} shared by all needs no owner and is left out")),
        ("/data", format!("Of no team: {shared} shared by all, {no_owner} without an owner")),
    ] {
        assert!(page(url).contains(&said), "{url} says {said}: {}", page(url));
    }
    let explored = page("/explore?by=team&chart=table");
    assert!(explored.contains(&format!("no team {nobodys}")), "{explored}");
    let exactly = |rows: Vec<BTreeMap<String, String>>, name: &str, column: &str| -> String {
        let row = rows.iter().find(|row| row["team"] == name).unwrap();
        dollars(row[column].parse().unwrap())
    };
    assert_eq!(exactly(dashboard.csv("/teams?t=teams&format=csv"), "no team", "cost"), nobodys);
    assert_eq!(exactly(dashboard.csv("/ownership?t=coverage&format=csv"), "no owner", "none"), no_owner);
    // In a view that spreads what is shared, and leaves idle by itself, the words hold too.
    let spread = page("/?shared=even&idle=keep");
    assert!(!spread.contains("shared by all") && spread.contains("idle by itself"), "{spread}");
}

#[test]
fn a_team_that_handed_everything_over_or_was_renamed_leads_on() {
    let lab = changed(|config| {
        let heirs = config.split("\n\n").filter(|part| part.contains("[[owner_rule]]\nteam = \"growth\""));
        let heirs: Vec<String> = heirs
            .map(|rule| {
                format!("{}\nfrom = \"2026-10-06\"", rule.replace("\"growth\"", "\"acquisition\"").trim_end())
            })
            .collect();
        let ended = config
            .split("\n\n")
            .map(|part| match part.contains("[[owner_rule]]\nteam = \"growth\"") {
                true => format!("{}\nto = \"2026-10-06\"", part.trim_end()),
                false => part.to_owned(),
            })
            .collect::<Vec<_>>()
            .join("\n\n");
        // The tag is matched as it was: the value is not the team's name.
        let heirs =
            heirs.join("\n\n").replace("tag = { team = \"acquisition\" }", "tag = { team = \"growth\" }");
        format!("{ended}\n\n{heirs}\n\n[[team]]\nname = \"acquisition\"\n")
    });
    let dashboard = Dashboard::of(lab, at_six);
    let page = dashboard.page("/teams/growth");
    let said = text(&page);
    assert!(
        said.contains("The last rule that names growth ended on Tue 6 Oct 2026: it owns nothing since."),
        "{said}"
    );
    // Its workflow, its user, its tables and its tag.
    assert!(said.contains("Its rules go on with acquisition (4 rules) ."), "{said}");
    assert!(attributes(&page, "href").contains(&"/teams/acquisition"), "{page}");
    let before = text(&dashboard.page("/teams/growth?from=2026-10-05&to=2026-10-06"));
    assert!(!before.contains("it owns nothing since"), "on the day before it owned all: {before}");
    assert!(!text(&dashboard.page("/teams/acquisition")).contains("owns nothing"), "its rules go on");

    // Renamed in the configuration, the old name is in the record alone.
    let Dashboard { lab, .. } = dashboard;
    configure(&lab, |config| config.replace("\"growth\"", "\"audience\""));
    lab.ok(&["run"]);
    let dashboard = Dashboard::of(lab, at_six);
    let gone = dashboard.get("/teams/growth");
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert!(text(&gone.body).contains("it was renamed or removed"), "{}", text(&gone.body));
    let link =
        attributes(&gone.body, "href").into_iter().find(|link| link.contains("ownership=as-was")).unwrap();
    let recorded = text(&dashboard.page(&unescape(link)));
    assert!(recorded.contains("growth spent $"), "{recorded}");
    let never = dashboard.get("/teams/nobody");
    assert!(
        text(&never.body).contains("Nothing in the published figures has this name"),
        "{}",
        text(&never.body)
    );
}

#[test]
fn clusters_of_one_name_stand_in_one_row_and_are_shown_alike_by_name_and_by_id() {
    let lab = Lab::new();
    for id in ["j-1CNT5BATCH8ZP", "j-2GRW7ETL4KQ9X"] {
        let file = lab.path(&format!("exports/emr/{id}/describe-cluster.json"));
        let told = std::fs::read_to_string(&file).unwrap();
        let same = told.replace("content-batch", "nightly").replace("growth-etl", "nightly");
        assert_ne!(same, told);
        std::fs::write(file, same).unwrap();
    }
    lab.ok(&["run"]);
    let costs = lab.ok(&["export", "costs", "--by", "cluster"]);
    let of: BTreeMap<String, Amount> = csv::Reader::from_reader(costs.as_bytes())
        .deserialize::<BTreeMap<String, String>>()
        .map(|row| row.unwrap())
        .map(|row| (row["cluster"].clone(), row["cost"].parse().unwrap()))
        .collect();
    let both = of["j-1CNT5BATCH8ZP"] + of["j-2GRW7ETL4KQ9X"];

    let dashboard = Dashboard::of(lab, at_six);
    let rows = dashboard.csv("/clusters?t=clusters&format=csv");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((rows[0]["name"].as_str(), rows[0]["clusters"].as_str()), ("nightly", "2"));
    assert_eq!(rows[0]["cost"].parse::<Amount>().unwrap(), both);
    let list = dashboard.page("/clusters");
    assert!(text(&list).contains("2 clusters of 1 name cost"), "{}", text(&list));
    assert!(attributes(&list, "href").contains(&"/clusters/nightly"), "{list}");

    // No restriction leaves the clusters of a name, nor a day less what is of no cluster: neither
    // opens a figure that is not its own.
    let page = dashboard.page("/clusters/nightly");
    for link in attributes(&page, "href").into_iter().filter(|link| link.starts_with("/explain")) {
        assert!(link.contains("cluster%3D"), "{link} opens what is of all clusters");
    }
    assert!(!page.contains("where=category%3Didle"), "its chart leads nowhere: {page}");
    let days = list.split("id=\"by-day\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(!days.contains("/explain"), "a day of it opens the whole platform: {days}");
    let named = text(&page);
    assert!(named.contains(&format!("2 clusters named nightly cost {}", dollars(both))), "{named}");
    let each = dashboard.csv("/clusters/nightly?t=clusters&format=csv");
    for row in &each {
        assert_eq!(row["cost"].parse::<Amount>().unwrap(), of[&row["cluster"]], "{row:?}");
        let one = text(&dashboard.page(&format!("/clusters/{}", row["cluster"])));
        assert!(
            one.contains(&format!("nightly ({}) cost {}", row["cluster"], dollars(of[&row["cluster"]]))),
            "{one}"
        );
    }
    let used = dashboard.csv("/clusters/nightly?t=workloads&format=csv");
    assert_eq!(used.iter().map(|row| row["cost"].parse::<Amount>().unwrap()).sum::<Amount>(), both);
    // Those that were not charged in the days shown are of the name too.
    let earlier = dashboard.csv("/clusters/nightly?t=clusters&format=csv&from=2026-09-01&to=2026-09-02");
    assert_eq!(earlier.len(), 2, "{earlier:?}");
    assert!(earlier.iter().all(|row| row["cost"].is_empty()), "{earlier:?}");
}

#[test]
fn a_cluster_alone_of_its_name_is_one_page_by_name_and_by_id() {
    let dashboard = Dashboard::of_the_lab();
    let by_id = text(&dashboard.page("/clusters/j-2GRW7ETL4KQ9X"));
    let by_name = text(&dashboard.page("/clusters/growth-etl"));
    assert!(by_id.contains("growth-etl (j-2GRW7ETL4KQ9X) cost $"), "{by_id}");
    assert_eq!(by_id, by_name);
}

#[test]
fn a_source_that_stopped_is_told_on_the_overview() {
    let fresh = Dashboard::of_the_lab();
    assert!(!text(&fresh.page("/")).contains("behind the newest data"), "nothing of the lab is late");
    let Dashboard { lab, .. } = fresh;
    std::fs::create_dir_all(lab.path("exports/lineage")).unwrap();
    let event = r#"{"eventType":"COMPLETE","eventTime":"2026-10-01T08:00:00Z","run":{"runId":"0199a000-0000-7000-8000-000000000001"},"job":{"namespace":"old","name":"report"},"producer":"https://example.com","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json"}"#;
    std::fs::write(lab.path("exports/lineage/events.jsonl"), event).unwrap();
    configure(&lab, |config| {
        format!(
            "{config}\n[[source]]\nname = \"lineage\"\nkind = \"openlineage\"\nuri = \"exports/lineage/\"\n"
        )
    });
    lab.ok(&["run"]);
    let dashboard = Dashboard::of(lab, at_six);
    let overview = text(&dashboard.page("/"));
    // The bill's metered lines end with the 6th of October.
    assert!(
        overview.contains("Nothing of lineage is newer than Thu 1 Oct 2026, 5 days behind the newest data."),
        "{overview}"
    );
    assert!(overview.contains("is missing, not zero"), "{overview}");
    assert!(!text(&dashboard.page("/teams")).contains("behind the newest data"), "said once");
}

#[test]
fn a_run_without_an_end_says_so_and_counts_until_it_was_last_heard_of() {
    let lab = Lab::new();
    // Without the orchestrator nobody else knows how a run ended.
    configure(&lab, |config| {
        let parts = config.split("\n\n").filter(|part| !part.contains("kind = \"maestro\""));
        parts.collect::<Vec<_>>().join("\n\n")
    });
    let mut cut = 0;
    for entry in std::fs::read_dir(lab.path("exports/spark")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(log) = std::fs::read_to_string(&path) else { continue };
        let Some(end) = log.lines().find(|line| line.contains("SparkListenerApplicationEnd")) else {
            continue;
        };
        std::fs::write(&path, log.replace(&format!("{end}\n"), "")).unwrap();
        cut += 1;
    }
    assert!(cut > 0, "a plain log was cut short");
    lab.ok(&["run"]);
    let dashboard = Dashboard::of(lab, at_six);
    let runs = dashboard.csv("/runs?format=csv");
    let lost: Vec<_> = runs.iter().filter(|run| run["status"].starts_with("no end logged")).collect();
    assert_eq!(lost.len(), cut, "{runs:?}");
    let list = text(&dashboard.page("/runs"));
    assert!(list.contains(&format!("{cut} have no end in their log, at $")), "{list}");
    let page = text(&dashboard.page(&format!("/runs/{}", lost[0]["run"])));
    assert!(page.contains("has no end in its log and cost"), "{page}");
    assert!(page.contains("last heard of no end was logged: it counts until here and no longer"), "{page}");
}

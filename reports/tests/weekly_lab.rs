//! The weekly report of the lab: real input through ingest and attribution, and
//! totals that a reader independent of Lakeledger took from the bill.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use attribution::mart::Mart;
use attribution::rules::{Matcher, OwnerRule, Rules, Team};
use ingest::land::{Source, ingest};
use ingest::ledger::Ledger;
use ingest::source::{SourceOptions, reader};
use ingest::store::LocalStore;
use model::{Amount, Basis};
use reports::ReportError;
use reports::weekly::{Weekly, WeeklyRequest, build, write};

/// Teams with rules of their own. Growth is within a team that owns nothing else.
const TEAMS: [&str; 2] = ["growth", "content"];

fn lab() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/lab")
}

/// A mart of the lab's bill and logs, owned as the lab's configuration says.
fn lab_mart(ledger: &Path) -> Mart {
    let now = "2026-10-07T06:00:00Z".parse().unwrap();
    let options = SourceOptions {
        location_map: vec![("file:/warehouse/".into(), "s3://lab-lake/".into())],
        ..SourceOptions::default()
    };
    let mut opened = Ledger::open(ledger).unwrap();
    let sources = [
        ("aws-bill", "aws-cur", "billing"),
        ("spark", "spark-event-log", "spark"),
        ("maestro", "maestro", "maestro"),
        ("emr", "emr", "emr"),
        ("iceberg", "iceberg", "warehouse"),
    ];
    for (name, kind, folder) in sources {
        let root = lab().join("exports").join(folder);
        let source = Source {
            name: name.into(),
            kind: kind.into(),
            uri: folder.into(),
            options: options.clone(),
            store: Box::new(LocalStore::new(&root)),
            reader: reader(kind, &options).unwrap(),
        };
        ingest(&mut opened, &source, now, &()).unwrap();
    }
    let rule = |team: &str, matcher| OwnerRule { team: team.into(), matcher, from: None, to: None };
    let rules = Rules {
        teams: [("growth", Some("studio")), ("content", None), ("studio", None)]
            .map(|(name, parent)| Team {
                name: name.into(),
                email: vec![],
                parent: parent.map(str::to_owned),
            })
            .to_vec(),
        owner_rules: TEAMS
            .iter()
            .flat_map(|team| {
                [
                    rule(team, Matcher::Workflow(format!("{team}.*").into())),
                    rule(team, Matcher::Tag { key: "team".into(), value: (*team).into() }),
                ]
            })
            .collect(),
        display_timezone: "UTC".into(),
        sources: sources.map(|source| source.0.to_owned()).to_vec(),
        ..Rules::default()
    };
    attribution::publish(ledger, &rules, now, |_| {}).unwrap();
    Mart::open(ledger).unwrap()
}

fn request(basis: Basis) -> WeeklyRequest {
    WeeklyRequest {
        team: None,
        week: "2026-10-05".parse().unwrap(),
        now: "2026-10-12T06:00:00Z".parse().unwrap(),
        basis,
        base_url: None,
        tracked: vec![],
        reported: vec![],
        budgets: vec![],
    }
}

fn column_sum(weekly: &Weekly, attachment: &str, keep: impl Fn(&csv::StringRecord) -> bool) -> Amount {
    let content = &weekly.attachments.iter().find(|one| one.name.ends_with(attachment)).unwrap().content;
    let mut reader = csv::Reader::from_reader(content.as_bytes());
    let cost = reader.headers().unwrap().iter().position(|name| name == "cost").unwrap();
    let records = reader.records().map(Result::unwrap);
    records.filter(|record| keep(record)).map(|record| record[cost].parse::<Amount>().unwrap()).sum()
}

#[test]
fn the_lab_week_equals_its_bill_and_its_teams_sum_to_the_platform() {
    let directory = tempfile::tempdir().unwrap();
    let mart = lab_mart(directory.path());
    let bill: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(lab().join("expected/bill_totals.json")).unwrap()).unwrap();
    let unblended: Amount = bill["unblended"].as_str().unwrap().parse().unwrap();

    let reports = build(&mart, &request(Basis::Billed)).unwrap();
    let teams: Vec<_> = reports.iter().map(|report| report.team.as_deref()).collect();
    assert_eq!(teams, [None, Some("growth"), Some("content"), Some("studio")]);
    for attachment in ["-workloads.csv", "-tables.csv", "-days.csv"] {
        assert_eq!(column_sum(&reports[0], attachment, |_| true), unblended, "{attachment}");
        for team in &reports[1..3] {
            let name = team.team.as_deref().unwrap();
            // The team is the second column of all three.
            let of_platform = column_sum(&reports[0], attachment, |record| &record[1] == name);
            let own = column_sum(team, attachment, |_| true);
            assert_eq!(own, of_platform, "{name} {attachment}");
            assert!(own.units() > 0, "{name} spent something");
        }
        let [growth, studio] = [1, 3].map(|at| column_sum(&reports[at], attachment, |_| true));
        assert_eq!(studio, growth, "a team has what the teams within it own: {attachment}");
    }
    // What growth's applications wrote is growth's table, by their own logs.
    assert!(
        reports[1].attachments[1].content.contains("2026-W41,growth,prod.growth."),
        "{:?}",
        reports[1].attachments[1]
    );
    assert!(reports[0].text.contains("There is no earlier week with the same days to compare with."));
    assert!(reports[0].text.contains("This week is not whole"));
    assert!(reports[0].text.contains("Exact to the last digit"), "{}", reports[0].text);
    for report in &reports {
        // One of the lab's applications is named `quality_audit <script>...`.
        assert!(!report.html.contains("<script") && !report.mail_html.contains("<script"));
        let out = directory.path().join("out");
        let written = write(report, &out).unwrap();
        assert_eq!(written.len(), 8, "page, mail, text, two images, three attachments");
        assert_eq!(fs::read_to_string(&written[2]).unwrap(), report.text);
    }
    same_bill_on_every_basis(&mart);
    one_team_has_the_same_report_alone(&mart, &reports);
    the_week_after_has_nothing_yet(&mart);
}

fn same_bill_on_every_basis(mart: &Mart) {
    for basis in Basis::ALL {
        let total: Amount = mart
            .costs(&attribution::mart::CostQuery { basis, ..Default::default() })
            .unwrap()
            .iter()
            .map(|row| row.cost)
            .sum();
        let platform = &build(mart, &request(basis)).unwrap()[0];
        assert_eq!(column_sum(platform, "-days.csv", |_| true), total, "{basis}");
        assert!(platform.text.contains(&format!("Amounts are {basis} cost")));
    }
}

fn one_team_has_the_same_report_alone(mart: &Mart, all: &[Weekly]) {
    let one = |team: &str| build(mart, &WeeklyRequest { team: Some(team.into()), ..request(Basis::Billed) });
    assert_eq!(one("content").unwrap(), all[2..3]);
    assert_eq!(one("studio").unwrap(), all[3..]);
    let error = one("grwoth").unwrap_err();
    assert_eq!(error.to_string(), "no team `grwoth` is configured");
    let hint = error.hint().unwrap();
    assert!(hint.starts_with("configured teams: growth, "), "{hint}");
    let day = WeeklyRequest { week: "2026-10-06".parse().unwrap(), ..request(Basis::Billed) };
    assert!(matches!(build(mart, &day), Err(ReportError::NotMonday(_))));
    let link = WeeklyRequest { base_url: Some("javascript:alert(1)".into()), ..request(Basis::Billed) };
    assert!(matches!(build(mart, &link), Err(ReportError::BaseUrl(_))));
}

fn the_week_after_has_nothing_yet(mart: &Mart) {
    let next = WeeklyRequest { week: "2026-10-12".parse().unwrap(), ..request(Basis::Billed) };
    for report in build(mart, &next).unwrap() {
        assert!(report.text.contains("The ledger holds no charges for this week."), "{}", report.text);
        assert_eq!(report.attachments[2].content.lines().count(), 1);
    }
}

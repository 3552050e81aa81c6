//! Properties of whole ledgers: whatever is landed, every view, grouping and change sums to it.
//! (The cut of one cost: cuts. Many ledgers at once: random_ledgers.)

use std::fmt::Write as _;

use crate::common::{Ledger, cost};
use attribution::mart::{CostQuery, Dimension, Idle, Mart, Shared, View};
use attribution::rules::{Matcher, OwnerRule, Rules, Team};
use model::landed::Dataset;
use model::{Amount, Basis};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// The first minute of the generated month.
const START: &str = "2026-10-05 00:00";

#[derive(Clone, Debug)]
struct Node {
    cluster: usize,
    role: &'static str,
    vcpus: Option<i64>,
    memory_mib: Option<i64>,
    start: i64,
    life: Option<i64>,
}

#[derive(Clone, Debug)]
struct Held {
    hour: i64,
    /// A node's place, one too many for an unknown host, none for no host.
    host: Option<usize>,
    vcore_ms: i64,
    memory_mib_ms: i64,
}

#[derive(Clone, Debug)]
struct Run {
    cluster: Option<usize>,
    start: i64,
    life: i64,
    failed: bool,
    held: Vec<Held>,
    writes: Vec<(usize, Option<i64>)>,
    reads: Vec<(usize, Option<i64>)>,
}

#[derive(Clone, Debug)]
struct Charge {
    what: usize,
    on: usize,
    start: i64,
    length: i64,
    costs: [i128; 4],
    currency: &'static str,
    source: &'static str,
}

/// What a row of usage splits, what its consumers are, and how they are called.
const USED: [(&str, &str, &str); 5] = [
    ("stream,,", "topic", "t"),
    (",i-*,", "workload", "app-"),
    (",lake-?,", "table", "prod.n.t"),
    ("cluster_compute,,", "team", "growth"),
    (",,s3", "prefix", "p"),
];

#[derive(Clone, Debug)]
struct Used {
    what: usize,
    consumer: usize,
    day: i64,
    days: Option<i64>,
    is_share: bool,
    /// In hundredths.
    amount: i64,
    team: &'static str,
}

#[derive(Clone, Debug)]
struct World {
    nodes: Vec<Node>,
    runs: Vec<Run>,
    tables: Vec<(usize, i64)>,
    charges: Vec<Charge>,
    used: Vec<Used>,
}

fn world() -> impl Strategy<Value = World> {
    let node = (
        0..2_usize,
        prop_oneof![1 => Just("master"), 4 => Just("core")],
        prop::option::weighted(0.8, 1..96_i64),
        prop::option::weighted(0.8, 1_000..400_000_i64),
        0..2_000_i64,
        prop::option::weighted(0.8, 1..3_000_i64),
    )
        .prop_map(|(cluster, role, vcpus, memory_mib, start, life)| Node {
            cluster,
            role,
            vcpus,
            memory_mib,
            start,
            life,
        });
    let held =
        (0..50_i64, prop::option::weighted(0.9, 0..6_usize), 0..400_000_000_i64, 0..2_000_000_000_000_i64)
            .prop_map(|(hour, host, vcore_ms, memory_mib_ms)| Held { hour, host, vcore_ms, memory_mib_ms });
    let run = (
        prop::option::of(0..3_usize),
        0..2_000_i64,
        0..600_i64,
        prop::bool::weighted(0.2),
        prop::collection::vec(held, 0..8),
        prop::collection::vec((0..4_usize, prop::option::of(0..1_000_000_000_000_i64)), 0..4),
        prop::collection::vec((0..5_usize, prop::option::of(0..1_000_000_000_000_i64)), 0..4),
    )
        .prop_map(|(cluster, start, life, failed, held, writes, reads)| Run {
            cluster,
            start,
            life,
            failed,
            held,
            writes,
            reads,
        });
    let charge = (
        0..15_usize,
        0..6_usize,
        0..2_500_i64,
        prop_oneof![Just(1_i64), Just(60), Just(90), Just(1_440), Just(44_640), Just(0)],
        [cost(), cost(), cost(), cost()],
        prop_oneof![3 => Just("USD"), 1 => Just("EUR"), 1 => Just("JPY")],
        prop_oneof![3 => Just("bill"), 1 => Just("other")],
    )
        .prop_map(|(what, on, start, length, costs, currency, source)| Charge {
            what,
            on,
            start,
            length,
            costs,
            currency,
            source,
        });
    // Shares may sum to more than 1 here: a reader refuses that, splitting must bear it.
    let used = (
        0..USED.len(),
        0..3_usize,
        0..30_i64,
        prop::option::weighted(0.7, 1..20_i64),
        any::<bool>(),
        0..101_i64,
        prop_oneof![3 => Just(""), 1 => Just("growth"), 1 => Just("ghost")],
    )
        .prop_map(|(what, consumer, day, days, is_share, amount, team)| Used {
            what,
            consumer,
            day,
            days,
            is_share,
            amount,
            team,
        });
    (
        prop::collection::vec(node, 0..6),
        prop::collection::vec(run, 0..8),
        prop::collection::vec((0..2_usize, 0..1_000_000_000_000_000_i64), 0..5),
        prop::collection::vec(charge, 1..40),
        prop::collection::vec(used, 0..12),
    )
        .prop_map(|(nodes, runs, tables, charges, used)| World { nodes, runs, tables, charges, used })
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn at(minutes: i64) -> String {
    let start = chrono::NaiveDateTime::parse_from_str(START, "%Y-%m-%d %H:%M").unwrap();
    (start + chrono::TimeDelta::minutes(minutes)).to_string()
}

impl World {
    /// Every dataset's header and rows. `file` names the file of the nth bill line.
    fn rows(&self, file: impl Fn(usize) -> String, object: &str) -> Vec<(Dataset, String, Vec<String>)> {
        let nodes = self.nodes.iter().enumerate().map(|(at_, node)| {
            format!(
                "{object},j-{},n-{at_},i-{at_},10.0.0.{at_},{},{},{},{},{}",
                node.cluster,
                node.role,
                text(node.vcpus),
                text(node.memory_mib),
                at(node.start),
                text(node.life.map(|life| at(node.start + life)))
            )
        });
        let runs = self.runs.iter().enumerate().map(|(nth, run)| {
            let status = if run.failed { "failed" } else { "succeeded" };
            let cluster = text(run.cluster.map(|cluster| format!("j-{cluster}")));
            format!("{object},app-{nth},{cluster},{status},{},{}", at(run.start), at(run.start + run.life))
        });
        let hours = self.runs.iter().enumerate().flat_map(|(nth, run)| {
            run.held.iter().map(move |held| {
                let host = text(held.host.map(|host| format!("10.0.0.{host}")));
                format!(
                    "{object},app-{nth},{},{host},{},{}",
                    at(held.hour * 60),
                    held.vcore_ms,
                    held.memory_mib_ms
                )
            })
        });
        let writes = self.runs.iter().enumerate().flat_map(|(nth, run)| {
            let uses = [("write", &run.writes), ("read", &run.reads)];
            uses.into_iter().flat_map(move |(access, tables)| {
                tables.iter().map(move |(table, bytes)| {
                    format!("{object},app-{nth},prod.n.t{table},{access},{}", text(*bytes))
                })
            })
        });
        let used = self.used.iter().map(|used| {
            let (selection, dimension, prefix) = USED[used.what];
            let amount = format!("{:.2}", used.amount as f64 / 100.0);
            let amount = if used.is_share { format!("{amount},") } else { format!(",{amount}") };
            format!(
                "{object},{selection},{},{},{dimension},{prefix}{},{amount},{}",
                at(used.day * 1_440),
                text(used.days.map(|days| at((used.day + days) * 1_440))),
                used.consumer,
                used.team
            )
        });
        let tables = self.tables.iter().enumerate().map(|(nth, (bucket, bytes))| {
            // Not renamed: the unit it was read from says whether a table is still there.
            format!("object,2026-10-06 01:00,prod.n.t{nth},s3://lake-{bucket}/t{nth},{bytes}")
        });
        let tags = [
            "t-0,aws_elasticmapreduce_job_flow_id,j-0",
            "t-1,team,growth",
            "t-2,clusterid,j-7",
            "t-3,app,Kafka",
        ];
        vec![
            (
                Dataset::Nodes,
                "source_object,cluster_id,node_id,resource_id,private_ip,role,vcpus,memory_mib,started_at,ended_at"
                    .into(),
                nodes.collect(),
            ),
            (Dataset::Runs, "source_object,run_id,cluster_id,status,started_at,ended_at".into(), runs.collect()),
            (
                Dataset::RunHours,
                "source_object,run_id,hour,host,vcore_ms,memory_mib_ms".into(),
                hours.collect(),
            ),
            (Dataset::RunTables, "source_object,run_id,table_name,access,bytes".into(), writes.collect()),
            (
                Dataset::Tables,
                "source_object,collected_at,table_id,location,reachable_bytes".into(),
                tables.collect(),
            ),
            (Dataset::TagSets, "tag_set_id,key,value".into(), tags.map(str::to_owned).into()),
            (
                Dataset::UsageShares,
                "source_object,pool,resource_id,service,starts_on,ends_on,dimension,consumer,share,quantity,team"
                    .into(),
                used.collect(),
            ),
            (
                Dataset::Charges,
                "source,source_file,source_line,charge_period_start,charge_period_end,billed_cost,effective_cost,\
                 list_cost,contracted_cost,billing_currency,charge_category,x_line_item_type,service_name,\
                 resource_id,x_usage_type,tag_set_id,consumed_quantity,consumed_unit"
                    .into(),
                self.charges
                    .iter()
                    .enumerate()
                    .map(|(nth, charge)| format!("{},{},{nth},{}", charge.source, file(nth), charge.row()))
                    .collect(),
            ),
        ]
    }

    fn ledger(&self, parts: usize, reversed: bool, file: impl Fn(usize) -> String, object: &str) -> Ledger {
        let mut ledger = Ledger::new();
        for (dataset, header, mut rows) in self.rows(file, object) {
            if rows.is_empty() {
                continue;
            }
            if reversed {
                rows.reverse();
            }
            let mut csv = header;
            for row in rows {
                let _ = write!(csv, "\n{row}");
            }
            let path = ledger.path().join(format!("{dataset}.csv"));
            std::fs::write(&path, csv + "\n").unwrap();
            ledger.land_parts(dataset, &path, parts);
        }
        ledger.commit();
        ledger
    }
}

impl Charge {
    fn row(&self) -> String {
        let on = self.on;
        let (category, line, service, resource, usage, tags, unit) = match self.what {
            0..=2 => ("Usage", "Usage", "EC2", format!("i-{on}"), "BoxUsage:m5.xlarge", "", ""),
            3 => ("Usage", "Usage", "EC2", format!("vol-{on}"), "EBS:VolumeUsage", "t-0", "GB-Mo"),
            4 => ("Usage", "Usage", "EC2", format!("i-{on}"), "DataTransfer-Out-Bytes", "", "GB"),
            5 => ("Usage", "Usage", "S3", format!("lake-{}", on % 3), "TimedStorage-ByteHrs", "t-1", "GB-Mo"),
            6 => ("Usage", "Usage", "Kinesis", String::new(), "Shard", "t-1", ""),
            7 => ("Purchase", "Fee", "EC2", String::new(), "", "", ""),
            8 => ("Tax", "Tax", "", String::new(), "", "", ""),
            9 => ("Usage", "SavingsPlanCoveredUsage", "EC2", format!("i-{on}"), "BoxUsage:m5.xlarge", "", ""),
            10 => ("Usage", "SavingsPlanNegation", "EC2", String::new(), "BoxUsage:m5.xlarge", "", ""),
            11 => ("Usage", "Usage", "S3", format!("lake-{}", on % 3), "Requests-Tier2", "t-1", "Requests"),
            12 => ("Usage", "Usage", "S3", format!("lake-{}", on % 3), "USE1-USW2-AWS-Out-Bytes", "", "GB"),
            13 => ("Usage", "Usage", "AmazonEC2", format!("k-{on}"), "BoxUsage:m5.xlarge", "t-3", ""),
            _ => ("Usage", "Usage", "EC2", format!("x-{on}"), "BoxUsage:m5.xlarge", "t-2", ""),
        };
        let costs = self.costs.map(|units| Amount::from_units(units).to_string()).join(",");
        format!(
            "{},{},{costs},{},{category},{line},{service},{resource},{usage},{tags},{},{unit}",
            at(self.start),
            at(self.start + self.length),
            self.currency,
            on as f64 * 0.37
        )
    }
}

fn rules(ledger: &Ledger) -> Rules {
    let tag = Matcher::Tag { key: "team".into(), value: "*".into() };
    let rule = OwnerRule { team: "growth".into(), matcher: tag, from: None, to: None };
    let team = |name: &str, parent: Option<&str>| Team {
        name: name.into(),
        email: Vec::new(),
        parent: parent.map(str::to_owned),
    };
    Rules {
        owner_rules: vec![rule],
        teams: vec![
            team("data", None),
            team("growth", Some("data")),
            team("ads", Some("growth")),
            team("platform", None),
        ],
        shared_fixed: vec![("growth".into(), 333_333_333_333), ("platform".into(), 1)],
        ..ledger.rules()
    }
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, max_shrink_iters: 60, failure_persistence: None, ..Config::default() })
}

/// Sums of the charges by currency, added in Rust.
fn totals(world: &World) -> Vec<String> {
    let mut sums = std::collections::BTreeMap::new();
    for charge in &world.charges {
        let sum = sums.entry(charge.currency).or_insert([Amount::ZERO; 4]);
        for (sum, units) in sum.iter_mut().zip(charge.costs) {
            *sum += Amount::from_units(units);
        }
    }
    sums.iter()
        .map(|(currency, sum)| format!("{currency},{}", sum.map(|sum| sum.to_string()).join(",")))
        .collect()
}

const SUMS: &str = "sum(billed_cost) as billed, sum(effective_cost) as effective, sum(list_cost) as list,
    sum(contracted_cost) as contracted";

#[test]
fn whatever_is_landed_is_conserved_and_neither_order_nor_files_matter() {
    runner(std::env::var("LAKELEDGER_CASES").map_or(10, |cases| cases.parse().unwrap()))
        .run(&world(), |world| {
            let ledger = world.ledger(1, false, |_| "bill.csv".into(), "object");
            // Publishing runs every check.
            let rules = rules(&ledger);
            let published = ledger.publish(&rules);
            prop_assert!(published.is_ok(), "{published:?}");
            let found =
                ledger.ask(&format!("select billing_currency, {SUMS} from atoms group by billing_currency"));
            prop_assert_eq!(found, totals(&world));
            let groups = |table: &str| {
                ledger.ask(&format!("select charge_group_id, {SUMS} from {table} group by charge_group_id"))
            };
            prop_assert_eq!(groups("atoms"), groups("charge_groups"));

            let again = world.ledger(3, true, |nth| format!("s3://bucket/{}.csv", nth % 2), "renamed");
            prop_assert!(again.publish(&rules).is_ok());
            let (first, second) = (ledger.ask("from atoms"), again.ask("from atoms"));
            // Only what differs is shown: the whole would hide it.
            let only = |these: &[String], those: &[String]| -> Vec<String> {
                these.iter().filter(|row| !those.contains(row)).cloned().collect()
            };
            prop_assert_eq!(only(&first, &second), only(&second, &first));
            prop_assert!(first == second, "the same rows stand there in another number or order");
            Ok(())
        })
        .unwrap();
}

/// Sums by currency in which a question's answer is given, added in Rust.
fn sums(mart: &Mart, query: &CostQuery) -> Vec<(String, Amount)> {
    let mut sums = std::collections::BTreeMap::new();
    for row in mart.costs(query).unwrap() {
        *sums.entry(row.currency.to_string()).or_insert(Amount::ZERO) += row.cost;
    }
    sums.into_iter().collect()
}

#[test]
fn every_view_grouping_and_change_sums_to_the_whole() {
    runner(std::env::var("LAKELEDGER_CASES").map_or(6, |cases| cases.parse().unwrap()))
        .run(&world(), |world| {
            let ledger = world.ledger(1, false, |_| "bill.csv".into(), "object");
            prop_assert!(ledger.publish(&rules(&ledger)).is_ok());
            let mart = Mart::open(ledger.path()).unwrap();
            let day = |text: &str| Some(text.parse().unwrap());
            for basis in Basis::ALL {
                let whole = sums(&mart, &CostQuery { basis, ..CostQuery::default() });
                for view in Idle::ALL
                    .into_iter()
                    .flat_map(|idle| Shared::ALL.map(|shared| View { idle, shared, ..View::default() }))
                {
                    for by in [Dimension::Team, Dimension::Org(1), Dimension::Org(2), Dimension::Workload] {
                        let query = CostQuery { basis, view, by: vec![by], ..CostQuery::default() };
                        prop_assert_eq!(&sums(&mart, &query), &whole, "{:?}", query);
                    }
                    // A figure is the sum of what explains it, of atoms and of what is spread.
                    let query = CostQuery { basis, view, ..CostQuery::default() };
                    let mut parts = std::collections::BTreeMap::new();
                    let atoms =
                        mart.explain(&query).unwrap().into_iter().map(|part| (part.currency, part.cost));
                    let spread = mart.spread_parts(&query).unwrap().into_iter();
                    for (currency, cost) in atoms.chain(spread.map(|part| (part.currency, part.cost))) {
                        *parts.entry(currency.to_string()).or_insert(Amount::ZERO) += cost;
                    }
                    prop_assert_eq!(&parts.into_iter().collect::<Vec<_>>(), &whole, "{:?}", view);
                }
                let now = CostQuery {
                    basis,
                    by: vec![Dimension::Service],
                    from: day("2026-10-06"),
                    to: day("2026-10-08"),
                    ..CostQuery::default()
                };
                let against = (day("2026-10-04").unwrap(), day("2026-10-06").unwrap());
                let changes = mart.changes(&now, against).unwrap();
                let of = |query: &CostQuery| -> Amount {
                    sums(&mart, query).into_iter().map(|(_, sum)| sum).sum()
                };
                let then = CostQuery { from: Some(against.0), to: Some(against.1), ..now.clone() };
                prop_assert_eq!(changes.iter().map(|change| change.now).sum::<Amount>(), of(&now));
                prop_assert_eq!(changes.iter().map(|change| change.before).sum::<Amount>(), of(&then));
                for change in changes {
                    prop_assert_eq!(change.parts.sum(), change.now - change.before, "{:?}", change);
                }
            }
            Ok(())
        })
        .unwrap();
}

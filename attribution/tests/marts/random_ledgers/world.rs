//! Random worlds: a few clusters, runs, tables and bill lines each, with all that is odd.
//! Worlds share no cluster, account, table or address, so that many make one ledger.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use model::Amount;
use model::landed::Dataset;
use proptest::prelude::*;

use crate::common::cost;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Days on which worlds begin: an ordinary one, then days on which clocks change in Sydney,
/// Berlin and New York, and a month's last.
const DAYS: [(u32, u32); 5] = [(10, 7), (10, 4), (10, 25), (11, 1), (10, 31)];

#[derive(Clone, Debug)]
struct Node {
    cluster: usize,
    role: &'static str,
    vcpus: Option<i64>,
    memory_mib: Option<i64>,
    start: i64,
    life: Option<i64>,
}

/// How a run lies in time to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Anywhere,
    Within,
    Across,
    OneSecond,
    NoTime,
}

#[derive(Clone, Debug)]
struct Run {
    cluster: Option<usize>,
    start: i64,
    life: i64,
    failed: bool,
    /// Nodes' places (one too many for unknown hosts, none for no host), with cores and MiB held.
    held: Vec<(Option<usize>, i64, i64)>,
    /// Hours its log is off by.
    astray: i64,
    writes: Vec<(usize, Option<i64>)>,
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

#[derive(Clone, Debug)]
pub struct World {
    day: usize,
    nodes: Vec<Node>,
    runs: Vec<Run>,
    tables: Vec<(usize, i64)>,
    inventory: Vec<(usize, i64)>,
    charges: Vec<Charge>,
}

fn runs() -> impl Strategy<Value = Vec<Run>> {
    let shape = prop_oneof![
        3 => Just(Shape::Anywhere),
        2 => Just(Shape::Within),
        2 => Just(Shape::Across),
        1 => Just(Shape::OneSecond),
        1 => Just(Shape::NoTime),
    ];
    let held = (
        prop::option::weighted(0.9, 0..6_usize),
        prop_oneof![1 => Just(0_i64), 4 => 1..100_i64],
        prop_oneof![1 => Just(0_i64), 4 => 1..500_000_i64],
    );
    let run = (
        shape,
        prop::option::of(0..3_usize),
        (0..DAY, 1..8 * HOUR),
        prop::bool::weighted(0.2),
        prop::collection::vec(held, 0..3),
        prop_oneof![9 => Just(0_i64), 1 => -3..30_i64],
        prop::collection::vec((0..4_usize, prop::option::of(0..1_000_000_000_000_i64)), 0..4),
    );
    prop::collection::vec(run, 0..7).prop_map(|drawn| {
        let mut runs: Vec<Run> = Vec::new();
        for (shape, cluster, (start, life), failed, held, astray, writes) in drawn {
            let before = runs.last().map_or((start, life), |run| (run.start, run.life));
            let (start, life) = match shape {
                Shape::Anywhere => (start, life),
                Shape::Within => (before.0 + before.1 / 4, before.1 / 2),
                Shape::Across => (before.0 + before.1 / 2, before.1),
                Shape::OneSecond => (start, 1),
                Shape::NoTime => (start, 0),
            };
            runs.push(Run { cluster, start, life, failed, held, astray, writes });
        }
        runs
    })
}

/// Any world.
pub fn world() -> impl Strategy<Value = World> {
    let node = (
        0..2_usize,
        prop_oneof![1 => Just("master"), 4 => Just("core")],
        prop_oneof![1 => Just(None), 1 => Just(Some(0_i64)), 8 => (1..96_i64).prop_map(Some)],
        prop_oneof![1 => Just(None), 1 => Just(Some(0_i64)), 8 => (1_000..400_000_i64).prop_map(Some)],
        0..DAY,
        prop_oneof![1 => Just(None), 1 => Just(Some(1_i64)), 18 => (1..2 * DAY).prop_map(Some)],
    )
        .prop_map(|(cluster, role, vcpus, memory_mib, start, life)| Node {
            cluster,
            role,
            vcpus,
            memory_mib,
            start,
            life,
        });
    let start = prop_oneof![(0..48_i64).prop_map(|hour| hour * HOUR), 0..2 * DAY];
    // An hour, days of 23, 24 and 25 hours, a second, a month, no time, and an end before its start.
    let length = prop_oneof![
        20 => Just(HOUR),
        4 => prop_oneof![Just(23 * HOUR), Just(DAY), Just(25 * HOUR)],
        2 => Just(1_i64),
        1 => Just(31 * DAY),
        1 => Just(0_i64),
        1 => Just(-HOUR),
    ];
    let charge = (
        0..KINDS.len(),
        0..6_usize,
        start,
        length,
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
    let bytes = || (0..2_usize, prop_oneof![1 => Just(0_i64), 4 => 1..1_000_000_000_000_000_i64]);
    (
        0..DAYS.len(),
        prop::collection::vec(node, 0..6),
        runs(),
        prop::collection::vec(bytes(), 0..4),
        prop::collection::vec(bytes(), 0..3),
        prop::collection::vec(charge, 1..24),
    )
        .prop_map(|(day, nodes, runs, tables, inventory, charges)| World {
            day,
            nodes,
            runs,
            tables,
            inventory,
            charges,
        })
}

/// Category, line type, service, resource's kind, usage type, tag set and unit of a bill line.
type Kind =
    (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

const KINDS: &[Kind] = &[
    ("Usage", "Usage", "EC2", "i", "BoxUsage:m5.xlarge", "", ""),
    ("Usage", "Usage", "EC2", "i", "SpotUsage:m5.xlarge", "", "Hrs"),
    ("Usage", "Usage", "EC2", "i", "BoxUsage:m5.xlarge", "t0", ""),
    ("Usage", "Usage", "EC2", "vol", "EBS:VolumeUsage", "t0", "GB-Mo"),
    ("Usage", "Usage", "EC2", "i", "DataTransfer-Out-Bytes", "", "GB"),
    ("Usage", "Usage", "S3", "lake", "TimedStorage-ByteHrs", "t1", "GB-Mo"),
    ("Usage", "Usage", "S3", "lake", "TimedStorage-SIA-ByteHrs", "", "GB-Mo"),
    ("Usage", "Usage", "Kinesis", "", "Shard", "t1", ""),
    ("Purchase", "Fee", "EC2", "", "", "", ""),
    ("Tax", "Tax", "", "", "", "", ""),
    ("Credit", "Credit", "EC2", "i", "BoxUsage:m5.xlarge", "", ""),
    ("Usage", "Refund", "EC2", "i", "BoxUsage:m5.xlarge", "", ""),
    ("Usage", "EdpDiscount", "EC2", "i", "BoxUsage:m5.xlarge", "", ""),
    ("Purchase", "RIFee", "EC2", "", "HeavyUsage:m5.xlarge", "", ""),
    ("Usage", "SavingsPlanCoveredUsage", "EC2", "i", "BoxUsage:m5.xlarge", "", ""),
    ("Usage", "SavingsPlanNegation", "EC2", "", "BoxUsage:m5.xlarge", "", ""),
    ("Usage", "SavingsPlanRecurringFee", "", "", "ComputeSP", "", ""),
    ("Usage", "Usage", "EC2", "x", "BoxUsage:m5.xlarge", "t2", ""),
    ("Usage", "Usage", "AWS Support (Business)", "", "Dollar", "", ""),
];

fn text<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// How rows of one ledger differ from another's of the same worlds.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// Files the bill's lines are dealt to.
    pub files: usize,
    /// Name of the objects that facts come from.
    pub object: &'static str,
}

impl World {
    fn at(&self, seconds: i64) -> NaiveDateTime {
        let (month, day) = DAYS[self.day];
        let midnight = NaiveDate::from_ymd_opt(2026, month, day).unwrap().and_hms_opt(0, 0, 0).unwrap();
        midnight + TimeDelta::seconds(seconds)
    }

    /// Its account: by it costs are told from other worlds'.
    pub fn account(nth: usize) -> String {
        format!("w{nth}")
    }

    /// Rows of every dataset, without their headers.
    pub fn rows(&self, nth: usize, delivery: Delivery, rows: &mut BTreeMap<Dataset, Vec<String>>) {
        let object = delivery.object;
        let (high, low) = (nth / 250, nth % 250);
        let host = |node: usize| format!("10.{high}.{low}.{node}");
        let mut add = |dataset: Dataset, row: String| rows.entry(dataset).or_default().push(row);
        for (place, node) in self.nodes.iter().enumerate() {
            add(
                Dataset::Nodes,
                format!(
                    "{object},w{nth}-j{},n{place},w{nth}-i{place},{},{},{},{},{},{}",
                    node.cluster,
                    host(place),
                    node.role,
                    text(node.vcpus),
                    text(node.memory_mib),
                    self.at(node.start),
                    text(node.life.map(|life| self.at(node.start + life)))
                ),
            );
        }
        for (place, run) in self.runs.iter().enumerate() {
            let status = if run.failed { "failed" } else { "succeeded" };
            let cluster = text(run.cluster.map(|cluster| format!("w{nth}-j{cluster}")));
            let (start, end) = (self.at(run.start), self.at(run.start + run.life));
            add(Dataset::Runs, format!("{object},w{nth}-r{place},{cluster},{status},{start},{end}"));
            for (node, cores, mib) in &run.held {
                let mut from = run.start;
                while from < run.start + run.life {
                    let hour = from.div_euclid(HOUR);
                    let ms = ((run.start + run.life).min((hour + 1) * HOUR) - from) * 1_000;
                    add(
                        Dataset::RunHours,
                        format!(
                            "{object},w{nth}-r{place},{},{},{},{},{ms}",
                            self.at((hour + run.astray) * HOUR),
                            text(node.map(host)),
                            cores * ms,
                            mib * ms
                        ),
                    );
                    from = (hour + 1) * HOUR;
                }
            }
            for (table, bytes) in &run.writes {
                add(
                    Dataset::RunTables,
                    format!("{object},w{nth}-r{place},prod.w{nth}.t{table},write,{}", text(*bytes)),
                );
            }
        }
        // Not renamed: the unit a table was read from says whether it is still there.
        for (place, (bucket, bytes)) in self.tables.iter().enumerate() {
            let at = self.at(30 * HOUR);
            let location = format!("s3://w{nth}-lake{bucket}/t{place}");
            let table = format!("prod.w{nth}.t{place}");
            add(Dataset::Tables, format!("{table},{at},{table},{location},{bytes}"));
        }
        for (place, (bucket, bytes)) in self.inventory.iter().enumerate() {
            let class = if place == 0 { "STANDARD" } else { "STANDARD_IA" };
            let at = self.at(20 * HOUR);
            add(Dataset::Storage, format!("object,{at},w{nth}-lake{bucket},t{place}/data/,{class},{bytes}"));
        }
        for tag in [
            format!("w{nth}-t0,aws_elasticmapreduce_job_flow_id,w{nth}-j0"),
            format!("w{nth}-t1,team,growth"),
            format!("w{nth}-t2,clusterid,w{nth}-j7"),
        ] {
            add(Dataset::TagSets, tag);
        }
        for (place, charge) in self.charges.iter().enumerate() {
            let line = nth * 1_000 + place;
            let file = if delivery.files == 1 { 0 } else { (place * 7 + nth) % delivery.files };
            add(
                Dataset::Charges,
                format!(
                    "{},bill-{file}.csv,{line},{},{}",
                    charge.source,
                    Self::account(nth),
                    self.line(nth, charge)
                ),
            );
        }
    }

    fn line(&self, nth: usize, charge: &Charge) -> String {
        let on = charge.on;
        let (category, line, service, resource, usage, tags, unit) = KINDS[charge.what];
        let resource = match resource {
            "" => String::new(),
            "lake" => format!("w{nth}-lake{}", on % 3),
            kind => format!("w{nth}-{kind}{on}"),
        };
        let tags = if tags.is_empty() { String::new() } else { format!("w{nth}-{tags}") };
        let costs = charge.costs.map(|units| Amount::from_units(units).to_string()).join(",");
        format!(
            "{},{},{costs},{},{category},{line},{service},{resource},{usage},{tags},{},{unit}",
            self.at(charge.start),
            self.at(charge.start + charge.length),
            charge.currency,
            on as f64 * 0.37
        )
    }

    /// Sums of its charges by currency, added here.
    pub fn totals(&self) -> BTreeMap<&'static str, [Amount; 4]> {
        let mut sums = BTreeMap::new();
        for charge in &self.charges {
            let sum = sums.entry(charge.currency).or_insert([Amount::ZERO; 4]);
            for (sum, units) in sum.iter_mut().zip(charge.costs) {
                *sum += Amount::from_units(units);
            }
        }
        sums
    }

    fn cores(&self, node: Option<usize>) -> Option<i64> {
        self.nodes.get(node?)?.vcpus
    }

    /// What of the list of odd things it has.
    pub fn oddities(&self) -> Vec<&'static str> {
        let runs: Vec<&Run> = self.runs.iter().filter(|run| run.life > 0).collect();
        let pairs: Vec<(&Run, &Run)> = runs
            .iter()
            .enumerate()
            .flat_map(|(at, a)| runs[at + 1..].iter().map(move |b| (*a, *b)))
            .collect();
        let held: Vec<&(Option<usize>, i64, i64)> = runs.iter().flat_map(|run| &run.held).collect();
        let inside = |a: &Run, b: &Run| a.start < b.start && b.start + b.life < a.start + a.life;
        let across = |a: &Run, b: &Run| a.start < b.start && b.start < a.start + a.life && !inside(a, b);
        let costs = || self.charges.iter().flat_map(|charge| charge.costs);
        let kinds =
            |wanted: &[&str]| self.charges.iter().any(|charge| wanted.contains(&KINDS[charge.what].1));
        let found = [
            ("zero usage", held.iter().any(|held| held.1 == 0 && held.2 == 0)),
            ("zero capacity", self.nodes.iter().any(|node| node.vcpus == Some(0))),
            ("unknown capacity", self.nodes.iter().any(|node| node.vcpus.is_none())),
            ("zero cost", costs().any(|cost| cost == 0)),
            ("negative charge", costs().any(|cost| cost < 0)),
            ("credit", kinds(&["Credit", "Refund", "EdpDiscount"])),
            ("savings plan", kinds(&["SavingsPlanCoveredUsage"]) && kinds(&["SavingsPlanNegation"])),
            ("missing node", held.iter().any(|held| held.0.is_some_and(|at| at >= self.nodes.len()))),
            ("no node at all", self.nodes.is_empty() && !held.is_empty()),
            ("nested runs", pairs.iter().any(|(a, b)| inside(a, b) || inside(b, a))),
            ("overlapping runs", pairs.iter().any(|(a, b)| across(a, b) || across(b, a))),
            ("overcommit", held.iter().any(|held| self.cores(held.0).is_some_and(|has| held.1 > has))),
            ("clocks change", matches!(self.day, 1..=3)),
            (
                "day of 23 or 25 hours",
                self.charges.iter().any(|c| [23 * HOUR, 25 * HOUR].contains(&c.length)),
            ),
            ("single-second run", runs.iter().any(|run| run.life == 1 && !run.held.is_empty())),
            ("several currencies", self.totals().len() > 1),
            ("inverted period", self.charges.iter().any(|charge| charge.length < 0)),
        ];
        found.into_iter().filter_map(|(what, there)| there.then_some(what)).collect()
    }
}

/// What every large enough number of worlds has.
pub const ODDITIES: usize = 17;

/// Header of each dataset's rows.
pub fn header(dataset: Dataset) -> &'static str {
    match dataset {
        Dataset::Nodes => {
            "source_object,cluster_id,node_id,resource_id,private_ip,role,vcpus,memory_mib,started_at,ended_at"
        }
        Dataset::Runs => "source_object,run_id,cluster_id,status,started_at,ended_at",
        Dataset::RunHours => "source_object,run_id,hour,host,vcore_ms,memory_mib_ms,active_ms",
        Dataset::RunTables => "source_object,run_id,table_name,access,bytes",
        Dataset::Tables => "source_object,collected_at,table_id,location,reachable_bytes",
        Dataset::Storage => "source_object,collected_at,bucket,prefix,storage_class,bytes",
        Dataset::TagSets => "tag_set_id,key,value",
        Dataset::Charges => {
            "source,source_file,source_line,sub_account_id,charge_period_start,charge_period_end,billed_cost,\
             effective_cost,list_cost,contracted_cost,billing_currency,charge_category,x_line_item_type,\
             service_name,resource_id,x_usage_type,tag_set_id,consumed_quantity,consumed_unit"
        }
        other => panic!("worlds have no {other}"),
    }
}

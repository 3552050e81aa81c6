//! A ledger made by hand: landed Parquet and a manifest from small CSV files, so that the
//! models are tested on their contract and not through a reader of some export.
//!
//! Columns of a CSV stand in any order. One that is missing is null, or where the schema
//! requires a value, what `default` says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use attribution::engine::{Builder, Kept};
use attribution::publish::{self, Made, Outcome, PublishError, Way};
use attribution::rules::{Matcher, OwnerRule, Pattern, Regex, Rules, RunWeight, Team};
use duckdb::Connection;
use model::landed::{Column, ColumnType, Dataset};
use model::manifest::{Entry, MANIFEST_FILE, Manifest, Part, SourceRecord, UnitRecord};
use model::money::Amount;
use model::time::{Instant, PeriodKey};
use model::{Basis, Currency};
use proptest::prelude::*;

/// The moment every test happens at.
pub fn now() -> Instant {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// A ledger in a temporary directory.
pub struct Ledger {
    directory: tempfile::TempDir,
    engine: Connection,
    /// What is landed; written by [`Ledger::commit`].
    pub manifest: Manifest,
    /// Files landed, also those that do not count any more.
    files: usize,
}

impl Ledger {
    pub fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            engine: Connection::open_in_memory().unwrap(),
            manifest: Manifest::default(),
            files: 0,
        }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn marts(&self) -> PathBuf {
        self.path().join("marts")
    }

    /// Lands a CSV file.
    pub fn land(&mut self, dataset: Dataset, csv: &Path) {
        self.land_parts(dataset, csv, 1);
    }

    /// Lands CSV text.
    pub fn land_text(&mut self, dataset: Dataset, csv: &str) {
        let file = self.path().join(format!("{dataset}-{}.csv", self.files));
        std::fs::write(&file, csv).unwrap();
        self.land(dataset, &file);
    }

    /// Lands a CSV file as this many Parquet files a source.
    pub fn land_parts(&mut self, dataset: Dataset, csv: &Path, parts: usize) {
        let relation = format!("read_csv('{}', all_varchar = true, header = true)", csv.display());
        let header = self.texts(&format!("select column_name from (describe select * from {relation})"));
        let header: Vec<String> = header.into_iter().map(|mut row| row.remove(0)).collect();
        for name in &header {
            let known = dataset.columns().iter().any(|column| column.name == name);
            assert!(known, "{}: {dataset} has no column `{name}`", csv.display());
        }
        let columns: Vec<String> =
            dataset.columns().iter().map(|column| expression(dataset, column, &header)).collect();
        let landed = format!("landed_{}", self.files);
        self.run(&format!(
            "create or replace temp table {landed} as
             select {}, row_number() over () as nth from (select *, row_number() over () as row_nr from {relation})",
            columns.join(", ")
        ));
        for source in self.texts(&format!("select distinct source from {landed} order by 1")) {
            let source = &source[0];
            for part in 0..parts {
                self.write(dataset, &landed, source, &format!("nth % {parts} = {part}"));
            }
        }
    }

    /// What is landed of a dataset no longer counts.
    pub fn forget(&mut self, dataset: Dataset) {
        let (gone, kept) = std::mem::take(&mut self.manifest.entries)
            .into_iter()
            .partition(|entry| entry.dataset == dataset);
        self.manifest.entries = kept;
        for entry in gone {
            let units = &mut self.manifest.sources.get_mut(&entry.source).unwrap().units;
            for unit in entry.parts.iter().flat_map(|part| &part.units) {
                units.remove(unit);
            }
        }
    }

    fn write(&mut self, dataset: Dataset, landed: &str, source: &str, condition: &str) {
        let number = self.files;
        self.files += 1;
        let relative = format!("landed/{dataset}/{source}/part-{number:03}.parquet");
        let file = self.path().join(&relative);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let names: Vec<_> = dataset.columns().iter().map(|column| column.name).collect();
        let rows = format!("from {landed} where source = '{source}' and {condition}");
        self.run(&format!("copy (select {} {rows}) to '{}'", names.join(", "), file.display()));
        let unit = format!("unit-{number}");
        let period = PeriodKey::parse("2026-10").unwrap();
        self.manifest.entries.push(Entry {
            dataset,
            source: source.to_owned(),
            period,
            parts: vec![Part { path: relative, rows: 0, bytes: 0, units: vec![unit.clone()] }],
            landed_at: now(),
        });
        let mut record = UnitRecord {
            fingerprint: String::new(),
            objects: 1,
            bytes: 0,
            read_at: now(),
            confirmed_at: None,
            rows: BTreeMap::new(),
            totals: BTreeMap::new(),
            periods: vec![period],
            warnings: Vec::new(),
        };
        if dataset == Dataset::Charges {
            let totals = record.totals.entry(period).or_default();
            let costs = Basis::ALL.map(|basis| format!("coalesce(cast({} as varchar), '0')", basis.column()));
            for row in self.texts(&format!("select billing_currency, {} {rows}", costs.join(", "))) {
                let currency: Currency = row[0].parse().unwrap();
                let totals = totals.entry(currency).or_default();
                for (basis, cost) in Basis::ALL.into_iter().zip(&row[1..]) {
                    let (amount, residue) = Amount::parse(cost).unwrap();
                    totals.add(basis, amount, residue);
                }
            }
        }
        // Tables are still there, but for those whose unit says that they are gone.
        let mut there = Vec::new();
        if dataset == Dataset::Tables {
            there = self
                .texts(&format!("select distinct source_object {rows} and source_object not like 'gone%'"));
        }
        let units = &mut self
            .manifest
            .sources
            .entry(source.to_owned())
            .or_insert_with(|| SourceRecord {
                // A source is of the kind it is named after.
                kind: source.to_owned(),
                uri: "-".into(),
                checked_at: now(),
                landed_at: Some(now()),
                warnings: Vec::new(),
                units: BTreeMap::new(),
                held: BTreeMap::new(),
            })
            .units;
        units.extend(there.into_iter().map(|mut row| (row.remove(0), record.clone())));
        units.insert(unit, record);
    }

    /// Until when collections of `facts` held that others followed, as `unit,collected_on,held_on`.
    pub fn hold(&mut self, csv: &Path) {
        let sql = format!("select * from read_csv('{}', all_varchar = true, header = true)", csv.display());
        for row in self.texts(&sql) {
            let [unit, collected_on, held_on] = row.try_into().unwrap();
            let day = |text: String| PeriodKey::parse(&text).unwrap();
            let held = &mut self.manifest.sources.get_mut("facts").unwrap().held;
            held.entry(unit).or_default().insert(day(collected_on), day(held_on));
        }
    }

    /// Makes what was landed current.
    pub fn commit(&mut self) {
        self.manifest.commit += 1;
        let text = serde_json::to_string(&self.manifest).unwrap();
        std::fs::write(self.path().join(MANIFEST_FILE), text).unwrap();
    }

    /// Rules under which every landed source counts.
    pub fn rules(&self) -> Rules {
        Rules {
            display_timezone: "UTC".into(),
            sources: self.manifest.sources.keys().cloned().collect(),
            ..Rules::default()
        }
    }

    pub fn publish(&self, rules: &Rules) -> Result<Outcome, PublishError> {
        self.publish_at(rules, now())
    }

    /// Publishes at a moment of its own: the record of ownership has times.
    pub fn publish_at(&self, rules: &Rules, now: Instant) -> Result<Outcome, PublishError> {
        publish::publish(self.path(), rules, now, |_| {})
    }

    /// Publishes a new mart in a way; how it was made.
    pub fn made(&self, rules: &Rules, now: Instant, way: Way) -> Made {
        match publish::publish_as(self.path(), rules, now, way, |_| {}).unwrap() {
            Outcome::Published { made, .. } => made,
            Outcome::Unchanged { id } => panic!("{id} is still current"),
        }
    }

    /// Publishes a new mart; its id.
    pub fn published(&self, rules: &Rules) -> String {
        match self.publish(rules).unwrap() {
            Outcome::Published { id, .. } => id,
            Outcome::Unchanged { id } => panic!("{id} is still current"),
        }
    }

    /// Builds every model in memory and publishes nothing.
    pub fn built(&self, rules: &Rules) -> Builder {
        let builder = Builder::create(Path::new(":memory:"), &self.path().join("scratch")).unwrap();
        self.build(builder, rules)
    }

    /// What says what costs what in memory, without waste.
    pub fn costed(&self, rules: &Rules) -> Builder {
        self.costed_in(Path::new(":memory:"), rules)
    }

    /// The same in a file.
    pub fn costed_in(&self, file: &Path, rules: &Rules) -> Builder {
        let builder = Builder::create(file, &self.path().join("scratch")).unwrap();
        builder.leave_waste_out();
        self.build(builder, rules)
    }

    fn build(&self, builder: Builder, rules: &Rules) -> Builder {
        builder.attach(self.path(), &self.manifest).unwrap();
        builder.load_rules(rules, &self.manifest, now(), "built").unwrap();
        builder.build(Kept::All, |_| {}).unwrap();
        builder
    }

    /// Rows of the current mart as texts, sorted; decimals without trailing zeros, nulls empty.
    pub fn ask(&self, sql: &str) -> Vec<String> {
        asked(&publish::current_mart(self.path()).unwrap().unwrap(), sql)
    }

    fn run(&self, sql: &str) {
        self.engine.execute_batch(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    fn texts(&self, sql: &str) -> Vec<Vec<String>> {
        texts(&self.engine, sql)
    }
}

/// Rows of a mart as texts, as of [`Ledger::ask`].
pub fn asked(mart: &Path, sql: &str) -> Vec<String> {
    let flags = duckdb::Config::default().access_mode(duckdb::AccessMode::ReadOnly).unwrap();
    let connection = Connection::open_with_flags(mart, flags).unwrap();
    let mut rows: Vec<String> = texts(&connection, sql).into_iter().map(|row| row.join(",")).collect();
    rows.sort();
    rows
}

/// Directories of the golden cases whose name contains `CASE`, sorted.
pub fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/cases");
    let only = std::env::var("CASE").unwrap_or_default();
    let mut cases: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && path.file_name().unwrap().to_string_lossy().contains(&only))
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "no case is named `{only}`");
    cases
}

/// The ledger and the rules of a golden case.
pub fn case(directory: &Path) -> (Ledger, Rules) {
    let mut ledger = Ledger::new();
    for dataset in Dataset::ALL {
        // `owners.csv` holds the configuration's rules.
        let landed = if dataset == Dataset::Owners { "landed_" } else { "" };
        let csv = directory.join(format!("{landed}{dataset}.csv"));
        if csv.exists() {
            ledger.land(dataset, &csv);
        }
    }
    let held = directory.join("held.csv");
    if held.exists() {
        ledger.hold(&held);
    }
    ledger.commit();
    let mut rules = ledger.rules();
    let teams = directory.join("teams.csv");
    if teams.exists() {
        teams_of(&teams, &mut rules);
    }
    if let Ok(word) = std::fs::read_to_string(directory.join("run_weight.txt")) {
        let known = RunWeight::ALL.into_iter().find(|weight| weight.name() == word.trim());
        rules.run_weight = known.unwrap_or_else(|| panic!("`{word}` weighs no run"));
    }
    let owners = directory.join("owners.csv");
    if owners.exists() {
        rules_of(&owners, &mut rules);
    }
    (ledger, rules)
}

/// Runs a query and gives every cell as text.
pub fn texts(connection: &Connection, sql: &str) -> Vec<Vec<String>> {
    let typed = format!("select column_name, column_type from (describe {sql})");
    let mut statement = connection.prepare(&typed).unwrap_or_else(|error| panic!("{error}: {typed}"));
    let columns: Vec<(String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let cells: Vec<String> =
        columns.iter().map(|(name, _)| format!("coalesce(cast(\"{name}\" as varchar), '')")).collect();
    let mut statement = connection.prepare(&format!("select {} from ({sql})", cells.join(", "))).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let cell = |(at, (_, kind)): (usize, &(String, String))| {
            let text: String = row.get(at).unwrap();
            if kind.starts_with("DECIMAL") && !text.is_empty() {
                text.parse::<Amount>().unwrap().to_string()
            } else {
                text
            }
        };
        found.push(columns.iter().enumerate().map(cell).collect());
    }
    found
}

/// How a landed column is read from a CSV with this header.
fn expression(dataset: Dataset, column: &Column, header: &[String]) -> String {
    let kind = match column.kind {
        ColumnType::Text => "varchar",
        ColumnType::Int => "bigint",
        ColumnType::Bool => "boolean",
        ColumnType::Instant => "timestamp",
        ColumnType::Decimal => "decimal(38, 18)",
    };
    let value = if header.iter().any(|name| name == column.name) {
        column.name.to_owned()
    } else if column.required {
        default(dataset, column, header)
    } else {
        "null".to_owned()
    };
    format!("cast({value} as {kind}) as {}", column.name)
}

/// The value of a required column that a case leaves out.
fn default(dataset: Dataset, column: &Column, header: &[String]) -> String {
    let has = |name: &str| header.iter().any(|column| column == name);
    match column.name {
        "source" if dataset == Dataset::Charges => "'bill'".into(),
        "source" => "'facts'".into(),
        "source_object" if dataset == Dataset::Owners => "'owners.csv'".into(),
        // A table is a unit of its own.
        "source_object" if dataset == Dataset::Tables => "table_id".into(),
        "source_object" => "'object'".into(),
        "source_file" => "'bill.csv'".into(),
        // The header of a file of owners is a line of it.
        "source_line" if dataset == Dataset::Owners => "row_nr + 1".into(),
        "source_line" => "row_nr".into(),
        "collected_at" => "'2026-10-01'".into(),
        "recorded_at" => "'2026-10-01'".into(),
        "billing_period_start" => "date_trunc('month', cast(charge_period_start as timestamp))".into(),
        "billing_period_end" => {
            "date_trunc('month', cast(charge_period_start as timestamp)) + interval 1 month".into()
        }
        "charge_period_end" => "cast(charge_period_start as timestamp) + interval 1 hour".into(),
        "billing_currency" => "'USD'".into(),
        "charge_category" => "'Usage'".into(),
        "effective_cost" if has("billed_cost") => "billed_cost".into(),
        "raw_key" => "key".into(),
        "engine" => "'spark'".into(),
        "status" => "'succeeded'".into(),
        "role" => "'core'".into(),
        "market" => "'on_demand'".into(),
        "format" => "'iceberg'".into(),
        "is_current" => "'true'".into(),
        "part" => "'data'".into(),
        "age_band" => "'0-29'".into(),
        "namespace" => "split_part(table_id, '.', 2)".into(),
        "name" => "split_part(table_id, '.', 3)".into(),
        _ if column.kind == ColumnType::Int => "'0'".into(),
        other => panic!("{dataset} needs a column `{other}`"),
    }
}

/// Teams of `teams.csv` (team,parent,shared_fixed): the last in parts of 10^12, or empty.
pub fn teams_of(csv: &Path, rules: &mut Rules) {
    let connection = Connection::open_in_memory().unwrap();
    let sql = format!("select * from read_csv('{}', all_varchar = true, header = true)", csv.display());
    for row in texts(&connection, &sql) {
        let [name, parent, fixed] = row.try_into().unwrap();
        if !fixed.is_empty() {
            rules.shared_fixed.push((name.clone(), fixed.parse().unwrap()));
        }
        let parent = (!parent.is_empty()).then_some(parent);
        rules.teams.push(Team { name, email: Vec::new(), parent });
    }
}

/// Rules of `owners.csv` (team,kind,key,pattern,from,to); kind `default` names the default team,
/// a pattern that begins with `regex:` is a regular expression.
pub fn rules_of(csv: &Path, rules: &mut Rules) {
    let connection = Connection::open_in_memory().unwrap();
    let sql = format!("select * from read_csv('{}', all_varchar = true, header = true)", csv.display());
    for row in texts(&connection, &sql) {
        let [team, kind, key, pattern, from, to] = row.try_into().unwrap();
        if !rules.teams.iter().any(|known| known.name == team) {
            rules.teams.push(Team { name: team.clone(), email: Vec::new(), parent: None });
        }
        let pattern = match pattern.strip_prefix("regex:") {
            Some(regex) => Pattern::Regex(Regex::new(regex).unwrap()),
            None => Pattern::Glob(pattern),
        };
        let matcher = match kind.as_str() {
            "default" => {
                rules.default_team = Some(team);
                continue;
            }
            "tag" => Matcher::Tag { key: model::tags::fold_key(&key), value: pattern },
            "owner" => Matcher::Owner(pattern),
            "workflow" => Matcher::Workflow(pattern),
            "user" => Matcher::User(pattern),
            "table" => Matcher::Table(pattern),
            "cluster" => Matcher::Cluster(pattern),
            "resource" => Matcher::Resource(pattern),
            "account" => Matcher::Account(pattern),
            other => panic!("`{other}` is no kind of rule"),
        };
        let day = |text: String| (!text.is_empty()).then(|| text.parse().unwrap());
        rules.owner_rules.push(OwnerRule { team, matcher, from: day(from), to: day(to) });
    }
}

/// Costs in units of 10^-18: nothing, the least there is, ordinary ones, and trillions.
pub fn cost() -> impl Strategy<Value = i128> {
    let magnitude = prop_oneof![
        1 => Just(0_i128),
        2 => 1..20_i128,
        2 => 1..5_000_000_i128,
        4 => 1..50_000_000_000_000_000_000_i128,
        1 => 1..1_000_000_000_000_000_000_000_000_000_000_i128,
    ];
    (magnitude, prop::bool::weighted(0.2)).prop_map(|(units, negative)| if negative { -units } else { units })
}

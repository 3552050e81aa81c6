//! Everything with a name of its own, for finding it by name.

use std::collections::BTreeMap;

use duckdb::types::Value;
use model::Amount;

use super::{CostQuery, Dimension, Mart, MartError, NONE};

/// What a known thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A team.
    Team,
    /// `workflow/step`, or what an engine calls what ran.
    Workload,
    /// A table.
    Table,
    /// A cluster.
    Cluster,
}

/// One thing that costs something, ran, or was collected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// What people call it, where that is something else.
    pub name: Option<String>,
    /// The team with most of its cost, else the one that owns it.
    pub team: Option<String>,
    /// What it cost ever, on the effective basis, in the currency with most cost.
    pub cost: Amount,
    /// Id and name in lower case, a line break between.
    pub folded: String,
}

impl Known {
    fn new(kind: Kind, id: String) -> Self {
        Self { kind, id, name: None, team: None, cost: Amount::ZERO, folded: String::new() }
    }
}

fn at<'k>(known: &'k mut BTreeMap<(Kind, String), Known>, kind: Kind, id: &str) -> &'k mut Known {
    known.entry((kind, id.to_owned())).or_insert_with(|| Known::new(kind, id.to_owned()))
}

impl Mart {
    /// Every team, workload, table and cluster, by kind and id. A mart never changes, so they
    /// are read but once.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn known(&self) -> Result<&[Known], MartError> {
        self.memory.known(|| self.read_known())
    }

    fn read_known(&self) -> Result<Vec<Known>, MartError> {
        let mut known: BTreeMap<(Kind, String), Known> = BTreeMap::new();
        for team in &self.info.teams {
            at(&mut known, Kind::Team, &team.name);
        }
        let workloads = self.ask(
            "list the workloads of",
            "select distinct workload from stg_runs where workload is not null",
            Vec::new(),
            |row| row.text(0),
        )?;
        for workload in workloads {
            at(&mut known, Kind::Workload, &workload);
        }
        for table in self.tables()? {
            at(&mut known, Kind::Table, &table.table_id).team = table.team;
        }
        for cluster in self.clusters()? {
            let entry = at(&mut known, Kind::Cluster, &cluster.cluster_id);
            (entry.name, entry.team) = (cluster.name, cluster.team);
        }
        for (kind, dimension) in [
            (Kind::Team, Dimension::Team),
            (Kind::Workload, Dimension::Workload),
            (Kind::Table, Dimension::Table),
            (Kind::Cluster, Dimension::Cluster),
        ] {
            let query = CostQuery {
                by: vec![dimension, Dimension::Team],
                currency: self.info.currencies.first().copied(),
                ..CostQuery::default()
            };
            let mut most: BTreeMap<String, Amount> = BTreeMap::new();
            for row in self.costs(&query)? {
                let [id, team] = row.keys.as_slice() else { continue };
                if id == NONE {
                    continue;
                }
                let entry = at(&mut known, kind, id);
                entry.cost += row.cost;
                let is_most = most.get(id).is_none_or(|most| row.cost > *most);
                if kind != Kind::Team && team != NONE && is_most {
                    most.insert(id.clone(), row.cost);
                    entry.team = Some(team.clone());
                }
            }
        }
        Ok(known
            .into_values()
            .map(|mut known| {
                known.folded = match &known.name {
                    Some(name) => format!("{}\n{}", known.id, name).to_lowercase(),
                    None => known.id.to_lowercase(),
                };
                known
            })
            .collect())
    }

    /// Runs of exactly this id, or whose application has it: id, workload and team; few at most.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn runs_called(&self, id: &str) -> Result<Vec<(String, String, Option<String>)>, MartError> {
        let sql = "select r.run_id, r.workload, o.team
            from stg_runs r
            left join run_owners o on o.engine = r.engine and o.run_id = r.run_id
            where r.run_id = ? or starts_with(r.run_id, ?)
            order by r.run_id, r.engine limit 8";
        let parameters = vec![Value::Text(id.to_owned()), Value::Text(format!("{id}/"))];
        self.ask("find a run in", sql, parameters, |row| Ok((row.text(0)?, row.text(1)?, row.opt_text(2)?)))
    }
}

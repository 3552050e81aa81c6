//! How far somebody sees: all of a mart, or some teams of it.
//!
//! A mart within a reach answers every question from views of its own that stand in the place
//! of its tables and leave what is within: the typed questions are the same, and one that is
//! added later cannot see further. A table without a rule here is empty within a reach.

use std::collections::BTreeSet;

use model::Currency;

use super::{Mart, MartError, MartInfo};

/// How far somebody sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Everything.
    #[default]
    Whole,
    /// These teams and those within them.
    Teams {
        /// Names of the teams, each once, sorted.
        teams: Vec<String>,
        /// Whether the totals of the whole bill are seen too.
        totals: bool,
    },
}

impl Reach {
    /// These teams and those within them.
    pub fn teams(teams: impl IntoIterator<Item = String>, totals: bool) -> Self {
        let teams: BTreeSet<String> = teams.into_iter().collect();
        Self::Teams { teams: teams.into_iter().collect(), totals }
    }

    /// Whether everything is seen.
    pub const fn is_whole(&self) -> bool {
        matches!(self, Self::Whole)
    }

    /// Whether the totals of the whole bill are seen.
    pub const fn sees_bill(&self) -> bool {
        matches!(self, Self::Whole | Self::Teams { totals: true, .. })
    }

    /// Whether what this team owns is seen; what no team owns is seen by those who see all.
    /// The reach of a [`Mart`] names the teams within its teams too.
    pub fn names(&self, team: Option<&str>) -> bool {
        match self {
            Self::Whole => true,
            Self::Teams { teams, .. } => team.is_some_and(|team| teams.iter().any(|known| known == team)),
        }
    }
}

/// Which rows of a table are within a reach. `{whole}` is where the table itself stands,
/// `{teams}` a list of the teams.
enum Seen {
    /// All: nothing in it is anybody's.
    All,
    /// All where the totals of the bill are seen, else none.
    Bill,
    /// Those for which this holds.
    Where(&'static str),
    /// What this makes of them.
    As(&'static str),
}

const OF_TEAM: Seen = Seen::Where("team in ({teams})");
const OF_RUN: Seen = Seen::Where(
    "(engine, run_id) in (select (engine, run_id) from {whole}.run_owners where team in ({teams}))",
);
const OF_RUN_NR: Seen = Seen::Where(
    "run_nr in (
        select r.run_nr from {whole}.stg_runs r
        join {whole}.run_owners o on o.engine = r.engine and o.run_id = r.run_id
        where o.team in ({teams})
    )",
);
const OF_TABLE: Seen =
    Seen::Where("table_id in (select table_id from {whole}.latest_tables where team in ({teams}))");
const OF_CLUSTER: Seen =
    Seen::Where("cluster_id in (select cluster_id from {whole}.cluster_capacity where team in ({teams}))");

/// What of each table is within a reach. A charge of which a team bears a part is seen with its
/// bill lines, for they are the proof of the part.
const SEEN: &[(&str, Seen)] = &[
    ("parameters", Seen::All),
    ("publishes", Seen::All),
    ("horizon", Seen::All),
    ("source_freshness", Seen::All),
    ("rule_shared_fixed", OF_TEAM),
    (
        "teams",
        Seen::As(
            "select * replace (case when parent in ({teams}) then parent end as parent)
            from {whole}.teams where team in ({teams})",
        ),
    ),
    (
        // Levels are counted from the teams of the reach.
        "team_levels",
        Seen::As(
            "select * replace (cast(row_number() over (partition by team order by level) as integer) as level)
            from {whole}.team_levels where team in ({teams}) and ancestor in ({teams})",
        ),
    ),
    // That something is stale or was left out is for everybody; where it lies is not.
    ("sources", Seen::As("select * replace ('' as uri) from {whole}.sources")),
    ("manifest_units", Seen::Bill),
    ("source_units", Seen::Bill),
    ("source_warnings", Seen::Bill),
    ("attribution_warnings", Seen::Bill),
    ("daily_balance", Seen::Bill),
    ("billing_identity", Seen::Bill),
    ("daily_costs", OF_TEAM),
    ("cost_days", OF_TEAM),
    ("owned_atoms", OF_TEAM),
    ("atoms", OF_TEAM),
    ("idle_spread", OF_TEAM),
    ("shared_spread", OF_TEAM),
    ("ownership_coverage", OF_TEAM),
    ("unclaimed_costs", OF_TEAM),
    ("run_days", OF_TEAM),
    ("run_owners", OF_TEAM),
    ("cluster_capacity", OF_TEAM),
    ("latest_tables", OF_TEAM),
    ("table_reads", OF_TEAM),
    ("waste_findings", OF_TEAM),
    ("stg_runs", OF_RUN),
    ("stg_run_tables", OF_RUN),
    ("stg_run_outputs", OF_RUN),
    ("run_maintenance", OF_RUN),
    ("stg_run_hours", OF_RUN_NR),
    ("run_stages", OF_RUN_NR),
    ("stg_tables", OF_TABLE),
    ("table_bytes", OF_TABLE),
    ("table_snapshots", OF_TABLE),
    ("table_file_sizes", OF_TABLE),
    ("table_storage_states", OF_TABLE),
    ("table_costs", Seen::As(TABLE_COSTS)),
    ("table_upstream", OF_TABLE),
    (
        "table_flows",
        Seen::Where(
            "from_table in (select table_id from {whole}.latest_tables where team in ({teams}))
            and (to_table is null
                or to_table in (select table_id from {whole}.latest_tables where team in ({teams})))",
        ),
    ),
    ("node_lives", OF_CLUSTER),
    ("stg_nodes", OF_CLUSTER),
    ("node_shares", OF_CLUSTER),
    ("cluster_shares", OF_CLUSTER),
    (
        "stg_tags",
        Seen::Where("tag_set_id in (select tag_set_id from {whole}.daily_costs where team in ({teams}))"),
    ),
    (
        "charge_groups",
        Seen::Where("group_nr in (select group_nr from {whole}.owned_atoms where team in ({teams}))"),
    ),
    (
        "charge_lines",
        Seen::Where(
            "group_key in (
                select g.group_key from {whole}.charge_groups g
                where g.group_nr in (select group_nr from {whole}.owned_atoms where team in ({teams}))
            )",
        ),
    ),
    ("charge_pieces", OF_LINE),
    ("stg_charges", OF_LINE),
];

/// What tables cost of what the teams bear: a run that wrote another team's table is not told by
/// that table's cost.
const TABLE_COSTS: &str = concat!(
    "with daily_costs as (select * from {whole}.daily_costs where team in ({teams})),
    run_maintenance as (select * from {whole}.run_maintenance)
    select * from (",
    include_str!("../../sql/marts/table_costs.sql"),
    ") costs"
);

const OF_LINE: Seen = Seen::Where(
    "line_id in (
        select l.line_id
        from {whole}.charge_lines l
        join {whole}.charge_groups g on g.group_key = l.group_key
        where g.group_nr in (select group_nr from {whole}.owned_atoms where team in ({teams}))
    )",
);

/// The view that stands in the place of a table.
fn view(table: &str, whole: &str, teams: &str, totals: bool) -> String {
    let rows = |condition: &str| format!("select * from {{whole}}.{table} where {condition}");
    let seen = SEEN.iter().find(|(name, _)| *name == table).map(|(_, seen)| seen);
    let select = match seen {
        Some(Seen::All) => rows("true"),
        Some(Seen::Bill) => rows(if totals { "true" } else { "false" }),
        Some(Seen::Where(condition)) => rows(condition),
        Some(Seen::As(select)) => (*select).to_owned(),
        None => rows("false"),
    };
    format!(
        "create temp view {} as {};\n",
        quoted(table),
        select.replace("{whole}", whole).replace("{teams}", teams)
    )
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Mart {
    /// The same mart as far as this reach goes. Of a mart within a reach there is no other.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn within(&self, reach: &Reach) -> Result<Self, MartError> {
        self.whole("a mart within a reach cannot be given another")?;
        let Reach::Teams { teams, totals } = reach else { return self.again(Reach::Whole, String::new()) };
        let teams: Vec<String> = self
            .info
            .teams
            .iter()
            .filter(|team| {
                (1..=self.info.level(&team.name))
                    .any(|level| teams.iter().any(|known| known == self.info.ancestor(&team.name, level)))
            })
            .map(|team| team.name.clone())
            // A team the configuration does not list may have costs all the same.
            .chain(
                teams.iter().filter(|team| self.info.teams.iter().all(|known| known.name != **team)).cloned(),
            )
            .collect();
        let catalog = self.ask("name", "select current_database()", Vec::new(), |row| row.text(0))?.concat();
        let whole = format!("{}.main", quoted(&catalog));
        let list: Vec<_> = teams.iter().map(|team| format!("'{}'", team.replace('\'', "''"))).collect();
        // A list that no team is in, where there is none.
        let list = if list.is_empty() { "null".to_owned() } else { list.join(", ") };
        let views: String = self.tables.iter().map(|table| view(table, &whole, &list, *totals)).collect();
        let mut mart = self.again(Reach::Teams { teams, totals: *totals }, views)?;
        mart.info = mart.seen_info(&self.info)?;
        Ok(mart)
    }

    /// How far this mart is seen.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Refuses what only those may ask who see all.
    pub(super) fn whole(&self, what: &'static str) -> Result<(), MartError> {
        if self.reach.is_whole() { Ok(()) } else { Err(MartError::OutOfReach { what }) }
    }

    /// What the whole mart says of itself, as far as the reach goes.
    fn seen_info(&self, whole: &MartInfo) -> Result<MartInfo, MartError> {
        let currencies: Vec<Currency> = self.own_currencies()?;
        let mut teams: Vec<_> =
            whole.teams.iter().filter(|team| self.reach.names(Some(&team.name))).cloned().collect();
        let names: BTreeSet<String> = teams.iter().map(|team| team.name.clone()).collect();
        for team in &mut teams {
            team.parent = team.parent.take().filter(|parent| names.contains(parent));
        }
        let currencies = if currencies.is_empty() { whole.currencies.clone() } else { currencies };
        Ok(MartInfo { teams, currencies, ..whole.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_rule_is_not_seen_and_a_name_cannot_leave_its_quotes() {
        assert!(view("waste_days", "\"m\".main", "'a'", true).contains("where false"));
        assert!(view("daily_balance", "\"m\".main", "'a'", false).contains("where false"));
        assert!(view("daily_balance", "\"m\".main", "'a'", true).contains("where true"));
        assert_eq!(
            view("daily_costs", "\"m\".main", "'it''s'", false),
            "create temp view \"daily_costs\" as select * from \"m\".main.daily_costs where team in ('it''s');\n"
        );
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }

    #[test]
    fn every_rule_is_of_a_table_there_is() {
        const NO_MODELS: [&str; 8] = [
            "parameters",
            "publishes",
            "rule_shared_fixed",
            "teams",
            "sources",
            "manifest_units",
            "source_units",
            "source_warnings",
        ];
        for (name, _) in SEEN {
            let known =
                crate::models::MODELS.iter().any(|model| model.name == *name) || NO_MODELS.contains(name);
            assert!(known, "there is no table {name}");
        }
    }
}

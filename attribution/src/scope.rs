//! What of each model a publish has to make anew when some days changed.

use crate::models::Model;

/// What of a model depends on what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Bill lines as staged: those that touch a changed day of the bill are made anew.
    Bill,
    /// Known by entities, not by days: made in full where anything it reads changed.
    Whole,
    /// Rows of a UTC day depend on nothing of other days but what is [`Scope::Whole`]: those for
    /// which the condition holds are made anew. Steps have none: they are made of days alone.
    Daily(Option<&'static str>),
    /// Rows of a run depend on what is known of that run on all its days: those of runs with a
    /// cost on a changed day are made anew.
    Runs,
    /// Rows of a UTC day depend on [`Scope::Runs`] of that day too: those for which the condition
    /// holds are made anew.
    RunDays(&'static str),
    /// Made in full of the merged days.
    After,
}

/// That a row's day is one of the changed ones.
macro_rules! day {
    ($day:literal) => {
        Scope::Daily(Some(concat!($day, " in (select day from changed_days)")))
    };
}

/// That a bill line touches a changed day. What is charged for several days touches all of them.
pub(crate) const TOUCHED: &str = "(
    cast(charge_period_start as date),
    first_on(charge_category, charge_period_start, charge_period_end, billing_period_start),
    last_on(charge_category, charge_period_start, charge_period_end, billing_period_end)
) in (select (starts_on, first_on, last_on) from changed_spans)";

/// That a row is of a run with a cost on a changed day.
pub(crate) const TOUCHED_RUNS: &str = "(engine, run_id) in (select (engine, run_id) from touched_runs)";

/// That a row is of a changed day, or of one on which what is known of a run differs.
pub(crate) const LATER_DAYS: &str = "usage_date in (select day from later_days)";

const STEP: Scope = Scope::Daily(None);

/// The scope of every model, by name, in the order models are made in.
const SCOPES: &[(&str, Scope)] = &[
    ("stg_tags", Scope::Whole),
    ("stg_nodes", Scope::Whole),
    ("stg_charges", Scope::Bill),
    ("stg_runs", Scope::Whole),
    ("stg_run_hours", Scope::Whole),
    ("stg_table_names", Scope::Whole),
    ("stg_tables", Scope::Whole),
    ("stg_storage", Scope::Whole),
    ("stg_table_access", Scope::Whole),
    ("stg_table_uses", Scope::Whole),
    ("stg_table_requests", Scope::Whole),
    ("stg_run_outputs", Scope::Whole),
    ("stg_run_tables", Scope::Whole),
    ("stg_usage_shares", Scope::Whole),
    ("stg_owner_rules", Scope::Whole),
    ("observed_clusters", Scope::Whole),
    ("buckets", Scope::Whole),
    ("horizon", Scope::Whole),
    ("node_lives", Scope::Whole),
    ("charge_clusters", Scope::Whole),
    ("charge_marks", STEP),
    ("charge_pools", STEP),
    ("charge_lines", Scope::Daily(Some(TOUCHED))),
    ("charge_pieces", day!("cast(bucket_start as date)")),
    ("charge_groups", day!("usage_date")),
    ("run_hosts", Scope::Whole),
    ("node_usage", day!("cast(hour as date)")),
    ("node_shares", day!("cast(hour as date)")),
    ("cluster_active", STEP),
    ("cluster_shares", day!("cast(hour as date)")),
    ("compute_shares", STEP),
    ("storage_shares", STEP),
    ("request_shares", STEP),
    ("usage_shares", day!("usage_date")),
    ("shares", STEP),
    ("atom_costs", STEP),
    ("owner_matches", Scope::Whole),
    ("charge_matches", STEP),
    ("cluster_owners", Scope::Whole),
    ("owner_of_cluster", day!("usage_date")),
    ("owner_of_run", Scope::Whole),
    ("owner_of_table", day!("usage_date")),
    ("owner_of_charge", day!("usage_date")),
    ("owner_of_consumer", day!("usage_date")),
    ("owned_atoms", day!("usage_date")),
    ("atoms", Scope::After),
    ("resolved_owners", STEP),
    ("owner_changes", STEP),
    ("owner_records", STEP),
    ("changed_owners", day!("usage_date")),
    ("owner_history", Scope::After),
    ("daily_costs", day!("usage_date")),
    ("cost_days", day!("usage_date")),
    ("ownership_coverage", day!("usage_date")),
    ("unclaimed_costs", day!("usage_date")),
    ("daily_balance", day!("usage_date")),
    ("billing_identity", Scope::Whole),
    ("run_owners", Scope::Whole),
    ("cluster_capacity", Scope::After),
    ("attribution_warnings", Scope::After),
    ("source_freshness", Scope::Whole),
    ("table_bytes", Scope::Whole),
    ("table_storage_states", day!("usage_date")),
    ("latest_tables", Scope::After),
    ("team_levels", Scope::Whole),
    ("idle_spread", day!("usage_date")),
    ("shared_spread", day!("usage_date")),
    ("run_stages", Scope::Whole),
    ("table_snapshots", Scope::Whole),
    ("table_file_sizes", Scope::Whole),
    ("run_days", Scope::Runs),
    ("run_maintenance", Scope::Whole),
    ("table_costs", day!("usage_date")),
    ("table_reads", Scope::RunDays(LATER_DAYS)),
    ("table_flows", Scope::Whole),
    ("table_upstream", Scope::After),
];

/// What rows of a mart's large tables are stored in the order of: a day's lie together, so that a
/// question about some days reads these alone, and a changed day is put where few others are.
const STORED_BY: &[(&str, &str)] = &[
    ("stg_charges", "charge_period_start"),
    ("stg_run_hours", "hour"),
    ("stg_run_tables", "run_nr"),
    ("charge_lines", "charge_period_start"),
    ("charge_pieces", "bucket_start"),
    ("charge_groups", "usage_date"),
    ("run_hosts", "hour"),
    ("node_usage", "hour"),
    ("node_shares", "hour"),
    ("cluster_shares", "hour"),
    ("owned_atoms", "usage_date"),
    ("daily_costs", "usage_date"),
    ("cost_days", "usage_date"),
    ("unclaimed_costs", "usage_date"),
    ("table_storage_states", "usage_date"),
    ("idle_spread", "usage_date"),
    ("shared_spread", "usage_date"),
    ("run_stages", "run_nr"),
    ("run_days", "usage_date"),
];

/// Checks of rows of a day by rows of that day: they run on the changed days alone. What they
/// found of the other days they found when these were made.
const DAILY_CHECKS: &[&str] = &[
    "lines_have_one_pool",
    "groups_are_conserved",
    "parts_keep_their_sign",
    "atoms_are_unique",
    "categories_fit_their_facts",
    "days_are_balanced",
    "roll_up_equals_atoms",
    "days_equal_their_runs",
    "views_are_conserved",
    "spreads_keep_their_sign",
    "states_equal_storage",
    "subjects_have_one_owner",
    "coverage_is_whole",
];

/// Checks of a bill line by all its pieces: they run on the lines that touch a changed day.
const LINE_CHECKS: &[&str] = &["pieces_are_their_lines"];

/// Checks of what is split by the days of runs: they run on the days made anew with these.
const RUN_DAY_CHECKS: &[&str] = &["tables_are_conserved"];

/// Whether a check looks at each day of runs alone.
pub(crate) fn is_run_day_check(name: &str) -> bool {
    RUN_DAY_CHECKS.contains(&name)
}

/// Whether a check looks at each bill line alone.
pub(crate) fn is_line_check(name: &str) -> bool {
    LINE_CHECKS.contains(&name)
}

/// Whether a check looks at each day alone.
pub(crate) fn is_daily_check(name: &str) -> bool {
    DAILY_CHECKS.contains(&name)
}

impl Model {
    /// What of it has to be made anew when some days changed.
    pub fn scope(&self) -> Scope {
        // What is not listed (findings of waste) is made in full, after all else.
        SCOPES.iter().find(|(name, _)| *name == self.name).map_or(Scope::After, |(_, scope)| *scope)
    }

    /// The column its rows are stored in the order of, where the mart keeps it in any.
    pub fn stored_by(&self) -> Option<&'static str> {
        STORED_BY.iter().find(|(name, _)| *name == self.name).map(|(_, column)| *column)
    }
}

/// One file that says on which days something changed.
#[derive(Clone, Copy, Debug)]
pub struct Days {
    /// File name without its ending.
    pub name: &'static str,
    /// The query.
    pub sql: &'static str,
    /// Tables of which one must have changed for the file to be asked.
    pub of: &'static [&'static str],
    /// Whether the file gives marks (day, mark), of which those of the last mart and of this
    /// one are compared; else it gives the days themselves.
    pub compared: bool,
}

const fn compared(name: &'static str, sql: &'static str, of: &'static [&'static str]) -> Days {
    Days { name, sql, of, compared: true }
}

const fn told(name: &'static str, sql: &'static str, of: &'static [&'static str]) -> Days {
    Days { name, sql, of, compared: false }
}

/// The days on which the bill changed: asked before any other, for all else reads its lines.
pub(crate) const BILL: Days = told("bill", include_str!("../sql/days/bill.sql"), &["landed_charges"]);

/// The days on which who owns what consumers use changed: asked of a table made for it.
pub(crate) const CONSUMERS: Days = told(
    "consumers",
    include_str!("../sql/days/consumers.sql"),
    &["stg_runs", "owner_of_run", "stg_tables", "owner_matches"],
);

/// All others.
pub const DAYS: &[Days] = &[
    compared(
        "runs",
        include_str!("../sql/days/runs.sql"),
        &["run_hosts", "stg_runs", "owner_of_run", "stg_run_outputs"],
    ),
    compared("nodes", include_str!("../sql/days/nodes.sql"), &["node_lives"]),
    told("tags", include_str!("../sql/days/tags.sql"), &["stg_tags"]),
    told("clusters", include_str!("../sql/days/clusters.sql"), &["charge_clusters", "cluster_owners"]),
    compared("storage", include_str!("../sql/days/storage.sql"), &["stg_tables", "stg_storage"]),
    compared("requests", include_str!("../sql/days/requests.sql"), &["stg_table_requests", "stg_tables"]),
    compared("usage", include_str!("../sql/days/usage.sql"), &["stg_usage_shares"]),
    told("table_owners", include_str!("../sql/days/table_owners.sql"), &["stg_tables"]),
    compared("table_states", include_str!("../sql/days/table_states.sql"), &["table_bytes"]),
    compared("reads", include_str!("../sql/days/reads.sql"), &["stg_run_tables"]),
    compared("maintenance", include_str!("../sql/days/maintenance.sql"), &["run_maintenance"]),
];

/// Every file of days.
pub fn days() -> impl Iterator<Item = &'static Days> {
    DAYS.iter().chain([&BILL, &CONSUMERS])
}

/// What rows of a day may read that is known by no day, because another value of it is never
/// met with days kept: why.
#[cfg(test)]
const NO_DAY: &[(&str, &str)] = &[
    ("rule_pools", "other rules: from scratch"),
    ("rule_shared_fixed", "other rules: from scratch"),
    ("stg_owner_rules", "other rules: from scratch"),
    ("teams", "other teams: from scratch"),
    ("parameters", "another default team or weight of runs: from scratch; the rest is read by no model"),
    ("sources", "a source of another kind: from scratch"),
    ("publishes", "read by the history of owners, which is made in full"),
    ("stg_run_hours", "run_hosts has every row of it, and `runs` looks at that"),
    ("owner_matches", "of a value always the same, as long as the rules are"),
    ("buckets", "there are always more of them than a line is cut into"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::models::{CHECKS, Form, MODELS};

    fn scope_of(name: &str) -> Option<Scope> {
        SCOPES.iter().find(|(known, _)| *known == name).map(|(_, scope)| *scope)
    }

    #[test]
    fn every_model_has_a_scope() {
        // Findings of waste are of everything there is.
        let listed = MODELS.iter().filter(|model| model.layer != "waste");
        let models: Vec<_> = listed.map(|model| model.name).collect();
        let scopes: Vec<_> = SCOPES.iter().map(|(name, _)| *name).collect();
        assert_eq!(models, scopes);
        for name in DAILY_CHECKS.iter().chain(LINE_CHECKS).chain(RUN_DAY_CHECKS) {
            assert!(CHECKS.iter().any(|check| check.name == *name), "no check is called {name}");
        }
    }

    #[test]
    fn what_is_stored_in_an_order_is_a_published_table() {
        for (name, column) in STORED_BY {
            let model = MODELS.iter().find(|model| model.name == *name).unwrap();
            assert_eq!(model.form, Form::Table, "{name}");
            assert!(model.sql.contains(column), "{name} has no {column}");
        }
    }

    #[test]
    fn what_is_made_in_full_reads_nothing_that_is_made_by_days() {
        for model in MODELS.iter().filter(|model| matches!(model.scope(), Scope::Whole | Scope::Bill)) {
            for read in model.reads() {
                let late = matches!(
                    scope_of(&read),
                    Some(Scope::Daily(_) | Scope::Runs | Scope::RunDays(_) | Scope::After)
                );
                assert!(!late, "{} reads {read}", model.name);
            }
        }
        for model in MODELS.iter().filter(|model| matches!(model.scope(), Scope::Daily(_))) {
            for read in model.reads() {
                let late = matches!(scope_of(&read), Some(Scope::Runs | Scope::RunDays(_) | Scope::After));
                assert!(!late, "{} reads {read}", model.name);
            }
        }
    }

    #[test]
    fn a_published_table_of_days_says_which_day_a_row_is_of_and_a_step_does_not() {
        for model in MODELS {
            if let Scope::Daily(condition) = model.scope() {
                assert_eq!(condition.is_some(), model.form == Form::Table, "{}", model.name);
            }
        }
    }

    fn is_of_days(model: &Model) -> bool {
        matches!(model.scope(), Scope::Daily(_) | Scope::Runs | Scope::RunDays(_))
    }

    /// A row of a day that reads anything no file of days looks at would go stale.
    #[test]
    fn what_rows_of_a_day_read_is_looked_at_by_a_file_of_days() {
        let watched: BTreeSet<&str> = days().flat_map(|days| days.of.iter().copied()).collect();
        for model in MODELS.iter().filter(|model| is_of_days(model)) {
            for read in model.reads() {
                let known = matches!(scope_of(&read), Some(Scope::Daily(_) | Scope::Runs | Scope::Bill))
                    || watched.contains(read.as_str())
                    || NO_DAY.iter().any(|(name, _)| *name == read)
                    // What a publish adds to the record it adds of the days it made.
                    || read == "recorded_owners";
                assert!(known, "no file of days looks at {read}, which {} reads", model.name);
            }
        }
    }

    #[test]
    fn every_file_of_days_states_what_a_row_is_and_reads_what_it_looks_at() {
        for days in days() {
            let first = days.sql.lines().next().unwrap_or_default();
            assert!(first.starts_with("-- One row per "), "{}: {first}", days.name);
            let is_read = |table: &&&str| days.sql.contains(**table);
            let missing: Vec<_> = days.of.iter().filter(|table| !is_read(table)).collect();
            // Asked of what a model made of them.
            let indirect = ["bill", "consumers"].contains(&days.name);
            assert!(missing.is_empty() || indirect, "{} does not read {missing:?}", days.name);
        }
    }
}

//! Every SQL model and check, in the order they run. One file, one model, its grain on
//! the first line.

use std::borrow::Cow;

/// One SQL file that makes one table or view.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Table or view it makes.
    pub name: &'static str,
    /// `staging`, `pools`, `allocation`, `ownership`, `marts` or `waste`: its folder.
    pub layer: &'static str,
    /// The query.
    pub sql: &'static str,
    /// What the mart makes of it.
    pub form: Form,
    /// It finds waste: its findings are among those of `waste_found`.
    pub is_detector: bool,
}

/// What a mart makes of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A table of the published mart.
    Table,
    /// A view of the published mart, over its tables: rows nobody need store twice.
    View,
    /// A table that others are built on, and nobody asks: dropped before publishing.
    Step,
}

/// One SQL file that returns offenders: rows that must not be.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// File name without its ending.
    pub name: &'static str,
    /// The query.
    pub sql: &'static str,
}

impl Check {
    /// What a row that breaks it is, as its first line says.
    pub fn forbids(&self) -> &'static str {
        let first = self.sql.lines().next().unwrap_or_default();
        first.strip_prefix("-- Any row is ").unwrap_or(first).trim_end_matches('.')
    }
}

/// A model that the published mart keeps.
const fn kept(layer: &'static str, name: &'static str, sql: &'static str) -> Model {
    Model { name, layer, sql, form: Form::Table, is_detector: false }
}

/// A model that the published mart answers by its query.
const fn view(layer: &'static str, name: &'static str, sql: &'static str) -> Model {
    Model { name, layer, sql, form: Form::View, is_detector: false }
}

/// A model that others are built on, and nobody asks.
const fn step(layer: &'static str, name: &'static str, sql: &'static str) -> Model {
    Model { name, layer, sql, form: Form::Step, is_detector: false }
}

/// A model that finds waste: a step, whose findings `waste_found` gathers.
const fn detector(name: &'static str, sql: &'static str) -> Model {
    Model { name, layer: "waste", sql, form: Form::Step, is_detector: true }
}

const fn check(name: &'static str, sql: &'static str) -> Check {
    Check { name, sql }
}

/// Layers whose models are written in what DuckDB and Spark SQL have in common.
pub const PORTABLE_LAYERS: &[&str] = &["staging", "pools", "allocation", "ownership"];

/// The models, each after those it reads.
pub const MODELS: &[Model] = &[
    kept("staging", "stg_tags", include_str!("../sql/staging/stg_tags.sql")),
    kept("staging", "stg_nodes", include_str!("../sql/staging/stg_nodes.sql")),
    kept("staging", "stg_charges", include_str!("../sql/staging/stg_charges.sql")),
    kept("staging", "stg_runs", include_str!("../sql/staging/stg_runs.sql")),
    kept("staging", "stg_run_hours", include_str!("../sql/staging/stg_run_hours.sql")),
    kept("staging", "stg_table_names", include_str!("../sql/staging/stg_table_names.sql")),
    kept("staging", "stg_tables", include_str!("../sql/staging/stg_tables.sql")),
    kept("staging", "stg_storage", include_str!("../sql/staging/stg_storage.sql")),
    kept("staging", "stg_table_access", include_str!("../sql/staging/stg_table_access.sql")),
    step("staging", "stg_table_uses", include_str!("../sql/staging/stg_table_uses.sql")),
    kept("staging", "stg_table_requests", include_str!("../sql/staging/stg_table_requests.sql")),
    kept("staging", "stg_run_outputs", include_str!("../sql/staging/stg_run_outputs.sql")),
    kept("staging", "stg_run_tables", include_str!("../sql/staging/stg_run_tables.sql")),
    kept("staging", "stg_usage_shares", include_str!("../sql/staging/stg_usage_shares.sql")),
    kept("staging", "stg_owner_rules", include_str!("../sql/staging/stg_owner_rules.sql")),
    kept("pools", "observed_clusters", include_str!("../sql/pools/observed_clusters.sql")),
    kept("pools", "buckets", include_str!("../sql/pools/buckets.sql")),
    kept("pools", "horizon", include_str!("../sql/pools/horizon.sql")),
    kept("pools", "node_lives", include_str!("../sql/pools/node_lives.sql")),
    kept("pools", "charge_clusters", include_str!("../sql/pools/charge_clusters.sql")),
    step("pools", "charge_marks", include_str!("../sql/pools/charge_marks.sql")),
    step("pools", "charge_pools", include_str!("../sql/pools/charge_pools.sql")),
    kept("pools", "charge_lines", include_str!("../sql/pools/charge_lines.sql")),
    kept("pools", "charge_pieces", include_str!("../sql/pools/charge_pieces.sql")),
    kept("pools", "charge_groups", include_str!("../sql/pools/charge_groups.sql")),
    kept("allocation", "run_hosts", include_str!("../sql/allocation/run_hosts.sql")),
    kept("allocation", "node_usage", include_str!("../sql/allocation/node_usage.sql")),
    kept("allocation", "node_shares", include_str!("../sql/allocation/node_shares.sql")),
    step("allocation", "cluster_active", include_str!("../sql/allocation/cluster_active.sql")),
    kept("allocation", "cluster_shares", include_str!("../sql/allocation/cluster_shares.sql")),
    step("allocation", "compute_shares", include_str!("../sql/allocation/compute_shares.sql")),
    step("allocation", "storage_shares", include_str!("../sql/allocation/storage_shares.sql")),
    step("allocation", "request_shares", include_str!("../sql/allocation/request_shares.sql")),
    kept("allocation", "usage_shares", include_str!("../sql/allocation/usage_shares.sql")),
    step("allocation", "shares", include_str!("../sql/allocation/shares.sql")),
    step("allocation", "atom_costs", include_str!("../sql/allocation/atom_costs.sql")),
    step("ownership", "owner_matches", include_str!("../sql/ownership/owner_matches.sql")),
    step("ownership", "charge_matches", include_str!("../sql/ownership/charge_matches.sql")),
    kept("ownership", "cluster_owners", include_str!("../sql/ownership/cluster_owners.sql")),
    kept("ownership", "owner_of_cluster", include_str!("../sql/ownership/owner_of_cluster.sql")),
    kept("ownership", "owner_of_run", include_str!("../sql/ownership/owner_of_run.sql")),
    kept("ownership", "owner_of_table", include_str!("../sql/ownership/owner_of_table.sql")),
    kept("ownership", "owner_of_charge", include_str!("../sql/ownership/owner_of_charge.sql")),
    kept("ownership", "owner_of_consumer", include_str!("../sql/ownership/owner_of_consumer.sql")),
    kept("ownership", "owned_atoms", include_str!("../sql/ownership/owned_atoms.sql")),
    view("ownership", "atoms", include_str!("../sql/ownership/atoms.sql")),
    step("ownership", "resolved_owners", include_str!("../sql/ownership/resolved_owners.sql")),
    step("ownership", "owner_changes", include_str!("../sql/ownership/owner_changes.sql")),
    step("ownership", "owner_records", include_str!("../sql/ownership/owner_records.sql")),
    kept("marts", "changed_owners", include_str!("../sql/marts/changed_owners.sql")),
    kept("marts", "owner_history", include_str!("../sql/marts/owner_history.sql")),
    kept("marts", "daily_costs", include_str!("../sql/marts/daily_costs.sql")),
    kept("marts", "cost_days", include_str!("../sql/marts/cost_days.sql")),
    kept("marts", "ownership_coverage", include_str!("../sql/marts/ownership_coverage.sql")),
    kept("marts", "unclaimed_costs", include_str!("../sql/marts/unclaimed_costs.sql")),
    kept("marts", "daily_balance", include_str!("../sql/marts/daily_balance.sql")),
    kept("marts", "billing_identity", include_str!("../sql/marts/billing_identity.sql")),
    kept("marts", "run_owners", include_str!("../sql/marts/run_owners.sql")),
    kept("marts", "cluster_capacity", include_str!("../sql/marts/cluster_capacity.sql")),
    kept("marts", "attribution_warnings", include_str!("../sql/marts/attribution_warnings.sql")),
    kept("marts", "source_freshness", include_str!("../sql/marts/source_freshness.sql")),
    kept("marts", "table_bytes", include_str!("../sql/marts/table_bytes.sql")),
    kept("marts", "table_storage_states", include_str!("../sql/marts/table_storage_states.sql")),
    kept("marts", "latest_tables", include_str!("../sql/marts/latest_tables.sql")),
    kept("marts", "team_levels", include_str!("../sql/marts/team_levels.sql")),
    kept("marts", "idle_spread", include_str!("../sql/marts/idle_spread.sql")),
    kept("marts", "shared_spread", include_str!("../sql/marts/shared_spread.sql")),
    kept("marts", "run_stages", include_str!("../sql/marts/run_stages.sql")),
    kept("marts", "table_snapshots", include_str!("../sql/marts/table_snapshots.sql")),
    kept("marts", "table_file_sizes", include_str!("../sql/marts/table_file_sizes.sql")),
    kept("marts", "run_days", include_str!("../sql/marts/run_days.sql")),
    kept("marts", "run_maintenance", include_str!("../sql/marts/run_maintenance.sql")),
    kept("marts", "table_costs", include_str!("../sql/marts/table_costs.sql")),
    kept("marts", "table_reads", include_str!("../sql/marts/table_reads.sql")),
    kept("marts", "table_flows", include_str!("../sql/marts/table_flows.sql")),
    kept("marts", "table_upstream", include_str!("../sql/marts/table_upstream.sql")),
    kept("waste", "waste_days", include_str!("../sql/waste/waste_days.sql")),
    kept("waste", "waste_clusters", include_str!("../sql/waste/waste_clusters.sql")),
    step("waste", "waste_runs", include_str!("../sql/waste/waste_runs.sql")),
    step("waste", "waste_tables", include_str!("../sql/waste/waste_tables.sql")),
    kept("waste", "waste_subjects", include_str!("../sql/waste/waste_subjects.sql")),
    kept("waste", "waste_limits", include_str!("../sql/waste/waste_limits.sql")),
    step("waste", "waste_pots", include_str!("../sql/waste/waste_pots.sql")),
    kept("waste", "waste_byte_prices", include_str!("../sql/waste/waste_byte_prices.sql")),
    kept("waste", "waste_request_prices", include_str!("../sql/waste/waste_request_prices.sql")),
    kept("waste", "waste_memory_prices", include_str!("../sql/waste/waste_memory_prices.sql")),
    kept("waste", "waste_partitions", include_str!("../sql/waste/waste_partitions.sql")),
    kept("waste", "waste_reads", include_str!("../sql/waste/waste_reads.sql")),
    kept("waste", "waste_lookbacks", include_str!("../sql/waste/waste_lookbacks.sql")),
    step("waste", "waste_growth", include_str!("../sql/waste/waste_growth.sql")),
    step("waste", "waste_logs", include_str!("../sql/waste/waste_logs.sql")),
    step("waste", "waste_inputs", include_str!("../sql/waste/waste_inputs.sql")),
    kept("waste", "waste_silences", include_str!("../sql/waste/waste_silences.sql")),
    kept("waste", "waste_turns", include_str!("../sql/waste/waste_turns.sql")),
    // In the order in which their findings claim (`waste_claims`).
    detector("idle_cluster", include_str!("../sql/waste/idle_cluster.sql")),
    detector("keep_alive", include_str!("../sql/waste/keep_alive.sql")),
    detector("duplicate_table", include_str!("../sql/waste/duplicate_table.sql")),
    detector("unused_table", include_str!("../sql/waste/unused_table.sql")),
    detector("no_op_schedule", include_str!("../sql/waste/no_op_schedule.sql")),
    detector("failed_retried", include_str!("../sql/waste/failed_retried.sql")),
    detector("interrupted_spot", include_str!("../sql/waste/interrupted_spot.sql")),
    detector("lookback_reprocess", include_str!("../sql/waste/lookback_reprocess.sql")),
    detector("over_fresh", include_str!("../sql/waste/over_fresh.sql")),
    detector("cacheable_queries", include_str!("../sql/waste/cacheable_queries.sql")),
    detector("wrong_engine", include_str!("../sql/waste/wrong_engine.sql")),
    detector("spot_able", include_str!("../sql/waste/spot_able.sql")),
    detector("over_provisioned", include_str!("../sql/waste/over_provisioned.sql")),
    detector("skew", include_str!("../sql/waste/skew.sql")),
    detector("spill", include_str!("../sql/waste/spill.sql")),
    detector("uncompacted", include_str!("../sql/waste/uncompacted.sql")),
    detector("delete_bloat", include_str!("../sql/waste/delete_bloat.sql")),
    detector("over_partitioning", include_str!("../sql/waste/over_partitioning.sql")),
    detector("tiny_commits", include_str!("../sql/waste/tiny_commits.sql")),
    detector("metadata_bloat", include_str!("../sql/waste/metadata_bloat.sql")),
    detector("cow_amplification", include_str!("../sql/waste/cow_amplification.sql")),
    detector("incomplete_uploads", include_str!("../sql/waste/incomplete_uploads.sql")),
    detector("orphan_files", include_str!("../sql/waste/orphan_files.sql")),
    detector("unexpired_snapshots", include_str!("../sql/waste/unexpired_snapshots.sql")),
    detector("partition_ttl", include_str!("../sql/waste/partition_ttl.sql")),
    detector("storage_class", include_str!("../sql/waste/storage_class.sql")),
    detector("unused_commitment", include_str!("../sql/waste/unused_commitment.sql")),
    step("waste", "waste_found", include_str!("../sql/waste/waste_found.sql")),
    step("waste", "waste_priced", include_str!("../sql/waste/waste_priced.sql")),
    kept("waste", "waste_claims", include_str!("../sql/waste/waste_claims.sql")),
    kept("waste", "waste_findings", include_str!("../sql/waste/waste_findings.sql")),
];

/// Where the query of `waste_found` has the detectors' findings.
const EVERY_DETECTOR: &str = "{every_detector}";
/// What detectors say of a finding.
const FOUND: &str = "detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, \
     guards, action, claims";

/// The models that say what costs what: all but waste's, which come after them.
pub(crate) fn of_costs() -> &'static [Model] {
    let many = MODELS.iter().position(|model| model.layer == "waste").unwrap_or(MODELS.len());
    &MODELS[..many]
}

/// The models that find waste, in the order in which their findings claim.
pub fn detectors() -> impl Iterator<Item = &'static Model> {
    MODELS.iter().filter(|model| model.is_detector)
}

impl Model {
    /// Its query, with the detectors where it asks for every one.
    pub fn query(&self) -> Cow<'static, str> {
        if !self.sql.contains(EVERY_DETECTOR) {
            return Cow::Borrowed(self.sql);
        }
        let each = (1..).zip(detectors()).map(|(claim_order, detector)| {
            format!("select {claim_order} as claim_order, {FOUND} from {}", detector.name)
        });
        Cow::Owned(self.sql.replace(EVERY_DETECTOR, &each.collect::<Vec<_>>().join("\nunion all\n")))
    }
}

/// The checks that must find nothing before a mart is published.
pub const CHECKS: &[Check] = &[
    check("landed_equals_manifest", include_str!("../sql/checks/landed_equals_manifest.sql")),
    check("lines_have_one_pool", include_str!("../sql/checks/lines_have_one_pool.sql")),
    check("pieces_are_their_lines", include_str!("../sql/checks/pieces_are_their_lines.sql")),
    check("lines_are_conserved", include_str!("../sql/checks/lines_are_conserved.sql")),
    check("groups_are_conserved", include_str!("../sql/checks/groups_are_conserved.sql")),
    check("parts_keep_their_sign", include_str!("../sql/checks/parts_keep_their_sign.sql")),
    check("atoms_are_unique", include_str!("../sql/checks/atoms_are_unique.sql")),
    check("categories_fit_their_facts", include_str!("../sql/checks/categories_fit_their_facts.sql")),
    check("days_are_balanced", include_str!("../sql/checks/days_are_balanced.sql")),
    check("roll_up_equals_atoms", include_str!("../sql/checks/roll_up_equals_atoms.sql")),
    check("days_equal_their_runs", include_str!("../sql/checks/days_equal_their_runs.sql")),
    check("views_are_conserved", include_str!("../sql/checks/views_are_conserved.sql")),
    check("spreads_keep_their_sign", include_str!("../sql/checks/spreads_keep_their_sign.sql")),
    check("tables_are_conserved", include_str!("../sql/checks/tables_are_conserved.sql")),
    check("states_equal_storage", include_str!("../sql/checks/states_equal_storage.sql")),
    check("subjects_have_one_owner", include_str!("../sql/checks/subjects_have_one_owner.sql")),
    check("ownership_views_conserve", include_str!("../sql/checks/ownership_views_conserve.sql")),
    check("coverage_is_whole", include_str!("../sql/checks/coverage_is_whole.sql")),
    check("claims_fit_their_pots", include_str!("../sql/checks/claims_fit_their_pots.sql")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_states_its_grain_on_the_first_line() {
        for model in MODELS {
            let first = model.sql.lines().next().unwrap_or_default();
            assert!(first.starts_with("-- One row per "), "{}: {first}", model.name);
        }
        for check in CHECKS {
            let first = check.sql.lines().next().unwrap_or_default();
            assert!(first.starts_with("-- Any row is "), "{}: {first}", check.name);
        }
    }

    #[test]
    fn detectors_are_those_that_have_settings_and_all_of_them_are_gathered() {
        let known: Vec<_> = detectors().map(|model| model.name.replace('_', "-")).collect();
        let mut sorted = known.clone();
        sorted.sort_unstable();
        let mut configured: Vec<_> = crate::waste::detectors().collect();
        configured.sort_unstable();
        assert_eq!(sorted, configured);
        let found = MODELS.iter().find(|model| model.name == "waste_found").unwrap();
        assert!(detectors().all(|model| found.reads().contains(model.name)));
        assert!(!found.query().contains(EVERY_DETECTOR));
    }

    #[test]
    fn every_model_states_its_key() {
        for model in MODELS {
            let keys = model.keys();
            assert!(!keys.is_empty(), "{} has no line `-- Key: column, column?`", model.name);
            assert!(
                keys.iter().flatten().all(|column| !column.nullable) || keys.len() == 1,
                "{}",
                model.name
            );
        }
    }

    #[test]
    fn a_model_reads_only_what_was_made_before_it() {
        for (at, model) in MODELS.iter().enumerate() {
            let reads = model.reads();
            assert!(!reads.is_empty(), "{} reads nothing", model.name);
            for later in &MODELS[at..] {
                assert!(
                    !reads.contains(later.name),
                    "{} reads {}, which is made later",
                    model.name,
                    later.name
                );
            }
        }
    }

    #[test]
    fn every_sql_file_is_a_model_or_a_check() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
        let mut files = Vec::new();
        let entries = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path());
        // Those of a comparison are made of two marts (`mart/compare.rs`), answers to what-if are
        // asked of a mart: neither is kept in one.
        let asked = ["compare", "what_if"];
        for folder in entries.filter(|path| path.is_dir() && !asked.iter().any(|name| path.ends_with(name))) {
            for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if file.extension().is_some_and(|ending| ending == "sql") {
                    files.push(file.strip_prefix(&root).unwrap().with_extension("").display().to_string());
                }
            }
        }
        let mut listed: Vec<String> =
            MODELS.iter().map(|model| format!("{}/{}", model.layer, model.name)).collect();
        listed.extend(CHECKS.iter().map(|check| format!("checks/{}", check.name)));
        listed.extend(crate::scope::days().map(|days| format!("days/{}", days.name)));
        files.sort();
        listed.sort();
        assert_eq!(files, listed);
    }
}

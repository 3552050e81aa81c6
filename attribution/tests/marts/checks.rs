//! Every check can fail: a built mart is damaged, and the check returns offenders.

use crate::common::Ledger;
use attribution::engine::Builder;
use attribution::models::CHECKS;
use model::landed::Dataset;

/// A ledger whose mart has all six categories but direct and two currencies.
fn ledger() -> Ledger {
    let mut ledger = Ledger::new();
    ledger.land_text(
        Dataset::Charges,
        "charge_period_start,billed_cost,service_name,resource_id,x_usage_type,x_line_item_type,consumed_quantity,consumed_unit\n\
         2026-10-06 06:00,0.25,EC2,i-1,BoxUsage,Usage,,\n\
         2026-10-06 07:00,0.5,Kinesis,s-1,Shard,Usage,,\n\
         2026-10-06 07:00,-0.5,EC2,i-1,BoxUsage,Credit,,\n\
         2026-10-06 07:00,0.75,S3,lake,TimedStorage-ByteHrs,Usage,24000,Byte-Hours\n",
    );
    ledger.land_text(
        Dataset::Tables,
        "collected_at,table_id,location,data_bytes,reachable_bytes\n\
         2026-10-06 01:00,prod.a.t,s3://lake/t,100,300\n",
    );
    ledger.land_text(
        Dataset::Nodes,
        "cluster_id,node_id,resource_id,private_ip,vcpus,memory_mib,started_at,ended_at\n\
         j-1,n-1,i-1,10.0.0.1,4,16384,2026-10-06 06:00,2026-10-06 07:00\n",
    );
    ledger.land_text(Dataset::Runs, "run_id,started_at,ended_at\na,2026-10-06 06:00,2026-10-06 07:00\n");
    ledger.land_text(Dataset::RunHours, "run_id,hour,host,vcore_ms\na,2026-10-06 06:00,10.0.0.1,7200000\n");
    ledger.commit();
    ledger
}

/// The checks that find offenders after the damage, which is taken back.
fn found_after(builder: &Builder, damage: &str) -> Vec<&'static str> {
    builder.run("begin", "begin transaction").unwrap();
    builder.run("damage", damage).unwrap();
    let failures = builder.check().unwrap();
    builder.run("take back", "rollback").unwrap();
    for failure in &failures {
        assert!(failure.offenders > 0 && !failure.examples.is_empty(), "{failure:?}");
        assert!(failure.meaning.starts_with("Any row is "), "{failure:?}");
    }
    failures.into_iter().map(|failure| failure.check).collect()
}

/// Damage to one place each, and the checks that must see it.
const DAMAGES: &[(&str, &[&str])] = &[
    (
        "update manifest_units set contracted_cost = contracted_cost + 0.000000000000000001",
        &["landed_equals_manifest"],
    ),
    ("delete from manifest_units", &["landed_equals_manifest"]),
    ("insert into charge_lines select * from charge_lines limit 1", &["lines_have_one_pool"]),
    ("delete from charge_lines where usage_type = 'Shard'", &["lines_have_one_pool"]),
    (
        "update charge_groups set list_cost = list_cost + 0.000000000000000001",
        &["lines_are_conserved", "groups_are_conserved"],
    ),
    ("delete from charge_groups where usage_type = 'Shard'", &["lines_are_conserved", "groups_are_conserved"]),
    (
        "update owned_atoms set effective_cost = effective_cost - 0.000000000000000001 where run_nr is not null",
        &["groups_are_conserved", "roll_up_equals_atoms"],
    ),
    ("delete from owned_atoms where category = 'idle'", &["groups_are_conserved", "roll_up_equals_atoms"]),
    (
        // Conserved, but the run pays for more than was charged and idle is negative.
        "update owned_atoms set billed_cost = case when run_nr is null then -1 else 1.25 end
            where group_nr in (select group_nr from charge_groups where cluster_id is not null)
            and category <> 'shared'",
        &["parts_keep_their_sign"],
    ),
    ("insert into owned_atoms select * from owned_atoms where run_nr is not null", &["atoms_are_unique"]),
    ("update owned_atoms set category = 'direct' where category = 'unallocated'", &["categories_fit_their_facts"]),
    ("update owned_atoms set category = 'idle' where run_nr is not null", &["categories_fit_their_facts"]),
    ("update owned_atoms set category = null where run_nr is not null", &["categories_fit_their_facts"]),
    ("update owned_atoms set weight = 0 where category = 'idle'", &["categories_fit_their_facts"]),
    ("update daily_balance set usage = usage + 0.000000000000000001 where basis = 'list'", &["days_are_balanced"]),
    (
        // Conserved as a whole, and by nobody else seen: a cost moved from one line to another.
        "update charge_pieces set list_cost = case when line_id = (select min(line_id) from charge_pieces)
            then list_cost + 1 when line_id = (select max(line_id) from charge_pieces) then list_cost - 1
            else list_cost end",
        &["pieces_are_their_lines"],
    ),
    ("update daily_costs set list_cost = list_cost + 0.000000000000000001", &["roll_up_equals_atoms"]),
    (
        "insert into resolved_owners select * replace ('another' as team) from resolved_owners limit 1",
        &["subjects_have_one_owner"],
    ),
    ("update daily_costs set owner_history_id = 'gone' where run_id is not null", &["ownership_views_conserve"]),
    ("delete from ownership_coverage where confidence = 'none'", &["coverage_is_whole"]),
    ("update unclaimed_costs set effective_cost = effective_cost + 0.000000000000000001", &["coverage_is_whole"]),
    ("update daily_costs set team = 'thief' where category = 'unallocated'", &["roll_up_equals_atoms"]),
    (
        "update table_storage_states set list_cost = list_cost + 0.000000000000000001 where state = 'expirable'",
        &["states_equal_storage"],
    ),
    ("delete from table_storage_states", &["states_equal_storage"]),
    ("update daily_costs set usage_date = usage_date + 1 where category = 'idle'", &["roll_up_equals_atoms"]),
    ("update cost_days set billed_cost = billed_cost + 0.000000000000000001", &["days_equal_their_runs"]),
    ("delete from cost_days where category = 'idle'", &["days_equal_their_runs"]),
    ("update idle_spread set list_cost = list_cost + 0.000000000000000001", &["views_are_conserved"]),
    ("delete from shared_spread where spread = 'fixed'", &["views_are_conserved"]),
    (
        "insert into idle_spread select * replace (-billed_cost as billed_cost) from idle_spread",
        &["spreads_keep_their_sign"],
    ),
    (
        "update table_costs set storage_billed_cost = storage_billed_cost + 1",
        &["tables_are_conserved"],
    ),
    (
        "insert into table_reads by name select usage_date, 't' as table_id, billing_currency, billed_cost,
            effective_cost, list_cost, contracted_cost from daily_costs where category = 'usage'",
        &["tables_are_conserved"],
    ),
    (
        "insert into waste_claims by name select 'f' as finding_id, 'table' as pot_kind, 't' as pot,
            cast('2026-10-06' as date) as usage_date, 'USD' as billing_currency, 1 as pot_cost, 2 as asked, 2 as claimed",
        &["claims_fit_their_pots"],
    ),
];

#[test]
fn every_damage_is_found() {
    let ledger = ledger();
    let builder = ledger.built(&ledger.rules());
    assert_eq!(builder.check().unwrap(), []);
    let mut missed = String::new();
    for (damage, checks) in DAMAGES {
        let found = found_after(&builder, damage);
        for check in checks.iter().filter(|check| !found.contains(check)) {
            missed.push_str(&format!("`{check}` does not see: {damage} (found: {found:?})\n"));
        }
    }
    assert!(missed.is_empty(), "\n{missed}");
    assert_eq!(builder.check().unwrap(), [], "damages were not taken back");
}

#[test]
fn every_check_is_damaged_by_some_test() {
    for check in CHECKS {
        assert!(
            DAMAGES.iter().any(|(_, checks)| checks.contains(&check.name)),
            "no damage is known that `{}` finds",
            check.name
        );
    }
}

//! Properties of cutting a cost: whatever the weights, the parts sum to it on every basis and
//! none has another sign.

use std::fmt::Write as _;

use crate::common::cost;
use attribution::models::MODELS;
use duckdb::Connection;
use model::Amount;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, max_shrink_iters: 60, failure_persistence: None, ..Config::default() })
}

/// Splits groups by the model alone: the parts of each, as units of 10^-18.
fn split(groups: &[(i128, Vec<i64>)]) -> Vec<Vec<i128>> {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            "create table shares (group_nr integer, run_nr bigint, table_id varchar,
                consumer_kind varchar, consumer varchar, part varchar, method varchar, weight bigint);
            create table stg_runs as select nr as run_nr, 'spark' as engine, printf('r%06d', nr) as run_id
                from range(4000) runs(nr);
            create table charge_groups (group_nr integer, billed_cost decimal(38, 18),
                effective_cost decimal(38, 18), list_cost decimal(38, 18), contracted_cost decimal(38, 18));",
        )
        .unwrap();
    let mut shares = connection.appender("shares").unwrap();
    let mut sql = String::from("insert into charge_groups values ");
    for (group, (units, weights)) in groups.iter().enumerate() {
        let (cost, opposite) = (Amount::from_units(*units), Amount::from_units(-*units));
        let comma = if group == 0 { "" } else { ", " };
        let _ = write!(sql, "{comma}({group}, {cost}, {opposite}, {cost}, 0)");
        for (nth, weight) in weights.iter().enumerate() {
            shares
                .append_row(duckdb::params![
                    group as i32,
                    nth as i64,
                    None::<String>,
                    None::<String>,
                    None::<String>,
                    "run",
                    "test",
                    weight
                ])
                .unwrap();
        }
    }
    shares.flush().unwrap();
    drop(shares);
    connection.execute_batch(&sql).unwrap();
    connection.execute_batch(include_str!("../../sql/functions.sql")).unwrap();
    let model = MODELS.iter().find(|model| model.name == "atom_costs").unwrap();
    connection.execute_batch(&format!("create table atom_costs as {}", model.sql)).unwrap();
    let mut parts = vec![Vec::new(); groups.len()];
    let sql = "select group_nr, billed_cost, effective_cost, list_cost, contracted_cost
        from atom_costs order by group_nr, run_nr";
    for row in crate::common::texts(&connection, sql) {
        let units = |at: usize| row[at].parse::<Amount>().unwrap().units();
        assert_eq!(
            (units(2), units(3), units(4)),
            (-units(1), units(1), 0),
            "the bases are split apart: {row:?}"
        );
        parts[row[0].parse::<usize>().unwrap()].push(units(1));
    }
    parts
}

fn assert_splits(groups: &[(i128, Vec<i64>)]) {
    for ((cost, weights), parts) in groups.iter().zip(split(groups)) {
        let shown = || format!("{cost} by {:?}", &weights[..weights.len().min(5)]);
        assert_eq!(parts.len(), weights.len(), "{}", shown());
        assert_eq!(parts.iter().sum::<i128>(), *cost, "{}", shown());
        let total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        let largest =
            weights.iter().enumerate().max_by_key(|(nth, weight)| (**weight, usize::MAX - nth)).unwrap().0;
        for (nth, (part, weight)) in parts.iter().zip(weights).enumerate() {
            assert!(part.signum() * cost.signum() >= 0, "{part} of {}", shown());
            if nth != largest && cost.abs() < 1_000_000_000_000_000_000_000 {
                // The whole is rounded to the twelfth digit, the part cut off at it: within two units of it,
                // and the error of doubles, of the exact share.
                let exact = *cost / total * i128::from(*weight) + *cost % total * i128::from(*weight) / total;
                let error = 2_000_000 + exact.abs() / 1_000_000_000_000_000 + i128::from(*weight);
                assert!((part - exact).abs() <= error, "{part} is not {exact} of {}", shown());
            }
        }
    }
}

#[test]
fn adversarial_weights_are_conserved() {
    let one: i128 = 1_000_000_000_000_000_000;
    let tiny = 1_000_000; // 10^-12
    let mut groups = vec![
        (one, vec![1, 1_000_000_000_000]),
        (one, vec![1_000_000_000_000, 1]),
        (1000 * tiny, vec![1; 1000]),
        (999 * tiny, vec![1; 1000]),
        (1000 * tiny - 1, vec![1; 1000]),
        (1001 * tiny, vec![7; 1000]),
        (1, vec![1; 1000]),
        (one, vec![1; 3]),
        (one - 1, vec![1; 7]),
        (999_999_999_999_999_999_999, vec![1; 1000]),
        (one, vec![i64::MAX / 4; 3]),
        (one, vec![1, i64::MAX / 2]),
        (10_000_000_000_000 * one, vec![3, 5, 7, 1_000_000_000_000]),
        (12_345_678_901_234_567_890_123_456_789_012, (1..2000).collect()),
        (0, vec![1, 2, 3]),
        (one, vec![42]),
        (1, vec![42]),
    ];
    groups.extend(groups.clone().into_iter().map(|(cost, weights)| (-cost, weights)));
    assert_splits(&groups);
}

#[test]
fn random_weights_are_conserved() {
    let weight = prop_oneof![1..10_i64, 1..1_000_000_i64, 1..4_000_000_000_000_i64];
    let group = (cost(), prop::collection::vec(weight, 1..40));
    runner(12)
        .run(&prop::collection::vec(group, 100), |groups| {
            assert_splits(&groups);
            Ok(())
        })
        .unwrap();
}

#[test]
fn equal_parts_leave_the_rest_to_the_first_key() {
    // 1 / 3 cut off at 12 digits is 0.333333333333; the rest, 10^-12, goes to the first.
    assert_eq!(
        split(&[(1_000_000_000_000_000_000, vec![1, 1, 1])]),
        [[333_333_333_334_000_000, 333_333_333_333_000_000, 333_333_333_333_000_000]]
    );
}

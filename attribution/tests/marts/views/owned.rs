//! Owners as they were, in every view: what each team bears, that nothing is lost, and that
//! every cell opens down to parts, wholes and bill lines that add up to it.

use std::collections::BTreeMap;

use attribution::mart::{
    CostQuery, Dimension, ExplainPart, Filter, Idle, Mart, NONE, Ownership, Shared, View, as_of,
};
use attribution::rules::Rules;
use model::landed::Dataset;
use model::{Amount, Basis};

use super::{at, cluster, teams, workflow};
use crate::common::Ledger;

/// Two node-hours of $0.80 of cluster j-1: on 6 October `daily` holds half of it and `ranker` a
/// quarter, on the 7th nothing runs. On the 6th a tax of $0.90.
///
/// Published on the 7th at noon: `daily` is growth's, `ranker` content's, the cluster
/// platform's; on the 8th at noon: both are content's, the cluster growth's.
pub fn ledger() -> Ledger {
    let mut ledger = Ledger::new();
    ledger.land_text(
        Dataset::Charges,
        "charge_period_start,charge_period_end,billed_cost,list_cost,service_name,resource_id,x_usage_type,charge_category\n\
         2026-10-06 06:00,2026-10-06 07:00,0.8,1.6,EC2,i-1,BoxUsage,Usage\n\
         2026-10-07 06:00,2026-10-07 07:00,0.8,1.6,EC2,i-1,BoxUsage,Usage\n\
         2026-10-06 00:00,2026-10-07 00:00,0.9,0.9,,,,Tax\n",
    );
    ledger.land_text(
        Dataset::Nodes,
        "cluster_id,node_id,resource_id,private_ip,vcpus,memory_mib,started_at,ended_at\n\
         j-1,n-1,i-1,10.0.0.1,4,16384,2026-10-06 06:00,2026-10-07 07:00\n",
    );
    ledger.land_text(
        Dataset::Runs,
        "run_id,name,started_at,ended_at\n\
         a,daily,2026-10-06 06:00,2026-10-06 07:00\n\
         b,ranker,2026-10-06 06:00,2026-10-06 07:00\n",
    );
    ledger.land_text(
        Dataset::RunHours,
        "run_id,hour,host,vcore_ms\n\
         a,2026-10-06 06:00,10.0.0.1,7200000\n\
         b,2026-10-06 06:00,10.0.0.1,3600000\n",
    );
    ledger.commit();
    ledger.publish_at(&ruled(&ledger, "growth", "platform"), at("2026-10-07T12:00:00Z")).unwrap();
    ledger.publish_at(&rules(&ledger), at("2026-10-08T12:00:00Z")).unwrap();
    ledger
}

/// The rules of its last publish.
pub fn rules(ledger: &Ledger) -> Rules {
    ruled(ledger, "content", "growth")
}

fn ruled(ledger: &Ledger, daily: &str, of_cluster: &str) -> Rules {
    Rules {
        teams: teams(&["growth", "content", "platform"]),
        owner_rules: vec![
            workflow(daily, "daily"),
            workflow("content", "ranker"),
            cluster(of_cluster, "j-1"),
        ],
        shared_fixed: vec![("growth".to_owned(), 500_000_000_000)],
        ..ledger.rules()
    }
}

fn query(view: View, by: &[Dimension]) -> CostQuery {
    CostQuery { by: by.to_vec(), view, ..CostQuery::default() }
}

fn by_team(mart: &Mart, view: View) -> Vec<String> {
    let rows = mart.costs(&query(view, &[Dimension::Team])).unwrap();
    rows.iter().map(|row| format!("{} {}", row.keys[0], row.cost)).collect()
}

/// The end of the 7th: what the first publish knew.
fn seventh() -> Ownership {
    Ownership::AsOf(as_of("2026-10-07").unwrap())
}

#[test]
fn spreads_follow_the_owners_as_they_were() {
    let ledger = ledger();
    let mart = Mart::open(ledger.path()).unwrap();
    let view = |idle, shared, ownership| View { idle, shared, ownership };
    for (view, want) in [
        // The 6th closed before the first publish, the 7th before the second.
        (
            view(Idle::Owner, Shared::Keep, Ownership::AsWas),
            vec!["(none) 0.9", "content 0.2", "growth 1.2", "platform 0.2"],
        ),
        (
            view(Idle::Keep, Shared::Even, Ownership::AsWas),
            vec!["(none) 1", "content 0.5", "growth 0.7", "platform 0.3"],
        ),
        // Idle of the 6th 2/3 to growth's daily, 1/3 to content's ranker; of the 7th to the
        // cluster's owner. The tax by 0.40 and 0.20.
        (
            view(Idle::Proportional, Shared::Proportional, Ownership::AsWas),
            vec!["content 0.566666666666", "growth 1.933333333334"],
        ),
        (
            view(Idle::Proportional, Shared::Proportional, seventh()),
            vec!["content 0.566666666666", "growth 1.133333333334", "platform 0.8"],
        ),
        (
            view(Idle::Proportional, Shared::Proportional, Ownership::Restated),
            vec!["content 1.7", "growth 0.8"],
        ),
        // Half of the tax by the configuration; the rest stays shared.
        (
            view(Idle::Proportional, Shared::Fixed, Ownership::AsWas),
            vec!["(none) 0.45", "content 0.266666666666", "growth 1.783333333334"],
        ),
    ] {
        assert_eq!(by_team(&mart, view), want, "{view:?}");
    }
    // Filters leave parts as they are, whatever days they name.
    let asked = CostQuery {
        from: Some("2026-10-06".parse().unwrap()),
        to: Some("2026-10-07".parse().unwrap()),
        filters: vec![Filter { dimension: Dimension::Category, value: "idle".into() }],
        ..query(
            view(Idle::Proportional, Shared::Even, Ownership::AsWas),
            &[Dimension::Team, Dimension::Workload],
        )
    };
    let rows = mart.costs(&asked).unwrap();
    let rows: Vec<_> = rows.iter().map(|row| format!("{} {}", row.keys.join("/"), row.cost)).collect();
    assert_eq!(rows, ["content/ranker 0.066666666666", "growth/daily 0.133333333334"]);
}

#[test]
fn every_view_conserves_every_day_on_every_basis() {
    let ledger = ledger();
    let mart = Mart::open(ledger.path()).unwrap();
    let days = |basis, view| {
        let rows = mart.costs(&CostQuery { basis, ..query(view, &[Dimension::Day]) }).unwrap();
        rows.into_iter().map(|row| (row.keys, row.cost)).collect::<Vec<_>>()
    };
    for basis in Basis::ALL {
        let whole = days(basis, View::default());
        for view in views() {
            assert_eq!(days(basis, view), whole, "{basis} {view:?}");
        }
    }
}

/// Every combination of views.
fn views() -> Vec<View> {
    let mut views = Vec::new();
    for ownership in [Ownership::Restated, Ownership::AsWas, seventh()] {
        for idle in Idle::ALL {
            views.extend(Shared::ALL.map(|shared| View { idle, shared, ownership }));
        }
    }
    views
}

#[test]
fn every_cell_of_every_view_opens_down_to_its_bill_lines() {
    let ledger = ledger();
    let mart = Mart::open(ledger.path()).unwrap();
    let by = [Dimension::Team, Dimension::Category];
    let mut opened = 0;
    for view in views() {
        for cell in mart.costs(&CostQuery { basis: Basis::List, ..query(view, &by) }).unwrap() {
            let filter = |(dimension, value): (&Dimension, &String)| Filter {
                dimension: dimension.clone(),
                value: value.clone(),
            };
            let asked = CostQuery {
                basis: Basis::List,
                filters: by.iter().zip(&cell.keys).map(filter).collect(),
                ..query(view, &[])
            };
            let parts = mart.explain(&asked).unwrap();
            let spread = mart.spread_parts(&asked).unwrap();
            let of_parts: Amount = parts.iter().map(|part| part.cost).sum();
            let of_spread: Amount = spread.iter().map(|part| part.cost).sum();
            assert_eq!(of_parts + of_spread, cell.cost, "{view:?} {:?}", cell.keys);
            for part in &parts {
                assert_eq!(part.team.as_deref().unwrap_or(NONE), cell.keys[0], "{view:?}");
                assert_eq!(part.category.name(), cell.keys[1], "{view:?}");
            }
            let wholes = mart.spread_wholes(&asked, &spread).unwrap();
            for part in &spread {
                let whole: Amount = wholes[&part.whole_id].iter().map(|atom| atom.cost).sum();
                assert_eq!(whole, part.whole, "{view:?} {part:?}");
            }
            let atoms: Vec<&ExplainPart> = parts.iter().chain(wholes.values().flatten()).collect();
            let groups = atoms.iter().map(|atom| atom.charge_group_id.as_str());
            let lines = mart.bill_lines(groups, Basis::List).unwrap();
            for atom in atoms {
                let billed: Amount = lines[&atom.charge_group_id].iter().map(|line| line.part_cost).sum();
                assert_eq!(billed, atom.group_cost, "{atom:?}");
                opened += 1;
            }
        }
    }
    assert!(opened > 100, "{opened}");
}

#[test]
fn a_cell_as_it_was_says_which_publish_recorded_its_owner() {
    let ledger = ledger();
    let mart = Mart::open(ledger.path()).unwrap();
    let of = |ownership, team: &str| {
        let view = View { ownership, ..View::default() };
        let filters = vec![Filter { dimension: Dimension::Team, value: team.to_owned() }];
        let parts = mart.explain(&CostQuery { filters, ..query(view, &[]) }).unwrap();
        let told = |part: &ExplainPart| {
            (part.workload.clone().unwrap_or_default(), part.owner_rule.clone().unwrap_or_default())
        };
        parts.iter().map(told).collect::<BTreeMap<_, _>>()
    };
    let was = of(Ownership::AsWas, "growth");
    assert_eq!(was["daily"], "recorded 2026-10-07 12:00 UTC by publish 1");
    assert_eq!(was[""], "recorded 2026-10-08 12:00 UTC by publish 2");
    // What never changed hands is said by its rule.
    assert_eq!(of(Ownership::AsWas, "content")["ranker"], "owner_rule 2: workflow ranker");
}

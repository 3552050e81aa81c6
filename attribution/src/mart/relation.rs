//! Views in SQL: what takes the place of `daily_costs` and `atoms` when costs are looked at
//! otherwise than their rows say.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use model::Category;
use model::time::Instant;

use super::{CostQuery, Dimension, Filter, Idle, Mart, MartError, NONE, Ownership, Shared};

/// Idle costs spread, of whatever is called `daily_costs` around it.
const IDLE_SPREAD: &str = include_str!("../../sql/marts/idle_spread.sql");
/// Shared costs spread, likewise.
const SHARED_SPREAD: &str = include_str!("../../sql/marts/shared_spread.sql");

/// The view of atoms, for those of few groups.
const ATOMS: &str = include_str!("../../sql/ownership/atoms.sql");

/// Numbers as a list of SQL that is never empty: no row has a number of none.
pub(super) fn numbers(numbers: &BTreeSet<i64>) -> String {
    let listed: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    if listed.is_empty() { "null".to_owned() } else { listed.join(", ") }
}

/// Of each history of owners the team that was recorded when each day closed.
const AS_WAS: &str =
    "select owner_history_id, team, publish_nr, recorded_at from owner_history where is_as_was = 1";

/// A cost's category and method follow from whether it has a team (see `ownership/atoms.sql`).
pub(super) const OWNED: &str = "
        h.team as team,
        case
            when d.method in ('storage-unmeasured', 'storage-usage-rest') and h.team is not null then 'storage'
            when d.category not in ('direct', 'unallocated')
                and d.method not in ('storage-unmeasured', 'storage-usage-rest') then d.category
            when h.team is null then 'unallocated'
            else 'direct'
        end as category,
        case
            when d.method = 'direct' and h.team is null then 'unowned'
            when d.method = 'unowned' and h.team is not null then 'direct'
            else d.method
        end as method";

/// What stands for the rule where the record says whose a cost is.
const RECORDED: &str = "'recorded ' || strftime(h.recorded_at, '%Y-%m-%d %H:%M') || ' UTC by publish ' || h.publish_nr as owner_rule";

/// What ownership is resolved for, from the columns of an atom: its type (`subject`) and the
/// columns that name it, empty where they are no part of it. What is shared has no owner.
pub(super) const SUBJECT: [(&str, &str); 8] = [
    ("subject", "case when a.category = 'shared' then 'none' else subject_kind(a.part) end"),
    ("engine", "subject_engine(a.part, a.engine, a.consumer_kind)"),
    ("run_id", "subject_run(a.part, a.run_id, a.consumer)"),
    ("table_id", "subject_table(a.part, a.table_id)"),
    ("cluster_id", "subject_cluster(a.part, a.method, a.cluster_id)"),
    ("tag_set_id", "subject_fact(a.part, a.tag_set_id)"),
    ("resource_id", "subject_fact(a.part, a.resource_id)"),
    ("account_id", "subject_fact(a.part, a.account_id)"),
];

/// A moment as SQL: of our own making, so that it may stand in the text.
fn literal(at: Instant) -> String {
    format!("cast('{}' as timestamp)", at.naive_utc().format("%Y-%m-%d %H:%M:%S%.6f"))
}

impl Ownership {
    /// The team each history of owners has in this view; nothing where no history is asked.
    fn known(self) -> Option<String> {
        match self {
            Self::Restated => None,
            Self::AsWas => Some(AS_WAS.to_owned()),
            // Of what was first recorded later, the first record.
            Self::AsOf(at) => Some(format!(
                "select owner_history_id, team, publish_nr, recorded_at
                from (
                    select
                        h.*,
                        row_number() over (
                            partition by owner_history_id
                            order by
                                case when recorded_at <= {at} then 0 else 1 end,
                                case when recorded_at <= {at} then -publish_nr else publish_nr end
                        ) as nth
                    from owner_history h
                ) ranked
                where nth = 1",
                at = literal(at)
            )),
        }
    }
}

impl CostQuery {
    /// What takes the place of `daily_costs` under this view.
    ///
    /// # Errors
    /// [`MartError::OutOfReach`] where the view needs more than the mart's reach.
    pub(super) fn relation(&self, mart: &Mart) -> Result<String, MartError> {
        self.check_reach(mart)?;
        let owned = self.owned_days();
        let mut source = self.kept(&owned);
        for spread in self.spreads() {
            source.push_str(&format!(" union all by name select * from {spread}"));
        }
        Ok(if source == owned { source } else { format!("({source})") })
    }

    /// The atoms that this view does not spread.
    ///
    /// # Errors
    /// As of [`Self::relation`].
    pub(super) fn atoms(&self, mart: &Mart) -> Result<String, MartError> {
        self.check_reach(mart)?;
        let owned = self.owned_atoms();
        let kept = self.kept(&owned);
        Ok(if kept == owned { kept } else { format!("({kept})") })
    }

    /// The same with no more than costs, methods and what the question's filters look at: joined
    /// with charge groups and runs only where these are needed.
    ///
    /// # Errors
    /// As of [`Self::relation`].
    pub(super) fn narrow_atoms(&self, mart: &Mart) -> Result<String, MartError> {
        // Owners of another day, and those of a reach, are put to whole atoms alone.
        if self.view.ownership != Ownership::Restated || !mart.reach().is_whole() {
            return self.atoms(mart);
        }
        let is_filtered = |of: fn(&Dimension) -> bool| self.filters.iter().any(|f| of(&f.dimension));
        let mut columns =
            "a.usage_date, a.team, a.table_id, a.category, a.method, a.consumer, a.group_nr, a.run_nr, a.billed_cost, \
                           a.effective_cost, a.list_cost, a.contracted_cost"
                .to_owned();
        let mut joins = String::new();
        let by_group = |dimension: &Dimension| {
            matches!(
                dimension,
                Dimension::Service
                    | Dimension::Account
                    | Dimension::Region
                    | Dimension::Pool
                    | Dimension::Cluster
                    | Dimension::Tag(_)
            )
        };
        match mart.info().currencies[..] {
            [currency] if !is_filtered(by_group) => {
                columns.push_str(&format!(", '{currency}' as billing_currency"));
            }
            _ => {
                columns.push_str(
                    ", g.billing_currency, g.service_name, g.account_id, g.region_id, g.pool, g.cluster_id, \
                     g.tag_set_id",
                );
                joins.push_str(
                    " join charge_groups g on g.group_nr = a.group_nr and g.usage_date = a.usage_date",
                );
            }
        }
        let by_run = |dimension: &Dimension| {
            matches!(dimension, Dimension::Run | Dimension::Workload | Dimension::Engine)
        };
        if is_filtered(by_run) {
            columns.push_str(
                ", r.engine, r.run_id, case when a.consumer_kind = 'workload' then a.consumer else r.workload end \
                 as workload",
            );
            joins.push_str(&format!(" left join {} r on r.run_nr = a.run_nr", self.asked_runs()));
        }
        let atoms = format!("(select {columns} from owned_atoms a{joins})");
        let kept = self.kept(&atoms);
        Ok(if kept == atoms { kept } else { format!("({kept})") })
    }

    /// Runs of which a question's filters may let atoms through. Without the others' an atom of theirs
    /// has no workload, and is not let through either.
    fn asked_runs(&self) -> String {
        let of_runs =
            |f: &&Filter| matches!(f.dimension, Dimension::Run | Dimension::Workload | Dimension::Engine);
        match self.filters.iter().filter(of_runs).collect::<Vec<_>>()[..] {
            [filter] if filter.dimension == Dimension::Workload && filter.value != NONE => {
                let workload = filter.value.replace('\'', "''");
                format!("(select * from stg_runs where workload = '{workload}')")
            }
            _ => "stg_runs".to_owned(),
        }
    }

    /// The atoms of certain groups and runs, all of these days, that this view does not spread, named
    /// in full.
    ///
    /// # Errors
    /// As of [`Self::relation`].
    pub(super) fn picked_atoms(
        &self,
        mart: &Mart,
        groups: &BTreeSet<i64>,
        runs: &BTreeSet<i64>,
        days: Option<(NaiveDate, NaiveDate)>,
    ) -> Result<String, MartError> {
        if self.view.ownership != Ownership::Restated || !mart.reach().is_whole() {
            return self.atoms(mart);
        }
        // Days leave most of a large table unread.
        let days = days.map_or_else(String::new, |(first, last)| {
            format!(" and usage_date between date '{first}' and date '{last}'")
        });
        let picked = |table: &str, condition: &str| format!("(select * from {table} where {condition})");
        let (groups, runs) = (numbers(groups), numbers(runs));
        let of_groups = format!("group_nr in ({groups}){days}");
        // Other runs of these groups are not joined: their atoms would stand there without a workload.
        let of_runs = format!("{of_groups} and (run_nr is null or run_nr in ({runs}))");
        let atoms = ATOMS
            .replace("from owned_atoms a", &format!("from {} a", picked("owned_atoms", &of_runs)))
            .replace("join charge_groups g", &format!("join {} g", picked("charge_groups", &of_groups)))
            .replace(
                "join stg_runs r",
                &format!("join {} r", picked("stg_runs", &format!("run_nr in ({runs})"))),
            );
        let atoms = format!("({atoms})");
        let kept = self.kept(&atoms);
        Ok(if kept == atoms { kept } else { format!("({kept})") })
    }

    /// Refuses owners of another day within a reach: whose something was then is not known by
    /// whose it is now, and spreads by those owners are of everybody's costs.
    pub(super) fn check_reach(&self, mart: &Mart) -> Result<(), MartError> {
        match self.view.ownership {
            Ownership::Restated => Ok(()),
            _ => mart.whole("owners of another day are told to those who see all teams"),
        }
    }

    /// What this view spreads, as relations with the columns of `daily_costs` and of a part.
    pub(super) fn spreads(&self) -> Vec<String> {
        let mut spreads = Vec::new();
        if self.view.idle == Idle::Proportional {
            let idle = self.spread("idle_spread", IDLE_SPREAD);
            spreads.push(format!("(select 'proportional' as spread, * from {idle})"));
        }
        if self.view.shared != Shared::Keep {
            let shared = self.spread("shared_spread", SHARED_SPREAD);
            spreads.push(format!("(select * from {shared} where spread = '{}')", self.view.shared));
        }
        spreads
    }

    /// Spreads by today's owners were made with the mart; by others they are made now, by the
    /// same SQL over what takes the place of `daily_costs`.
    fn spread(&self, made: &str, sql: &str) -> String {
        match self.view.ownership {
            Ownership::Restated => made.to_owned(),
            _ => format!(
                "(with daily_costs as materialized (select * from {}) select * from ({sql}))",
                self.owned_days()
            ),
        }
    }

    /// `daily_costs` with the owners of this view; of other owners than today's only the days
    /// and the currency asked for.
    pub(super) fn owned_days(&self) -> String {
        match self.view.ownership.known() {
            None => "daily_costs".to_owned(),
            Some(known) => format!(
                "(with known as ({known})
                select d.* replace ({OWNED})
                from main.daily_costs d
                join known h on h.owner_history_id = d.owner_history_id
                where {span}
                union all
                select d.* from main.daily_costs d where d.owner_history_id is null and {span})",
                span = self.span("d"),
            ),
        }
    }

    /// `atoms` with the owners of this view; where the record says so, in the rule's place.
    pub(super) fn owned_atoms(&self) -> String {
        let Some(known) = self.view.ownership.known() else { return "atoms".to_owned() };
        let same: Vec<_> = SUBJECT.iter().map(|(name, sql)| format!("c.{name} = {sql}")).collect();
        format!(
            "(with known as ({known}),
            found as (
                select a.*, c.owner_history_id
                from atoms a
                left join changed_owners c on c.usage_date = a.usage_date and {}
                where {}
            )
            select d.* replace ({OWNED}, {RECORDED})
            from found d
            join known h on h.owner_history_id = d.owner_history_id
            union all
            select d.* from found d where d.owner_history_id is null)",
            same.join(" and "),
            self.span("a"),
        )
    }

    /// The days and the currency asked for, as a condition. Spreads are made within a day and
    /// a currency: leaving others out changes none of their parts, as other filters would.
    pub(super) fn span(&self, table: &str) -> String {
        let mut conditions = vec!["true".to_owned()];
        conditions.extend(self.from.map(|day| format!("{table}.usage_date >= cast('{day}' as date)")));
        conditions.extend(self.to.map(|day| format!("{table}.usage_date < cast('{day}' as date)")));
        conditions.extend(self.currency.map(|currency| format!("{table}.billing_currency = '{currency}'")));
        conditions.join(" and ")
    }

    /// Rows of a table (`daily_costs` or `atoms`) that this view does not spread.
    fn kept(&self, table: &str) -> String {
        let mut spread = Vec::new();
        if self.view.idle == Idle::Proportional {
            spread.push(Category::Idle);
        }
        if self.view.shared != Shared::Keep {
            spread.push(Category::Shared);
        }
        if spread.is_empty() && self.view.idle != Idle::Keep {
            return table.to_owned();
        }
        let columns = match self.view.idle {
            Idle::Keep => "* replace (case when category = 'idle' then null else team end as team)",
            Idle::Owner | Idle::Proportional => "*",
        };
        let conditions: Vec<_> =
            spread.iter().map(|category| format!("category <> '{}'", category.name())).collect();
        let condition = if conditions.is_empty() { "true".into() } else { conditions.join(" and ") };
        format!("select {columns} from {table} where {condition}")
    }
}

#[cfg(test)]
mod tests {
    use super::ATOMS;

    #[test]
    fn the_view_of_atoms_names_the_tables_that_are_picked_from() {
        for table in ["from owned_atoms a", "join charge_groups g", "join stg_runs r"] {
            assert_eq!(ATOMS.matches(table).count(), 1, "{table}");
        }
    }
}

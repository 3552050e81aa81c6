//! Clusters by the hour: capacity paid for and used, and in which market it was bought.

use chrono::NaiveDate;
use duckdb::types::Value;
use model::time::Instant;

use super::{Mart, MartError};

/// One hour of a cluster's workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterHour {
    /// Start of the hour.
    pub hour: Instant,
    /// Worker nodes alive in it.
    pub nodes: i64,
    /// Core-milliseconds paid.
    pub paid_vcore_ms: i64,
    /// Core-milliseconds that count as used (by the bottleneck share).
    pub used_vcore_ms: i64,
}

/// What of a cluster's capacity was bought in one market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketShare {
    /// `on_demand` or `spot`.
    pub market: String,
    /// Nodes.
    pub nodes: i64,
    /// Core-milliseconds paid, masters included.
    pub vcore_ms: i64,
}

fn within(cluster: &str, from: NaiveDate, to: NaiveDate) -> Vec<Value> {
    vec![Value::Text(cluster.to_owned()), Value::Text(from.to_string()), Value::Text(to.to_string())]
}

impl Mart {
    /// Capacity against use of a cluster's workers, for every hour in which it had any.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn cluster_hours(
        &self,
        cluster: &str,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<ClusterHour>, MartError> {
        let sql = "with lives as (
                select node_id, hour, vcore_ms
                from node_lives
                where cluster_id = ? and hour >= cast(? as date) and hour < cast(? as date)
                    and is_worker = 1 and vcore_ms > 0
            ),
            used as (
                select s.hour, sum(cast(s.weight as double) * l.vcore_ms / 1e12) as vcore_ms
                from node_shares s
                join lives l on l.node_id = s.node_id and l.hour = s.hour
                where s.cluster_id = ? and s.hour >= cast(? as date) and s.hour < cast(? as date)
                    and s.run_nr is not null
                group by s.hour
            )
            select epoch_us(l.hour), count(*), cast(sum(l.vcore_ms) as bigint),
                cast(coalesce(max(round(u.vcore_ms)), 0) as bigint)
            from lives l
            left join used u on u.hour = l.hour
            group by l.hour
            order by l.hour";
        let mut parameters = within(cluster, from, to);
        parameters.extend(within(cluster, from, to));
        self.ask("list the hours of a cluster of", sql, parameters, |row| {
            Ok(ClusterHour {
                hour: row.instant(0)?,
                nodes: row.int(1)?,
                paid_vcore_ms: row.int(2)?,
                used_vcore_ms: row.int(3)?,
            })
        })
    }

    /// Capacity of a cluster by market, the largest first.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn cluster_markets(
        &self,
        cluster: &str,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<MarketShare>, MartError> {
        let sql = "select n.market, count(distinct l.node_id), cast(coalesce(sum(l.vcore_ms), 0) as bigint)
            from node_lives l
            join stg_nodes n on n.cluster_id = l.cluster_id and n.node_id = l.node_id
            where l.cluster_id = ? and l.hour >= cast(? as date) and l.hour < cast(? as date)
            group by n.market
            order by 3 desc, 1";
        self.ask("list the markets of a cluster of", sql, within(cluster, from, to), |row| {
            Ok(MarketShare { market: row.text(0)?, nodes: row.int(1)?, vcore_ms: row.int(2)? })
        })
    }
}

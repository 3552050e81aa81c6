//! Clusters as people speak of them: those of one name are one thing, as a cluster that is made
//! anew each night is, and stand in one row that leads to each of them.

use std::collections::BTreeMap;

use attribution::mart::{ClusterRow, CostQuery, Dimension};
use model::Amount;

use crate::colour::Colours;
use crate::context::Context;
use crate::error::PageError;

/// Which clusters go by which name.
pub struct ClusterNames {
    /// Every cluster of which a node is known, by its id.
    known: BTreeMap<String, ClusterRow>,
    /// Ids by name, the newest cluster first.
    named: BTreeMap<String, Vec<String>>,
}

impl ClusterNames {
    /// Reads what the mart knows.
    pub fn of(context: &Context<'_>) -> Result<Self, PageError> {
        let mut clusters = context.mart.clusters()?;
        clusters
            .sort_by(|a, b| b.started_at.cmp(&a.started_at).then_with(|| a.cluster_id.cmp(&b.cluster_id)));
        let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for cluster in &clusters {
            if let Some(name) = &cluster.name {
                named.entry(name.clone()).or_default().push(cluster.cluster_id.clone());
            }
        }
        let known = clusters.into_iter().map(|cluster| (cluster.cluster_id.clone(), cluster)).collect();
        Ok(Self { known, named })
    }

    /// Every cluster of which a node is known, by its id.
    pub fn known(&self) -> &BTreeMap<String, ClusterRow> {
        &self.known
    }

    /// What a cluster goes by: its name, or its id where it has none.
    pub fn called<'a>(&'a self, id: &'a str) -> &'a str {
        self.known.get(id).and_then(|cluster| cluster.name.as_deref()).unwrap_or(id)
    }

    /// The clusters of a name, the newest first; none where it is no name.
    pub fn ids(&self, name: &str) -> &[String] {
        self.named.get(name).map_or(&[], Vec::as_slice)
    }

    /// The page of what goes by a name: of the one cluster, or of all of them.
    pub fn href(&self, context: &Context<'_>, called: &str) -> String {
        match self.ids(called) {
            [one] => context.entity("clusters", one),
            _ => context.entity("clusters", called),
        }
    }

    /// Colours of names, ranked over the whole ledger: a filter must not recolour what remains.
    pub fn colours(&self, context: &Context<'_>) -> Result<Colours, PageError> {
        let query = CostQuery {
            by: vec![Dimension::Cluster],
            currency: Some(context.scope.currency),
            ..CostQuery::default()
        };
        let rows = context.mart.costs(&query)?;
        let mut costs: BTreeMap<&str, Amount> = BTreeMap::new();
        for row in &rows {
            *costs.entry(self.called(&row.keys[0])).or_default() += row.cost;
        }
        let mut ranked: Vec<(&str, Amount)> = costs.into_iter().collect();
        ranked.sort_by_key(|(_, cost)| std::cmp::Reverse(*cost));
        Ok(Colours::in_order(ranked.into_iter().map(|(name, _)| name)))
    }
}

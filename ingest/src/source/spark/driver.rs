//! The driver in cluster mode: it holds a container of the cluster as executors do.

use super::held::Life;
use super::properties::{MIB, Properties};

/// What the driver holds while the application lives: nothing in client mode, where it runs
/// beside the cluster or on its master, nor in local mode, where it is the executor. YARN and
/// Kubernetes give a driver its heap and an overhead, and no part of what executors ask for
/// beside them.
pub(super) fn life(properties: &Properties, from_ms: i64, to_ms: i64) -> Option<Life> {
    if properties.is_local() || !is_in_cluster(properties) {
        return None;
    }
    let heap = properties.size_mib("spark.driver.memory", MIB).unwrap_or(1024);
    let cores = properties.get("spark.driver.cores").and_then(|text| text.trim().parse().ok()).unwrap_or(1);
    Some(Life {
        // On Kubernetes a service's name: no node is called so, and the whole cluster bears it.
        host: properties.get("spark.driver.host").map(str::to_owned),
        cores: i64::max(cores, 0),
        memory_mib: heap.saturating_add(properties.overhead_mib("driver", heap).max(0)),
        from_ms,
        to_ms,
    })
}

fn is_in_cluster(properties: &Properties) -> bool {
    // In its pod on Kubernetes the driver is submitted once more, in client mode then.
    properties.get("spark.submit.deployMode") == Some("cluster")
        || properties.get("spark.kubernetes.submitInDriver") == Some("true")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(pairs: &[(&str, &str)]) -> Option<(i64, i64)> {
        let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        life(&Properties::new(pairs), 0, 1).map(|life| (life.cores, life.memory_mib))
    }

    #[test]
    fn a_driver_holds_its_container_in_cluster_mode_alone() {
        let cluster = ("spark.submit.deployMode", "cluster");
        assert_eq!(size(&[]), None);
        assert_eq!(size(&[("spark.submit.deployMode", "client")]), None);
        assert_eq!(size(&[cluster, ("spark.master", "local[2]")]), None);
        assert_eq!(size(&[cluster]), Some((1, 1024 + 384)));
        assert_eq!(
            size(&[
                cluster,
                ("spark.driver.cores", "2"),
                ("spark.driver.memory", "8g"),
                ("spark.executor.memory", "20g"),
                ("spark.executor.pyspark.memory", "1g"),
            ]),
            Some((2, 8192 + 819))
        );
        assert_eq!(size(&[cluster, ("spark.driver.memoryOverhead", "1g")]), Some((1, 2048)));
        assert_eq!(size(&[cluster, ("spark.yarn.driver.memoryOverhead", "600")]), Some((1, 1624)));
        assert_eq!(
            size(&[
                ("spark.submit.deployMode", "client"),
                ("spark.kubernetes.submitInDriver", "true"),
                ("spark.driver.memory", "4g"),
                ("spark.kubernetes.memoryOverheadFactor", "0.4"),
            ]),
            Some((1, 4096 + 1638))
        );
    }
}

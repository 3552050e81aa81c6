//! What each method of the attribution does, in words: for Explain and Help.

/// A method's name, and how it finds a part.
pub struct Method {
    /// As marts call it.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// The formula in words.
    pub formula: &'static str,
}

/// All methods, in the order of the equation.
pub const METHODS: [Method; 20] = [
    Method {
        name: "direct",
        title: "Named by the charge",
        formula: "The charge itself names its owner by a tag, a resource or an account: all of it goes there.",
    },
    Method {
        name: "unowned",
        title: "Claimed by no rule",
        formula: "The charge belongs to no cluster and no bucket, and no ownership rule claims its tags, resource or account: it stays unallocated.",
    },
    Method {
        name: "node-share",
        title: "Share of a node",
        formula: "Cost of the node in the hour × the run’s share of it. Used is the larger of the shares of cores and of memory that all runs held while the node was paid; each run has the part of it that its own larger share has of all runs’ larger shares. The rest is idle.",
    },
    Method {
        name: "cluster-share",
        title: "Share of a cluster",
        formula: "Cost of what the whole cluster needs (its coordinator, disks, network, service fee) × the run’s share of the cluster’s paid capacity in the slice.",
    },
    Method {
        name: "cluster-active-share",
        title: "Share of the time something ran",
        formula: "The capacity of the cluster is not known. Its cost while at least one run was active is split by each run’s usage; the rest is idle.",
    },
    Method {
        name: "unobserved-cluster",
        title: "Cluster without run logs",
        formula: "The cluster is billed, but no log says what ran on it: its cost stays whole and is not given to any run.",
    },
    Method {
        name: "storage-bytes",
        title: "Share of the bytes stored",
        formula: "Cost of the bucket, storage class and day × the table’s bytes ÷ all bytes measured there.",
    },
    Method {
        name: "storage-nearest",
        title: "Share of the bytes on the nearest day",
        formula: "As share of the bytes stored, but no collection exists for this day: the nearest one is used.",
    },
    Method {
        name: "storage-unmeasured",
        title: "Stored, but not measured",
        formula: "Billed bytes that no inventory and no table metadata explain. They are not smeared over the tables.",
    },
    Method {
        name: "request-share",
        title: "Share of the requests",
        formula: "Cost of the bucket’s requests of the day × those the table’s reads and commits came to ÷ those billed (retrieval and transfer by bytes read).",
    },
    Method {
        name: "request-rest",
        title: "Requests of no known table",
        formula: "Billed requests that no read or commit of a table explains: they stay with the bucket’s owner.",
    },
    Method {
        name: "usage-share",
        title: "Share of the usage told",
        formula: "Cost of the charge × the consumer’s part of the day’s usage, as a file of usage says: a topic, a query group, a workbook, a team.",
    },
    Method {
        name: "usage-rest",
        title: "Told to be nobody’s",
        formula: "What the shares of the day leave over: it stays with the owner of the charge.",
    },
    Method {
        name: "storage-usage-rest",
        title: "Bytes told to be nobody’s",
        formula: "What the shares of the day leave over of a bucket: it stays with the owner of the bucket.",
    },
    Method {
        name: "shared",
        title: "Of use to all",
        formula: "Support, tax, credits and unused commitments: kept apart, not spread.",
    },
    Method {
        name: "idle",
        title: "Paid for and not used",
        formula: "Cost of the slice − what its runs used. It is owned by the cluster’s owner.",
    },
    Method {
        name: "idle-proportional",
        title: "Idle, to what used the cluster",
        formula: "Idle cost of a cluster’s day × the usage cost of the team, workload and engine on the cluster that day ÷ all of it. A day nobody used stays with the cluster’s owner.",
    },
    Method {
        name: "shared-even",
        title: "Shared, evenly",
        formula: "Shared cost of the day ÷ the number of teams that have no sub-teams.",
    },
    Method {
        name: "shared-proportional",
        title: "Shared, by cost",
        formula: "Shared cost of the day × the team’s direct, usage and storage cost that day ÷ that of all teams.",
    },
    Method {
        name: "shared-fixed",
        title: "Shared, by fixed shares",
        formula: "Shared cost of the day × the team’s percentage in the configuration. The rest stays shared.",
    },
];

/// The title of a method; its own name where this build does not know it.
pub fn title(name: &str) -> &str {
    METHODS.iter().find(|method| method.name == name).map_or(name, |method| method.title)
}

/// The formula of a method in words.
pub fn formula(name: &str) -> Option<&'static str> {
    METHODS.iter().find(|method| method.name == name).map(|method| method.formula)
}

//! Landed datasets: the contract between `ingest`, which writes them as Parquet,
//! and `attribution`, which reads them.
//!
//! The tables below are the schema itself: `ingest` refuses to write a frame that
//! differs, `attribution` creates an empty table from them where nothing has landed,
//! and docs/LANDED.md is generated from them. Times are UTC; sizes are bytes; usage is
//! whole milliseconds; money and quantities are `DECIMAL(38,18)`.
//!
//! Tags do not sit in each row but in [`Dataset::TagSets`], by `tag_set_id`: a bill
//! repeats few tag sets over many lines, and a join is the same text on every engine.

mod storage;
mod usage;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The type of a landed column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text.
    Text,
    /// Signed 64-bit integer.
    Int,
    /// True or false.
    Bool,
    /// UTC timestamp in microseconds.
    Instant,
    /// `DECIMAL(38,18)`.
    Decimal,
}

/// One column of a landed dataset.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Name, in snake case after the field's standard.
    pub name: &'static str,
    /// Type.
    pub kind: ColumnType,
    /// Never null.
    pub required: bool,
    /// Meaning, unit and origin.
    pub about: &'static str,
}

const fn required(name: &'static str, kind: ColumnType, about: &'static str) -> Column {
    Column { name, kind, required: true, about }
}

const fn optional(name: &'static str, kind: ColumnType, about: &'static str) -> Column {
    Column { name, kind, required: false, about }
}

/// What a landed file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dataset {
    /// One billed line.
    Charges,
    /// One tag of one set of tags.
    TagSets,
    /// One node's life in a cluster.
    Nodes,
    /// One attempt of one workload, as its engine or orchestrator recorded it.
    Runs,
    /// What a run held of one host in one hour.
    RunHours,
    /// One stage attempt of a run.
    RunStages,
    /// One table a run read or wrote.
    RunTables,
    /// One table in one collection.
    Tables,
    /// One partition of a table in one collection.
    TablePartitions,
    /// One snapshot of a table in one collection.
    TableSnapshots,
    /// What only statements have, beside their row in runs.
    Queries,
    /// Objects of one prefix, class and age in one collection of a bucket.
    Storage,
    /// Reads of one table by one principal on one day.
    TableAccess,
    /// One multipart upload that was never completed.
    Uploads,
    /// What one consumer used of some charges on some days.
    UsageShares,
    /// One ownership rule of a file.
    Owners,
}

impl Dataset {
    /// Every dataset.
    pub const ALL: [Self; 16] = [
        Self::Charges,
        Self::TagSets,
        Self::Nodes,
        Self::Runs,
        Self::RunHours,
        Self::RunStages,
        Self::RunTables,
        Self::Tables,
        Self::TablePartitions,
        Self::TableSnapshots,
        Self::Queries,
        Self::Storage,
        Self::TableAccess,
        Self::Uploads,
        Self::UsageShares,
        Self::Owners,
    ];

    /// Directory and table name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Charges => "charges",
            Self::TagSets => "tag_sets",
            Self::Nodes => "nodes",
            Self::Runs => "runs",
            Self::RunHours => "run_hours",
            Self::RunStages => "run_stages",
            Self::RunTables => "run_tables",
            Self::Tables => "tables",
            Self::TablePartitions => "table_partitions",
            Self::TableSnapshots => "table_snapshots",
            Self::Queries => "queries",
            Self::Storage => "storage",
            Self::TableAccess => "table_access",
            Self::Uploads => "uploads",
            Self::UsageShares => "usage_shares",
            Self::Owners => "owners",
        }
    }

    /// What one row is.
    pub const fn grain(self) -> &'static str {
        match self {
            Self::Charges => "one billed line",
            Self::TagSets => "one tag of one set of tags",
            Self::Nodes => "one node's life in a cluster",
            Self::Runs => "one attempt of one workload, as its engine or orchestrator recorded it",
            Self::RunHours => "run x hour x host",
            Self::RunStages => "one stage attempt of a run",
            Self::RunTables => "run x table x read or write",
            Self::Tables => "one table in one collection",
            Self::TablePartitions => "table x partition in one collection",
            Self::TableSnapshots => "one snapshot of a table in one collection",
            Self::Queries => "one statement, beside its row in runs",
            Self::Storage => "bucket x prefix x storage class x age band in one collection",
            Self::TableAccess => "table x day x principal",
            Self::Uploads => {
                "one incomplete multipart upload in one listing of a bucket, or that it had none"
            }
            Self::UsageShares => "selection of charges x days x consumer",
            Self::Owners => "one ownership rule of a file",
        }
    }

    /// Its columns, in order.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Charges => CHARGES,
            Self::TagSets => TAG_SETS,
            Self::Nodes => NODES,
            Self::Runs => RUNS,
            Self::RunHours => RUN_HOURS,
            Self::RunStages => RUN_STAGES,
            Self::RunTables => RUN_TABLES,
            Self::Tables => TABLES,
            Self::TablePartitions => TABLE_PARTITIONS,
            Self::TableSnapshots => TABLE_SNAPSHOTS,
            Self::Queries => QUERIES,
            Self::Storage => storage::STORAGE,
            Self::TableAccess => storage::TABLE_ACCESS,
            Self::Uploads => storage::UPLOADS,
            Self::UsageShares => usage::USAGE_SHARES,
            Self::Owners => OWNERS,
        }
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dataset {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|dataset| dataset.name() == text)
            .ok_or_else(|| format!("`{text}` is not a landed dataset"))
    }
}

impl Serialize for Dataset {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Dataset {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

use ColumnType::{Bool, Decimal, Instant, Int, Text};

/// FOCUS 1.2 (<https://focus.finops.org/focus-specification/v1-2/>) in snake case, then `x_`
/// columns of ours: what the bill says beyond FOCUS and attribution needs.
const CHARGES: &[Column] = &[
    required("source", Text, "configured source"),
    required("source_object", Text, "delivery the line came with: its manifest or file"),
    required("source_file", Text, "file the line stands in"),
    required("source_line", Int, "row in that file, from 1, the header not counted"),
    required("billing_period_start", Instant, "BillingPeriodStart"),
    required("billing_period_end", Instant, "BillingPeriodEnd, exclusive"),
    required("charge_period_start", Instant, "ChargePeriodStart"),
    required("charge_period_end", Instant, "ChargePeriodEnd, exclusive"),
    required("billing_currency", Text, "BillingCurrency, ISO 4217"),
    required("billed_cost", Decimal, "BilledCost; for a CUR the (net) unblended cost"),
    required("effective_cost", Decimal, "EffectiveCost; for a CUR as facts say per line type"),
    optional("list_cost", Decimal, "ListCost; for a CUR the public on-demand cost"),
    optional("contracted_cost", Decimal, "ContractedCost; for a CUR the list cost"),
    optional("list_unit_price", Decimal, "ListUnitPrice"),
    optional("contracted_unit_price", Decimal, "ContractedUnitPrice"),
    required("charge_category", Text, "ChargeCategory: Usage, Purchase, Tax, Credit, Adjustment"),
    optional("charge_class", Text, "ChargeClass: Correction or null"),
    optional("charge_description", Text, "ChargeDescription"),
    optional("charge_frequency", Text, "ChargeFrequency"),
    optional("billing_account_id", Text, "BillingAccountId"),
    optional("billing_account_name", Text, "BillingAccountName"),
    optional("billing_account_type", Text, "BillingAccountType"),
    optional("sub_account_id", Text, "SubAccountId"),
    optional("sub_account_name", Text, "SubAccountName"),
    optional("sub_account_type", Text, "SubAccountType"),
    optional("provider_name", Text, "ProviderName"),
    optional("publisher_name", Text, "PublisherName"),
    optional("invoice_issuer_name", Text, "InvoiceIssuerName"),
    optional("invoice_id", Text, "InvoiceId; null while estimated"),
    optional("service_name", Text, "ServiceName"),
    optional("service_category", Text, "ServiceCategory"),
    optional("service_subcategory", Text, "ServiceSubcategory"),
    optional("region_id", Text, "RegionId"),
    optional("region_name", Text, "RegionName"),
    optional("availability_zone", Text, "AvailabilityZone"),
    optional("resource_id", Text, "ResourceId"),
    optional("resource_name", Text, "ResourceName"),
    optional("resource_type", Text, "ResourceType"),
    optional("sku_id", Text, "SkuId"),
    optional("sku_price_id", Text, "SkuPriceId"),
    optional("sku_meter", Text, "SkuMeter"),
    optional("sku_price_details", Text, "SkuPriceDetails, JSON"),
    optional("pricing_category", Text, "PricingCategory"),
    optional("pricing_quantity", Decimal, "PricingQuantity"),
    optional("pricing_unit", Text, "PricingUnit"),
    optional("pricing_currency", Text, "PricingCurrency"),
    optional("pricing_currency_contracted_unit_price", Decimal, "PricingCurrencyContractedUnitPrice"),
    optional("pricing_currency_effective_cost", Decimal, "PricingCurrencyEffectiveCost"),
    optional("pricing_currency_list_unit_price", Decimal, "PricingCurrencyListUnitPrice"),
    optional("consumed_quantity", Decimal, "ConsumedQuantity"),
    optional("consumed_unit", Text, "ConsumedUnit"),
    optional("capacity_reservation_id", Text, "CapacityReservationId"),
    optional("capacity_reservation_status", Text, "CapacityReservationStatus"),
    optional("commitment_discount_id", Text, "CommitmentDiscountId"),
    optional("commitment_discount_name", Text, "CommitmentDiscountName"),
    optional("commitment_discount_category", Text, "CommitmentDiscountCategory: Spend or Usage"),
    optional("commitment_discount_type", Text, "CommitmentDiscountType"),
    optional("commitment_discount_status", Text, "CommitmentDiscountStatus: Used or Unused"),
    optional("commitment_discount_quantity", Decimal, "CommitmentDiscountQuantity"),
    optional("commitment_discount_unit", Text, "CommitmentDiscountUnit"),
    optional("tag_set_id", Text, "the line's tags (FOCUS Tags) in tag_sets; null without tags"),
    optional("x_line_item_type", Text, "lineItem/LineItemType of a CUR"),
    optional("x_product_code", Text, "lineItem/ProductCode of a CUR"),
    optional("x_usage_type", Text, "lineItem/UsageType of a CUR; x_UsageType or x_SkuMeter of FOCUS"),
    optional("x_operation", Text, "lineItem/Operation of a CUR"),
    optional("x_instance_type", Text, "product/instanceType of a CUR"),
    optional("x_vcpus", Int, "product/vcpu of a CUR: the instance's vCPUs"),
    optional("x_memory_mib", Int, "product/memory of a CUR: the instance's memory, MiB"),
    optional(
        "x_amortized_upfront_cost",
        Decimal,
        "upfront fees a recurring-fee row amortises in its billing period; null where the bill has no such column",
    ),
    optional("x_columns", Text, "the source's own x_ columns, a JSON object of texts"),
];

const TAG_SETS: &[Column] = &[
    required("source", Text, "configured source"),
    required("source_object", Text, "object the set was first met in"),
    required("tag_set_id", Text, "hash of the sorted tags: equal sets have equal ids in every source"),
    required("key", Text, "folded key (docs: model::tags)"),
    required("raw_key", Text, "key as written"),
    required("value", Text, "value as written"),
];

const NODES: &[Column] = &[
    required("source", Text, "configured source"),
    required("source_object", Text, "object it was read from"),
    required("cluster_id", Text, "EMR: job-flow id (j-...)"),
    optional("cluster_name", Text, "the cluster's name"),
    optional("cluster_status", Text, "lower case: running, terminated, ..."),
    optional("cluster_started_at", Instant, "creation of the cluster"),
    optional("cluster_ended_at", Instant, "end of the cluster; null while it lives"),
    optional("tag_set_id", Text, "the cluster's tags in tag_sets"),
    required("node_id", Text, "the node's id in its cluster (EMR: ci-...)"),
    optional("resource_id", Text, "id in the bill (EC2: i-...)"),
    optional("private_dns", Text, "private DNS name: the link from an executor's host"),
    optional("private_ip", Text, "private IP address: the other spelling of a host"),
    required("role", Text, "master, core or task; worker where the platform has one kind"),
    optional("instance_type", Text, "as the provider names it"),
    optional("vcpus", Int, "virtual cores; null where unknown"),
    optional("memory_mib", Int, "memory, MiB; null where unknown"),
    required("market", Text, "on_demand or spot"),
    required("started_at", Instant, "creation: paid from here"),
    optional("ended_at", Instant, "end: paid until here; null while it lives"),
];

const RUNS: &[Column] = &[
    required("source", Text, "configured source"),
    required("source_object", Text, "object it was read from"),
    required(
        "run_id",
        Text,
        "unique in its engine: Spark application id[/attempt]; Maestro workflow/instance/run/step/attempt",
    ),
    required("engine", Text, "spark, maestro, ..."),
    optional("engine_version", Text, "as the engine reports it"),
    optional("name", Text, "application or step name, as written"),
    optional("workflow_id", Text, "orchestrator's workflow"),
    optional("workflow_instance_id", Text, "orchestrator's instance of the workflow"),
    optional("workflow_run_id", Text, "orchestrator's run of the instance"),
    optional("step_id", Text, "orchestrator's step"),
    optional("attempt", Int, "attempt of the step, from 1"),
    optional("trigger", Text, "what started the workflow: time, signal, manual, subworkflow, foreach, ..."),
    optional(
        "parent_workflow_id",
        Text,
        "workflows only: the workflow whose step repeats it inline (Maestro foreach and while); what it costs is that step's",
    ),
    optional("parent_step_id", Text, "that step"),
    optional("child_run_id", Text, "orchestrator only: the engine run this attempt started, where recorded"),
    optional("cluster_id", Text, "cluster, where the log or the source's configuration says so"),
    optional("user_name", Text, "user the engine ran it as"),
    optional("owner", Text, "owner the orchestrator names"),
    optional("tag_set_id", Text, "the run's tags in tag_sets"),
    required("status", Text, "succeeded, failed, killed, running or unknown"),
    optional("error", Text, "first line of the failure, at most 300 characters"),
    optional("queued_at", Instant, "submission or creation"),
    required("started_at", Instant, "start of the execution"),
    optional("ended_at", Instant, "end of the execution; null while unknown"),
    required("vcore_ms", Int, "cores held x milliseconds held; of Spark by executors alone"),
    required("memory_mib_ms", Int, "MiB held x milliseconds held; of Spark by executors alone"),
    required("cpu_ms", Int, "CPU time used, milliseconds"),
    required("task_ms", Int, "time tasks ran, milliseconds"),
    required("gc_ms", Int, "time in garbage collection, milliseconds"),
    required("input_bytes", Int, "read from storage"),
    required("output_bytes", Int, "written to storage"),
    required("shuffle_read_bytes", Int, "read from shuffles"),
    required("shuffle_write_bytes", Int, "written to shuffles"),
    required("memory_spilled_bytes", Int, "spilled, as held in memory"),
    required("disk_spilled_bytes", Int, "spilled, as written to disk"),
    optional("peak_memory_bytes", Int, "largest memory peak of one executor; null where not collected"),
    required("tasks", Int, "tasks ended"),
    required("failed_tasks", Int, "tasks failed"),
    required("killed_tasks", Int, "tasks killed, speculative losers included"),
    required("failed_task_ms", Int, "time in tasks that failed, milliseconds"),
    required("killed_task_ms", Int, "time in tasks that were killed, milliseconds"),
    required("executors", Int, "executors that ever ran"),
];

const RUN_HOURS: &[Column] = &[
    required("source", Text, "configured source"),
    required("source_object", Text, "object it was read from"),
    required("run_id", Text, "runs.run_id"),
    required("engine", Text, "runs.engine"),
    required("hour", Instant, "start of the hour"),
    optional("cluster_id", Text, "as in runs"),
    optional("host", Text, "host name or address as the engine knows it; null where unknown"),
    required("vcore_ms", Int, "cores held x milliseconds in this hour, and by a Spark driver of the cluster"),
    required("memory_mib_ms", Int, "MiB held x milliseconds in this hour, likewise"),
    required("active_ms", Int, "milliseconds of this hour in which the run held anything on this host"),
];

const RUN_STAGES: &[Column] = &[
    required("source", Text, "configured source"),
    required("source_object", Text, "object it was read from"),
    required("run_id", Text, "runs.run_id"),
    required("engine", Text, "runs.engine"),
    required("stage_id", Int, "stage in the run"),
    required("stage_attempt", Int, "attempt of the stage, from 0"),
    optional("name", Text, "as the engine names it"),
    required("status", Text, "succeeded, failed or unknown"),
    optional("started_at", Instant, "first submission"),
    optional("ended_at", Instant, "completion"),
    required("tasks", Int, "tasks ended"),
    required("failed_tasks", Int, "tasks failed"),
    required("task_ms", Int, "sum over tasks, milliseconds"),
    required("task_ms_max", Int, "longest successful task, milliseconds"),
    required("task_ms_median", Int, "median successful task (lower of two), milliseconds"),
    required("gc_ms", Int, "time in garbage collection, milliseconds"),
    required("memory_spilled_bytes", Int, "spilled, as held in memory"),
    required("disk_spilled_bytes", Int, "spilled, as written to disk"),
    required("shuffle_read_bytes", Int, "read from shuffles"),
    required("shuffle_write_bytes", Int, "written to shuffles"),
    required("input_bytes", Int, "read from storage"),
    required("output_bytes", Int, "written to storage"),
    optional("peak_heap_bytes", Int, "largest executor JVM heap; null where not collected"),
    optional("peak_execution_bytes", Int, "largest execution memory of one task; null where not collected"),
];

const RUN_TABLES: &[Column] = &[
    required("source", Text, "configured source"),
    required("source_object", Text, "object it was read from"),
    required("run_id", Text, "runs.run_id"),
    required("engine", Text, "runs.engine"),
    required("table_name", Text, "as the engine names it: catalog.namespace.table, or a location"),
    required("access", Text, "read or write"),
    optional("bytes", Int, "bytes read or written; null where the engine does not say"),
    optional("row_count", Int, "rows read or written"),
    optional("files", Int, "files read or written"),
    optional("snapshot_id", Text, "snapshot read or written"),
];

const TABLES: &[Column] = &[
    required("source", Text, "configured source"),
    required("source_object", Text, "metadata file it was read from"),
    required("collected_at", Instant, "when it was read"),
    required("table_id", Text, "catalog.namespace.name, lower case as the catalog keeps it"),
    optional("catalog", Text, "catalog"),
    required("namespace", Text, "namespace, dots between levels"),
    required("name", Text, "name"),
    required("format", Text, "iceberg, delta, hive, hudi"),
    optional("format_version", Int, "version of the table format"),
    optional("table_uuid", Text, "the format's own id"),
    required("location", Text, "where its files are, after location_map"),
    optional("owner", Text, "owner the table's properties name"),
    optional("properties", Text, "table properties, a JSON object"),
    optional("schema_json", Text, "current schema, a JSON array of {name, type, required}"),
    optional("schema_hash", Text, "hash of names and types: equal for tables of one shape"),
    optional(
        "partition_spec",
        Text,
        "current partitioning, such as days(ts), bucket(16, id); empty when none",
    ),
    optional("sort_order", Text, "current sort order; empty when none"),
    optional("current_snapshot_id", Text, "null for a table never written"),
    optional("last_updated_at", Instant, "last change of the metadata"),
    required("row_count", Int, "rows of live data files, deletes not applied"),
    required("data_files", Int, "live data files"),
    required("data_bytes", Int, "bytes of live data files"),
    required("small_files", Int, "live data files under three quarters of the target size"),
    required("target_file_bytes", Int, "write.target-file-size-bytes, 512 MiB when unset"),
    required("delete_files", Int, "live delete files, deletion vectors included"),
    required("delete_bytes", Int, "bytes of live delete files"),
    required("deleted_rows", Int, "rows the live delete files name"),
    required("snapshots", Int, "snapshots the metadata keeps"),
    required("manifests", Int, "manifests of the current snapshot"),
    required("manifest_bytes", Int, "bytes of those manifests"),
    required("reachable_files", Int, "data and delete files that any kept snapshot reaches"),
    required("reachable_bytes", Int, "bytes of those files"),
    optional(
        "metadata_bytes",
        Int,
        "bytes of metadata, manifest lists, manifests and statistics reachable; null where sizes are unknown",
    ),
];

const TABLE_PARTITIONS: &[Column] = &[
    required("source", Text, "configured source"),
    required("source_object", Text, "metadata file it was read from"),
    required("collected_at", Instant, "when it was read"),
    required("table_id", Text, "tables.table_id"),
    required("spec_id", Int, "partition spec of its files"),
    required(
        "partition",
        Text,
        "field=value/..., as Iceberg writes partition paths; empty when unpartitioned",
    ),
    required("data_files", Int, "live data files"),
    required("data_bytes", Int, "bytes of live data files"),
    required("row_count", Int, "rows of live data files"),
    required("small_files", Int, "live data files under three quarters of the target size"),
    required("delete_files", Int, "live delete files"),
    required("deleted_rows", Int, "rows the live delete files name"),
    optional("last_modified_at", Instant, "commit of the newest file"),
];

const TABLE_SNAPSHOTS: &[Column] = &[
    required("source", Text, "configured source"),
    required("source_object", Text, "metadata file it was read from"),
    required("collected_at", Instant, "when it was read"),
    required("table_id", Text, "tables.table_id"),
    required("snapshot_id", Text, "snapshot"),
    optional("parent_id", Text, "parent snapshot"),
    required("committed_at", Instant, "commit time"),
    optional("operation", Text, "append, replace, overwrite or delete"),
    required("is_current", Bool, "the table's current snapshot"),
    optional("ref_names", Text, "branches and tags that name it, commas between"),
    optional("app_id", Text, "application that wrote it: spark.app.id or app-id, else flink.job-id"),
    optional("added_data_files", Int, "summary added-data-files"),
    optional("removed_data_files", Int, "summary deleted-data-files"),
    optional("added_bytes", Int, "summary added-files-size"),
    optional("removed_bytes", Int, "summary removed-files-size"),
    optional("added_rows", Int, "summary added-records"),
    optional("removed_rows", Int, "summary deleted-records"),
    optional("total_data_files", Int, "summary total-data-files"),
    optional("total_bytes", Int, "summary total-files-size"),
    optional("summary", Text, "the whole summary, a JSON object"),
];

const QUERIES: &[Column] = &[
    required("source", Text, "configured source"),
    required("source_object", Text, "object it was read from"),
    required("run_id", Text, "runs.run_id"),
    required("engine", Text, "runs.engine"),
    required(
        "fingerprint",
        Text,
        "hash of the text without comments, spaces and letter case: equal for equal statements",
    ),
    required("query_text", Text, "the statement, at most 2,000 characters"),
    optional("query_type", Text, "SELECT, INSERT, ... as the engine says"),
    optional("client", Text, "what sent it: trino-python-client, superset, ..."),
    optional("dashboard", Text, "dashboard or chart that sent it, where its tags say so"),
    optional("resource_group", Text, "resource group, dots between levels"),
    required("queued_ms", Int, "time queued, milliseconds"),
    required("planning_ms", Int, "time planning, milliseconds"),
    required("execution_ms", Int, "time executing, milliseconds"),
    required("result_rows", Int, "rows of the result"),
    required("result_bytes", Int, "bytes of the result"),
    optional("splits", Int, "splits completed"),
    optional("error_code", Text, "the engine's name of the failure"),
    optional("is_cached", Bool, "answered from a result cache, where the engine says so"),
];

const OWNERS: &[Column] = &[
    required("source", Text, "configured source"),
    required("source_object", Text, "file it stands in"),
    required("source_line", Int, "line of that file, from 1, the header counted: where a person would look"),
    required("recorded_at", Instant, "when the file was last changed"),
    required(
        "kind",
        Text,
        "what it matches: tag, owner, workflow, user, table, cluster, resource or account",
    ),
    optional("tag_key", Text, "folded key of the tag; null for other kinds"),
    required("pattern", Text, "glob for the value, matched whole: * is any text, ? one character"),
    required("team", Text, "who owns what matches"),
    optional("valid_from", Instant, "start of the first UTC day it holds; null: always did"),
    optional("valid_to", Instant, "start of the first UTC day it no longer holds; null: still does"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dataset_names_its_source_first_and_no_column_twice() {
        for dataset in Dataset::ALL {
            let names: Vec<_> = dataset.columns().iter().map(|column| column.name).collect();
            assert_eq!(names[..2], ["source", "source_object"], "{dataset}");
            let mut unique = names.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(unique.len(), names.len(), "{dataset}");
            assert_eq!(dataset.name().parse::<Dataset>(), Ok(dataset));
        }
    }

    #[test]
    fn charges_have_every_focus_1_2_column() {
        // Counted from the specification: 57 columns, of which Tags is tag_set_id here.
        let focus = CHARGES.iter().filter(|c| !c.name.starts_with("x_") && !c.name.starts_with("source"));
        assert_eq!(focus.count(), 57);
    }
}

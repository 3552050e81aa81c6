//! What lies in buckets and who asks for it.

use super::ColumnType::{Instant, Int, Text};
use super::{Column, optional, required};

pub(super) const STORAGE: &[Column] = &[
    required("source", Text, "configured source"),
    required("source_object", Text, "inventory of a bucket and day it was read from"),
    required("collected_at", Instant, "creation of the inventory"),
    required("bucket", Text, "bucket listed"),
    required(
        "prefix",
        Text,
        "directory of the objects, cut before name=value parts and then before the last data or metadata; ends with /",
    ),
    required("part", Text, "data, metadata or other: the part after the prefix"),
    required("storage_class", Text, "as the inventory spells it: STANDARD, STANDARD_IA, ..."),
    required("age_band", Text, "days since last modified: 0-29, 30-89, 90-179, 180-364 or 365+"),
    required("objects", Int, "current objects"),
    required("bytes", Int, "bytes of current objects"),
    required("noncurrent_objects", Int, "versions that are not current, delete markers included"),
    required("noncurrent_bytes", Int, "bytes of such versions"),
    required("small_objects", Int, "current objects under 128 KiB, which colder classes bill as 128 KiB"),
    required("small_bytes", Int, "bytes of such objects"),
    optional("oldest_modified_at", Instant, "last change of the oldest current object"),
    optional("newest_modified_at", Instant, "last change of the newest current object"),
];

pub(super) const TABLE_ACCESS: &[Column] = &[
    required("source", Text, "configured source"),
    required("source_object", Text, "object it was read from"),
    required("day", Instant, "start of the UTC day"),
    required("table_name", Text, "as the report names it: catalog.namespace.table, or a location"),
    required("principal", Text, "who read it; empty where the report does not say"),
    optional("engine", Text, "engine that read it, where the report says so"),
    required("reads", Int, "scans"),
    optional("files", Int, "data and delete files read"),
    optional("bytes", Int, "bytes of those files"),
    optional(
        "oldest_partition_on",
        Instant,
        "oldest day of the partitions asked for, where the filter says so",
    ),
    required("last_read_at", Instant, "the latest of the reads"),
];

pub(super) const UPLOADS: &[Column] = &[
    required("source", Text, "configured source"),
    required("source_object", Text, "object it was read from"),
    required("collected_at", Instant, "when the listing was made"),
    required("bucket", Text, "bucket"),
    optional("key", Text, "key the object would get; null where the bucket had no upload when it was listed"),
    optional("upload_id", Text, "upload; null as the key"),
    optional("initiated_at", Instant, "when it was begun; null as the key"),
    optional("storage_class", Text, "class the object would get"),
    optional("initiator", Text, "who began it"),
    optional(
        "bytes",
        Int,
        "bytes of the parts uploaded; null where the listing does not say (ListParts does)",
    ),
];

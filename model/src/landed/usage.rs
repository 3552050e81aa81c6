//! Who used what is billed, where its own logs are not read.

use super::ColumnType::{Decimal, Instant, Int, Text};
use super::{Column, optional, required};

pub(super) const USAGE_SHARES: &[Column] = &[
    required("source", Text, "configured source"),
    required("source_object", Text, "file it was read from"),
    required("source_line", Int, "row in that file, from 1, the header not counted"),
    optional("pool", Text, "splits the charges of this pool"),
    optional(
        "cluster_id",
        Text,
        "splits the charges of this cluster; a pattern: * is any text, ? one character",
    ),
    optional("resource_id", Text, "splits the charges of this resource; a pattern"),
    optional("service", Text, "splits the charges of this service, by its name in the bill; a pattern"),
    optional("tag_key", Text, "splits the charges that carry this tag; folded key"),
    optional("tag_value", Text, "with this value; a pattern"),
    required("starts_on", Instant, "start of the first UTC day it holds"),
    optional("ends_on", Instant, "start of the first UTC day it no longer holds; null: until further notice"),
    required(
        "dimension",
        Text,
        "what consumers are: team, workload, table, user, topic, query_group, workbook, ... in lower case",
    ),
    required("consumer", Text, "who used it"),
    optional("share", Decimal, "part of the charges, 0 to 1; what all shares of a day leave is nobody's"),
    optional("quantity", Decimal, "what was used a day, in any unit; null where there is a share"),
    optional("unit", Text, "unit of the quantity, for people"),
    optional("team", Text, "team that owns the consumer, where the file says so"),
];

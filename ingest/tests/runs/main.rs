//! Run logs, cluster facts and what lies in buckets, read through the readers' public face:
//! real files against what other programs say of them, and bad files against what a person
//! expects.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod airflow;
mod airflow_platform;
mod demo_engines;
mod demo_orchestration;
mod demo_spark;
mod emr;
mod flink;
mod frames;
mod iceberg_reports;
mod maestro;
mod openlineage;
mod owners_csv;
mod platform;
mod s3_inventory;
mod s3_uploads;
mod spark;
mod spark_made;
mod spark_tables;
mod support;
mod trino;

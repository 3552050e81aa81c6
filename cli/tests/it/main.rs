//! The command line as a person or a script meets it: the real binary on the lab.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test fails loudly")]

mod access;
mod access_scope;
mod api;
mod buckets;
mod commands;
mod dashboard;
mod demo;
mod durability;
mod explore;
mod exports;
mod lab;
mod mail;
mod pages;
mod sample_tables;
mod samples;
mod schedule;
mod smtp;
mod spark;
mod views;
mod waste;
mod waste_pages;
mod watch;
mod wrong_input;

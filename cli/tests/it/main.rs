//! The command line as a person or a script meets it: the real binary on the lab.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test fails loudly")]

mod access;
mod access_scope;
mod alert_mail;
mod api;
mod buckets;
mod commands;
mod dashboard;
mod deliveries;
mod demo;
mod durability;
mod explore;
mod exports;
mod lab;
mod mail;
mod mail_content;
mod mail_faults;
mod mail_late;
mod mail_tls;
mod pages;
mod sample_tables;
mod samples;
mod schedule;
mod smtp;
mod spark;
mod truth;
mod views;
mod waste;
mod waste_fixes;
mod waste_life;
mod waste_pages;
mod waste_saved;
mod watch;
mod workbook;
mod wrong_input;

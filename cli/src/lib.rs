//! The command line: reads the configuration, calls the stages, prints.
//!
//! Invariant: no arithmetic on costs happens here, and stdout carries data only.

mod args;
mod command;
pub mod config;
mod output;
mod printer;
mod scheduler;
mod sources;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};
use crate::printer::Failure;

/// Runs the command line and returns the process's exit code: 0 done, 1 done but an object
/// had to be skipped, 2 unusable input or a failed check.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_env("LAKELEDGER_LOG").unwrap_or_else(|_| {
            tracing_subscriber::EnvFilter::new("warn,aws_config=error,aws_smithy_runtime=error")
        }))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    match dispatch(arguments) {
        Ok(code) => code,
        Err(failure) => {
            printer::failure(&failure);
            ExitCode::from(2)
        }
    }
}

fn dispatch(arguments: Arguments) -> Result<ExitCode, Failure> {
    let path = arguments.config;
    match arguments.command {
        Command::Demo(options) => command::demo::run(&options),
        Command::Init(options) => command::init::run(&options),
        Command::Check(options) => command::check::run(&path, &options),
        Command::Run(options) => command::run::run(&path, &options),
        Command::Ingest(options) => command::run::ingest_only(&path, &options),
        Command::Attribute(options) => command::run::attribute_only(&path, options),
        Command::Status(options) => command::status::run(&path, &options),
        Command::Export(options) => command::export::run(&path, &options),
        Command::Explain(options) => command::explain::run(&path, &options),
        Command::Compare(options) => command::compare::run(&path, &options),
        Command::Owners(options) => command::owners::run(&path, &options),
        Command::Waste(options) => command::waste::run(&path, &options),
        Command::Alerts(options) => command::alerts::run(&path, &options),
        Command::Budgets(options) => command::budgets::run(&path, &options),
        Command::Report(options) => command::report::run(&path, &options),
        Command::Schedule(options) => command::schedule::run(&path, &options),
        Command::Serve(options) => command::serve::run(&path, &options),
        Command::Token(options) => command::token::run(&path, &options),
    }
}

//! The binary `lakeledger`.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}

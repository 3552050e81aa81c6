//! `init`: a commented configuration to start from.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::ExitCode;

use crate::args::Init;
use crate::printer::{Failure, say};

const TEMPLATE: &str = include_str!("../../templates/lakeledger.toml");

/// Writes the template; an existing file is never overwritten.
pub fn run(options: &Init) -> Result<ExitCode, Failure> {
    let shown = options.file.display();
    let mut file = OpenOptions::new().write(true).create_new(true).open(&options.file).map_err(|cause| {
        let hint = match cause.kind() {
            std::io::ErrorKind::AlreadyExists => "name another file: lakeledger init FILE",
            _ => "name a file in a directory that exists and may be written",
        };
        Failure::new(format!("could not create `{shown}`: {cause}"), hint)
    })?;
    file.write_all(TEMPLATE.as_bytes())?;
    say(format!("wrote {shown}: edit it, then run `lakeledger check`"));
    Ok(ExitCode::SUCCESS)
}

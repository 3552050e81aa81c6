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

#[cfg(test)]
mod tests {
    use super::*;

    /// A commented configuration with its comments taken away where they hold keys or heads.
    fn uncommented(text: &str) -> String {
        let line = |line: &str| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with('[') => format!("{rest}\n"),
            // A parent would have to be there.
            Some(rest) if rest.starts_with("parent") => String::new(),
            Some(rest) if rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) => {
                format!("{rest}\n")
            }
            Some(_) => String::new(),
            None => format!("{line}\n"),
        };
        text.lines().map(line).collect()
    }

    #[test]
    fn every_example_of_the_template_is_valid() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lakeledger.toml");
        std::fs::write(&path, uncommented(TEMPLATE)).unwrap();
        let config = crate::config::load(&path).unwrap_or_else(|error| panic!("{error}"));
        let kinds: Vec<&str> = config.watch.channels.iter().map(|channel| channel.kind.name()).collect();
        assert_eq!(kinds, ["slack", "email"]);
        assert_eq!((config.schedules.len(), config.watch.rules.len()), (2, 1));
        assert!(config.smtp.is_some() && config.reports.base_url.is_some());
    }
}

//! What people see on the terminal: data on stdout, everything else on stderr, errors in
//! two lines.
use std::error::Error;
use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use model::Warning;

/// Why a command gave up.
#[derive(Debug)]
pub struct Failure {
    /// The chain of causes, printed once.
    pub error: Box<dyn Error + Send + Sync>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure with a hint.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>, hint: impl Into<String>) -> Self {
        Self { error: error.into(), hint: Some(hint.into()) }
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { error: Box::new(error), hint: None }
    }
}

/// Prints a failure: `error:` with the chain once, `hint:` on its own line.
pub fn failure(failure: &Failure) {
    say(format!("{} {}", label("error:", "31"), chain(failure.error.as_ref())));
    if let Some(hint) = &failure.hint {
        say(format!("{} {hint}", label("hint:", "36")));
    }
}

/// An error and its causes in one line; a cause its parent already quotes is not repeated.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

/// Says something on stderr. Nobody listening is no reason to stop the work.
pub fn say(text: impl AsRef<str>) {
    let _ = writeln!(io::stderr(), "{}", text.as_ref());
}

/// Says something that whoever looks on may wonder about, and that is no news where nobody does: cron
/// mails every line, every minute.
pub fn remark(text: impl AsRef<str>) {
    if io::stderr().is_terminal() {
        say(text);
    }
}

/// Prints one line of data. A reader that went away (`| head`) is no error; data that
/// cannot be written is, and ends the process.
pub fn line(text: impl AsRef<str>) {
    match writeln!(io::stdout(), "{}", text.as_ref()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            say(format!("{} could not write standard output: {error}", label("error:", "31")));
            std::process::exit(2);
        }
        _ => {}
    }
}

/// Prints warnings, the ones that left something out first, at most `shown` of each code.
pub fn warnings(warnings: &[Warning], shown: usize) {
    let mut sorted: Vec<&Warning> = warnings.iter().collect();
    sorted.sort_by_key(|warning| (!warning.skipped, &warning.code, &warning.object));
    let mut code = "";
    let (mut of_code, mut hidden) = (0, 0);
    for warning in sorted {
        if warning.code != code {
            more(hidden, code);
            (code, of_code, hidden) = (&warning.code, 0, 0);
        }
        of_code += 1;
        if of_code > shown {
            hidden += 1;
            continue;
        }
        let word = if warning.skipped { label("skipped:", "31") } else { label("warning:", "33") };
        let times = if warning.count > 1 { format!(" ({} times)", warning.count) } else { String::new() };
        say(format!("{word} {}: {}{times}", warning.object, warning.message));
    }
    more(hidden, code);
}

fn more(hidden: usize, code: &str) {
    if hidden > 0 {
        say(format!("         and {hidden} more `{code}`: see `lakeledger status --format json`"));
    }
}

fn label(word: &str, colour: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some() || !io::stderr().is_terminal();
    if plain { word.to_owned() } else { format!("\x1b[1;{colour}m{word}\x1b[0m") }
}

/// A progress bar on a terminal, nothing elsewhere.
pub fn bar(what: &str, length: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg:<28} {wide_bar:.cyan/dim} {pos}/{len}  {per_sec}  {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style).with_message(what.to_owned())
}

/// Rows as aligned columns: the first ones to the left, `numbers` from the right to the right.
pub fn table(head: &[&str], rows: &[Vec<String>], numbers: usize) {
    let width = |at: usize| {
        rows.iter().map(|row| row[at].chars().count()).chain([head[at].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let text_columns = head.len() - numbers;
    let print = |cells: &[String]| {
        let cells: Vec<String> = cells
            .iter()
            .enumerate()
            .map(|(at, cell)| {
                let pad = " ".repeat(widths[at] - cell.chars().count());
                if at < text_columns { format!("{cell}{pad}") } else { format!("{pad}{cell}") }
            })
            .collect();
        line(cells.join("  ").trim_end());
    };
    print(&head.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>());
    for row in rows {
        print(row);
    }
}

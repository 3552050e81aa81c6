//! Reports: what the next mail would say, and the archive of what was sent.

use askama::Template;
use axum::extract::{Path as Segment, RawQuery};
use axum::response::{IntoResponse, Response};
use reports::alert::letter as alert;
use reports::mail::{Delivery, Outbox, State as Fate, Withheld};
use reports::week;

use super::answer;
use crate::context::Context;
use crate::error::PageError;
use crate::layout::Shell;
use crate::lens::Lens;
use crate::link::Path;
use crate::response;
use crate::sentence::Sentence;
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

#[derive(Template)]
#[template(path = "reports/reports.html")]
struct Reports {
    shell: Shell,
    sentence: Sentence,
    previews: TableView,
    letters: TableView,
    withheld: TableView,
    /// Whether any letter was written or withheld.
    has_letters: bool,
}

pub async fn reports(visit: Visit, query: RawQuery) -> Response {
    let asked = visit.clone();
    answer(visit, Path::new(["reports"]), query, move |context| build(context, &asked)).await
}

/// A letter as it was sent.
pub async fn letter(visit: Visit, Segment(id): Segment<String>) -> Response {
    let found = tokio::task::spawn_blocking(move || {
        let Ok(number) = id.parse() else { return Err(PageError::NoPage) };
        let letter = Outbox::open(visit.ledger())?.archived(number)?;
        Ok(response::letter(&format!("letter-{number}"), letter.ok_or(PageError::NoPage)?))
    });
    match found.await {
        Ok(answer) => answer.into_response(),
        Err(cause) => PageError::from(cause).into_response(),
    }
}

fn build(context: &Context<'_>, visit: &Visit) -> Result<Response, PageError> {
    let outbox = Outbox::open(visit.ledger())?;
    let (letters, withheld) = (outbox.deliveries()?, outbox.withheld()?);
    let tables = [previews(context, visit), letter_table(&letters), withheld_table(&withheld)];
    let [previews, letters_view, withheld_view] = match context.tables(tables)? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let shell = Shell::of(context, "Reports", vec![super::crumb(context, "Data", "data")]);
    context.page(&Reports {
        shell,
        sentence: sentence(&letters),
        previews,
        letters: letters_view,
        withheld: withheld_view,
        has_letters: !(letters.is_empty() && withheld.is_empty()),
    })
}

/// What became of the newest period's letters; of the others what a person must look at.
fn sentence(letters: &[Delivery]) -> Sentence {
    let weekly = || letters.iter().filter(|one| one.report == reports::weekly::REPORT);
    let Some(newest) = weekly().map(|one| &one.period).max() else {
        return Sentence::default()
            .say("No report has been mailed yet.")
            .note("Name a mail server in [smtp] and run `lakeledger report weekly --send`, or put a weekly-report in [[schedule]].");
    };
    let count = |state| weekly().filter(|one| one.period == *newest && one.state == state).count() as i64;
    let sent = match count(Fate::Sent) {
        0 => "no letter".to_owned(),
        sent => words::plural(sent, "letter", "letters"),
    };
    let mut sentence = Sentence::default().say(format!("Of {newest} ")).figure(sent).say(" went out");
    let waiting = count(Fate::Queued) + count(Fate::Retry) + count(Fate::Sending);
    if waiting > 0 {
        sentence = sentence.say(format!(", {waiting} wait for another attempt"));
    }
    sentence = sentence.say(".");
    let kinds = [
        (
            "",
            false,
            "lakeledger report weekly --send --resend-refused",
            "lakeledger report weekly --send --resend-doubtful",
        ),
        (" about alerts", true, "lakeledger alerts retry", "lakeledger alerts retry --doubtful"),
    ];
    for (what, is_alert, refused_command, doubtful_command) in kinds {
        let of = |state| {
            let own = letters.iter().filter(|one| (one.report == alert::REPORT) == is_alert);
            own.filter(|one| one.state == state).count()
        };
        let (refused, doubtful) = (of(Fate::Refused), of(Fate::Doubtful));
        if refused > 0 {
            sentence = sentence
                .note(format!("{refused}{what} refused: mend the address, then `{refused_command}`."));
        }
        if doubtful > 0 {
            sentence = sentence.note(format!(
                "{doubtful}{what} doubtful: the connection was lost before the server’s answer. Look for them in \
                 its log; `{doubtful_command}` sends them again."
            ));
        }
    }
    sentence
}

fn previews(context: &Context<'_>, visit: &Visit) -> Table {
    let shown = |path: &Path, shape: &str| Lens::default().with_own("as", Some(shape.to_owned())).url(path);
    let row = |name: String, path: Path| {
        vec![
            Cell::text(name),
            Cell::link("Page", path.encoded()),
            Cell::link("Mail", shown(&path, "mail")),
            Cell::link("Plain text", shown(&path, "text")),
        ]
    };
    let teams = context.mart.info().teams.iter();
    let teams = teams.map(|team| row(team.name.clone(), Path::new(["reports", "weekly", &team.name])));
    let rows = std::iter::once(row("The platform".to_owned(), Path::new(["reports", "weekly"]))).chain(teams);
    // A digest is the same on a page as in a mail.
    let digests = visit.settings().digests.iter().map(|digest| {
        let path = Path::new(["reports", "digest", &digest.name]);
        vec![
            Cell::text(format!("The digest {}", digest.name)),
            Cell::Nothing,
            Cell::link("Mail", shown(&path, "mail")),
            Cell::link("Plain text", shown(&path, "text")),
        ]
    });
    let week = week::latest(context.mart.info(), context.now).map(week::iso).unwrap_or_default();
    Table {
        id: "previews",
        caption: format!("Weekly reports and digests of {week}, as they would be mailed now"),
        noun: ("report", "reports"),
        columns: vec![
            table::text("whose", "Whose"),
            table::text("page", "Page").derived(),
            table::text("mail", "Mail").derived(),
            table::text("text", "Text").derived(),
        ],
        rows: rows.chain(digests).collect(),
        foot: None,
        sort: ("", false),
        empty: "There are no charges to report on.".to_owned(),
    }
}

/// What a letter is of: a week, or an alert of a moment.
fn of(letter: &Delivery) -> String {
    match letter.report.as_str() {
        alert::REPORT => "alert".to_owned(),
        _ => letter.period.clone(),
    }
}

fn letter_table(letters: &[Delivery]) -> Table {
    let row = |one: &Delivery| {
        let tone = match one.state {
            Fate::Sent => "good",
            Fate::Refused | Fate::Doubtful => "bad",
            _ => "plain",
        };
        vec![
            Cell::At(one.updated_at),
            Cell::text(of(one)),
            Cell::text(one.team.as_deref().unwrap_or("the platform")),
            Cell::link(
                one.subject.as_str(),
                Path::new(["reports", "letters", &one.id.to_string()]).encoded(),
            ),
            Cell::text(one.recipient.email()),
            Cell::Tone { text: one.state.name().to_owned(), tone },
            Cell::Count(i64::from(one.attempts)),
            Cell::maybe(one.note.as_deref()),
        ]
    };
    Table {
        id: "letters",
        caption: "Letters, as they were sent".to_owned(),
        noun: ("letter", "letters"),
        columns: vec![
            table::text("at", "Last heard of").wide(),
            table::text("period", "Of").wide(),
            table::text("team", "Whose").wide(),
            table::text("subject", "Subject"),
            table::text("recipient", "To"),
            table::text("state", "State"),
            table::number("attempts", "Attempts").exported(),
            table::text("note", "The server’s answer, or why it waits").wide(),
        ],
        rows: letters.iter().map(row).collect(),
        foot: None,
        sort: ("at", true),
        empty: "No letter has been written.".to_owned(),
    }
}

fn withheld_table(withheld: &[Withheld]) -> Table {
    let row = |one: &Withheld| {
        vec![
            Cell::At(one.at),
            Cell::text(one.period.as_str()),
            Cell::text(one.team.as_deref().unwrap_or("the platform")),
            Cell::text(one.reason.as_str()),
        ]
    };
    Table {
        id: "withheld",
        caption: "Not mailed".to_owned(),
        noun: ("report", "reports"),
        columns: vec![
            table::text("at", "When"),
            table::text("period", "Week"),
            table::text("team", "Whose"),
            table::text("reason", "Why not"),
        ],
        rows: withheld.iter().map(row).collect(),
        foot: None,
        sort: ("at", true),
        empty: "Every report was worth a mail.".to_owned(),
    }
}

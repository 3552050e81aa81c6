//! Rows that are answered with: as JSON or CSV, page by page, and not at all where who asks has
//! them already.

use std::borrow::Cow;

use attribution::mart::Mart;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{NaiveDate, SecondsFormat};
use model::Amount;
use model::time::Instant;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Problem;
use crate::error::PageError;
use crate::link;
use crate::response;
use crate::state::Visit;

/// Rows of one answer where the address does not say how many, and most of them.
pub const ROWS: (usize, usize) = (1_000, 10_000);

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Words.
    Text,
    /// An exact decimal, written as a text.
    Money,
    /// A whole number.
    Count,
    /// A moment, `2026-10-05T06:00:00Z`.
    Moment,
    /// A UTC day, `2026-10-05`.
    Day,
    /// True or false.
    Flag,
}

/// One column of a resource.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it means, with its unit.
    pub what: &'static str,
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    /// Words.
    Text(String),
    /// An exact decimal.
    Money(Amount),
    /// A whole number.
    Count(i64),
    /// A moment.
    Moment(Instant),
    /// A UTC day.
    Day(NaiveDate),
    /// True or false.
    Flag(bool),
    /// Nothing is known.
    Nothing,
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Amount> for Field {
    fn from(amount: Amount) -> Self {
        Self::Money(amount)
    }
}

impl From<i64> for Field {
    fn from(count: i64) -> Self {
        Self::Count(count)
    }
}

impl From<Instant> for Field {
    fn from(at: Instant) -> Self {
        Self::Moment(at)
    }
}

impl From<NaiveDate> for Field {
    fn from(day: NaiveDate) -> Self {
        Self::Day(day)
    }
}

impl From<bool> for Field {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl<T: Into<Self>> From<Option<T>> for Field {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

impl Field {
    /// As JSON has it.
    pub fn json(&self) -> Value {
        match self {
            Self::Count(count) => json!(count),
            Self::Flag(flag) => json!(flag),
            Self::Nothing => Value::Null,
            other => json!(other.to_text()),
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Money(amount) => amount.to_string(),
            Self::Count(count) => count.to_string(),
            Self::Moment(at) => at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            Self::Day(day) => day.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Nothing => String::new(),
        }
    }

    /// As CSV has it: words that a spreadsheet would take for a formula are marked as words.
    fn csv(&self) -> String {
        match self {
            Self::Text(text) => reports::cell::text(text).into_owned(),
            other => other.to_text(),
        }
    }
}

/// Rows, made one by one as they are asked for: of many, a page takes but a few.
pub type Rows = Box<dyn ExactSizeIterator<Item = Vec<Field>>>;

/// An answer: what was asked, and rows.
pub struct Listing {
    /// What stands beside the rows.
    pub head: Map<String, Value>,
    /// Names of the columns.
    pub columns: Vec<Cow<'static, str>>,
    /// Rows, in an order that stays the same.
    pub rows: Rows,
}

/// A question as it came in.
pub struct Asked {
    path: String,
    query: String,
    headers: HeaderMap,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self {
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers.clone(),
        })
    }
}

/// Which rows of all.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Page {
    limit: usize,
    cursor: Option<String>,
}

impl Page {
    /// Takes what is about the page out of the pairs of a query.
    fn take(pairs: &mut Vec<(String, String)>) -> Result<Self, Vec<String>> {
        let mut page = Self { limit: ROWS.0, cursor: None };
        let mut faults = Vec::new();
        pairs.retain(|(key, value)| match key.as_str() {
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=ROWS.1).contains(limit));
                match limit {
                    Some(limit) => page.limit = limit,
                    None => {
                        faults.push(format!("`{value}` in `limit`: use a whole number from 1 to {}", ROWS.1))
                    }
                }
                false
            }
            "cursor" => {
                page.cursor = Some(value.clone());
                false
            }
            _ => true,
        });
        if faults.is_empty() { Ok(page) } else { Err(faults) }
    }

    /// The first row of the page. A cursor is of one question to one mart: others have other rows.
    fn start(&self, mark: &str) -> Result<usize, PageError> {
        let Some(cursor) = &self.cursor else { return Ok(0) };
        let start =
            cursor.split_once('-').filter(|(_, of)| *of == mark).and_then(|(start, _)| start.parse().ok());
        start.ok_or_else(|| {
            PageError::BadRequest(vec![
                "`cursor` is of other figures or of another question: begin again without it".to_owned(),
            ])
        })
    }
}

/// The version: another one may answer the same question in other words.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What tells answers apart: equal marks have equal rows.
fn mark(mart: &Mart, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in [VERSION, mart.info().id.as_str(), &format!("{:?}", mart.reach())].iter().chain(parts) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether CSV is wanted rather than JSON.
fn wants_csv(headers: &HeaderMap) -> bool {
    let accepted: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let accepted = accepted.join(",").to_ascii_lowercase();
    let place = |kind: &str| accepted.find(kind).unwrap_or(usize::MAX);
    place("text/csv") < place("application/json")
}

impl Asked {
    fn has(&self, etag: &str) -> bool {
        let known =
            self.headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        known.flat_map(|values| values.split(',')).any(|value| {
            let value = value.trim();
            value == "*" || value.trim_start_matches("W/") == etag
        })
    }
}

enum Answer {
    Same(String),
    Rows { etag: Option<String>, body: Body },
}

enum Body {
    Json(Value),
    Csv { body: Vec<u8>, next: Option<String> },
}

/// Answers a question with what `read` makes of its pairs. `fixed` says that the mart alone decides
/// the answer, so that who has it need not be sent it again.
pub async fn answer(
    visit: Visit,
    asked: Asked,
    fixed: bool,
    read: impl FnOnce(&Mart, &Visit, Vec<(String, String)>) -> Result<Listing, PageError> + Send + 'static,
) -> Response {
    let visitor = visit.clone();
    let done = visit.with_mart(move |mart| {
        let csv = wants_csv(&asked.headers);
        let etag = fixed.then(|| {
            let kind = if csv { "csv" } else { "json" };
            format!("\"{}\"", mark(mart, &[&asked.path, &asked.query, kind]))
        });
        if let Some(etag) = etag.as_ref().filter(|etag| asked.has(etag)) {
            return Ok(Answer::Same(etag.clone()));
        }
        let mut pairs = link::pairs(&asked.query);
        let page = Page::take(&mut pairs).map_err(PageError::BadRequest)?;
        let of: String = pairs.iter().map(|(key, value)| format!("{key}={value}&")).collect();
        let mark = mark(mart, &[&asked.path, &of]);
        let start = page.start(&mark)?;
        let Listing { head, columns, rows } = read(mart, &visitor, pairs)?;
        let all = rows.len();
        let end = all.min(start.saturating_add(page.limit));
        let next = (end < all).then(|| format!("{end}-{mark}"));
        let rows: Vec<Vec<Field>> = rows.skip(start).take(page.limit).collect();
        let body = if csv {
            Body::Csv { body: csv_of(&columns, &rows)?, next }
        } else {
            Body::Json(json_of(mart, head, &columns, &rows, next))
        };
        Ok(Answer::Rows { etag, body })
    });
    match done.await {
        Ok(answer) => answer.into_response(),
        Err(error) => Problem::of(&error).into_response(),
    }
}

fn json_of(
    mart: &Mart,
    head: Map<String, Value>,
    columns: &[Cow<'static, str>],
    rows: &[Vec<Field>],
    next: Option<String>,
) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            let pairs = columns.iter().zip(row);
            Value::Object(pairs.map(|(name, field)| (name.to_string(), field.json())).collect())
        })
        .collect();
    let mut document = Map::new();
    document.insert("mart".to_owned(), json!(mart.info().id));
    document.insert("published_at".to_owned(), json!(mart.info().published_at));
    document.extend(head);
    document.insert("rows".to_owned(), Value::Array(rows));
    document.insert("next".to_owned(), json!(next));
    Value::Object(document)
}

fn csv_of(columns: &[Cow<'static, str>], rows: &[Vec<Field>]) -> Result<Vec<u8>, PageError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.iter().map(|name| reports::cell::text(name).into_owned()))?;
    for row in rows {
        writer.write_record(row.iter().map(Field::csv))?;
    }
    Ok(writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?)
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let vary = (header::VARY, "Accept, Authorization, Cookie");
        let (etag, mut response) = match self {
            Self::Same(etag) => (Some(etag), StatusCode::NOT_MODIFIED.into_response()),
            Self::Rows { etag, body: Body::Json(document) } => (etag, axum::Json(document).into_response()),
            Self::Rows { etag, body: Body::Csv { body, next } } => {
                let mut response = response::csv("lakeledger", body);
                // CSV has no place for it: the header has (RFC 8288 links would need the whole address).
                if let Some(next) = next.and_then(|next| next.parse().ok()) {
                    response.headers_mut().insert("x-next-cursor", next);
                }
                (etag, response)
            }
        };
        let headers = response.headers_mut();
        if let Some(etag) = etag.and_then(|etag| etag.parse().ok()) {
            headers.insert(header::ETAG, etag);
        }
        headers.extend([(vary.0, header::HeaderValue::from_static(vary.1))]);
        headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("private, no-cache"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_kind_that_is_accepted_is_sent() {
        for (accept, want) in [
            ("*/*", false),
            ("text/csv", true),
            ("application/json, text/csv", false),
            ("text/csv;q=0.9, application/json;q=0.8", true),
            ("text/html", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(wants_csv(&headers), want, "{accept}");
        }
        assert!(!wants_csv(&HeaderMap::new()));
    }

    #[test]
    fn a_cursor_is_of_its_question_alone() {
        let of = |query: &str| {
            let mut pairs = link::pairs(query);
            let page = Page::take(&mut pairs);
            (page, pairs.len())
        };
        let (page, left) = of("by=team&limit=20&cursor=40-abc");
        let page = page.unwrap();
        assert_eq!((page.limit, left), (20, 1));
        assert_eq!(page.start("abc").unwrap(), 40);
        assert!(page.start("abd").is_err());
        for wrong in ["limit=0", "limit=10001", "limit=many"] {
            assert!(of(wrong).0.is_err(), "{wrong}");
        }
        for cursor in ["", "abc", "-abc", "x-abc", "-1-abc"] {
            let page = Page { limit: 1, cursor: Some(cursor.to_owned()) };
            assert!(page.start("abc").is_err(), "{cursor}");
        }
    }

    #[test]
    fn words_are_no_formula_and_numbers_stay_numbers() {
        assert_eq!(Field::Text("=1+1".to_owned()).csv(), "'=1+1");
        assert_eq!(Field::Money("-1.5".parse().unwrap()).csv(), "-1.5");
        assert_eq!(Field::Count(-1).json(), json!(-1));
        assert_eq!(Field::Money("0.1".parse().unwrap()).json(), json!("0.1"));
        assert_eq!(Field::Nothing.json(), Value::Null);
    }
}

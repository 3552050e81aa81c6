//! A letter put together: plain text and HTML side by side, the HTML's images within it, files
//! beside both. The same content gives the same bytes, so that what is archived is what is sent.

use std::time::SystemTime;

use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, MultiPart, SinglePart};
use model::time::Instant;
use sha2::{Digest, Sha256};

use super::{Address, MailError};

/// The heads of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Who it is from.
    pub from: Address,
    /// Where answers go, when not there.
    pub reply_to: Option<Address>,
    /// Everybody it is to, whoever's copy it is.
    pub to: Vec<Address>,
    /// Everybody it is to for their information.
    pub cc: Vec<Address>,
    /// One line.
    pub subject: String,
    /// Without angle brackets; see [`message_id`].
    pub message_id: String,
    /// When it was written.
    pub date: Instant,
    /// What mail programs group it by: `weekly.growth`.
    pub list: String,
    /// How one gets off it.
    pub unsubscribe: Unsubscribe,
}

/// How one gets off a list (RFC 2369): an address to write to, or a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    address: String,
    /// Whether a POST to the address is enough (RFC 8058).
    is_one_click: bool,
}

impl Unsubscribe {
    /// A `mailto:` or `https:` address.
    ///
    /// # Errors
    /// For anything else, and for what would end the header.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known = ["mailto:", "https://", "http://"].iter().any(|scheme| text.starts_with(scheme));
        if known && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>')) {
            return Ok(Self { address: text.to_owned(), is_one_click: false });
        }
        Err(format!("`{}` is neither a mailto: nor an https: address", text.escape_debug()))
    }

    /// A letter to somebody, that says which list.
    pub fn by_mail(to: &Address, list: &str) -> Self {
        let subject = crate::link::encode(&format!("unsubscribe {list}"));
        Self { address: format!("mailto:{}?subject={subject}", to.email()), is_one_click: false }
    }

    /// The same, where whoever runs the page says that a POST to it is enough: mail programs then show
    /// a button that does so, without opening it.
    ///
    /// # Errors
    /// When it is no `https:` address, as RFC 8058 asks.
    pub fn one_click(self) -> Result<Self, String> {
        if self.address.starts_with("https://") {
            return Ok(Self { is_one_click: true, ..self });
        }
        Err(format!("`{}` is no https: address", self.address))
    }
}

/// A file within a letter or beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclosure {
    /// File name.
    pub name: String,
    /// `text/csv; charset=utf-8`, `image/png`.
    pub content_type: &'static str,
    /// Its bytes, which arrive as they are.
    pub content: Vec<u8>,
}

impl Enclosure {
    /// What the HTML calls it, after `cid:`.
    pub fn content_id(&self) -> String {
        format!("{}@lakeledger", self.name)
    }
}

/// The id of the one letter that a recipient gets of a report and a period: always the same, so
/// that also a mail program can tell that two are one.
pub fn message_id(
    report: &str,
    period: &str,
    team: Option<&str>,
    recipient: &Address,
    from: &Address,
) -> String {
    let mut hash = Sha256::new();
    for part in [report, period, team.unwrap_or_default(), &recipient.key()] {
        // With lengths, so that no two lists of parts are one text.
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    format!("{report}.{}.{}@{}", period.to_lowercase(), short(hash), from.domain())
}

/// The first 16 digits of a hash.
fn short(hash: Sha256) -> String {
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Puts a letter together.
///
/// # Errors
/// [`MailError::Compose`] where a header or a part cannot be written as mail.
pub fn compose(
    head: &Head,
    text: &str,
    html: &str,
    images: &[Enclosure],
    files: &[Enclosure],
) -> Result<Vec<u8>, MailError> {
    build(head, text, html, images, files).map_err(|cause| MailError::Compose {
        recipient: head.to.iter().chain(&head.cc).next().map_or_else(String::new, Address::to_string),
        cause,
    })
}

type Fault = Box<dyn std::error::Error + Send + Sync>;

fn build(
    head: &Head,
    text: &str,
    html: &str,
    images: &[Enclosure],
    files: &[Enclosure],
) -> Result<Vec<u8>, Fault> {
    let boundary = |part: &str| format!("{part}-{}", short(Sha256::new().chain_update(&head.message_id)));
    let mut related =
        MultiPart::related().boundary(boundary("related")).singlepart(part(html, ContentType::TEXT_HTML)?);
    for image in images {
        let inline = Attachment::new_inline_with_name(image.content_id(), image.name.clone());
        related = related.singlepart(inline.body(exact(&image.content)?, image.content_type.parse()?));
    }
    let alternative = MultiPart::alternative()
        .boundary(boundary("alternative"))
        .singlepart(part(text, ContentType::TEXT_PLAIN)?)
        .multipart(related);
    let mut whole = MultiPart::mixed().boundary(boundary("mixed")).multipart(alternative);
    for file in files {
        let attached = Attachment::new(file.name.clone());
        whole = whole.singlepart(attached.body(exact(&file.content)?, file.content_type.parse()?));
    }
    let mut message = Message::builder()
        .from(head.from.mailbox())
        .subject(head.subject.clone())
        .date(SystemTime::from(head.date))
        .message_id(Some(format!("<{}>", head.message_id)));
    if let Some(reply_to) = &head.reply_to {
        message = message.reply_to(reply_to.mailbox());
    }
    for to in &head.to {
        message = message.to(to.mailbox());
    }
    for cc in &head.cc {
        message = message.cc(cc.mailbox());
    }
    let list = format!("<{}.{}>", head.list, head.from.domain());
    let one_click = ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned());
    for (name, value) in [
        ("List-Id", list),
        ("List-Unsubscribe", format!("<{}>", head.unsubscribe.address)),
        // RFC 3834: nobody's out-of-office reply is wanted.
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("X-Auto-Response-Suppress", "All".to_owned()),
    ]
    .into_iter()
    .chain(head.unsubscribe.is_one_click.then_some(one_click))
    {
        message = message.raw_header(HeaderValue::new(HeaderName::new_from_ascii(name.to_owned())?, value));
    }
    Ok(message.multipart(whole)?.formatted())
}

/// Text whose lines a server may not break.
fn part(text: &str, content_type: ContentType) -> Result<SinglePart, Fault> {
    let body = Body::new_with_encoding(text.to_owned(), ContentTransferEncoding::QuotedPrintable)
        .map_err(|_| "a text cannot be written as mail")?;
    Ok(SinglePart::builder().content_type(content_type).body(body))
}

/// Bytes that arrive as they are, line ends included.
fn exact(content: &[u8]) -> Result<Body, Fault> {
    Body::new_with_encoding(content.to_vec(), ContentTransferEncoding::Base64)
        .map_err(|_| "a file cannot be written as mail".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(unsubscribe: Unsubscribe) -> String {
        let address: Address = "costs@example.com".parse().unwrap();
        let head = Head {
            from: address.clone(),
            reply_to: None,
            to: vec![address],
            cc: vec![],
            subject: "s".into(),
            message_id: "weekly.1@example.com".into(),
            date: "2026-10-12T06:00:00Z".parse().unwrap(),
            list: "weekly.growth".into(),
            unsubscribe,
        };
        String::from_utf8(compose(&head, "text", "<p>", &[], &[]).unwrap()).unwrap()
    }

    #[test]
    fn one_click_is_promised_only_where_somebody_said_so() {
        let page = || Unsubscribe::parse("https://example.com/off").unwrap();
        assert!(!composed(page()).contains("List-Unsubscribe-Post"));
        let letter = composed(page().one_click().unwrap());
        assert!(letter.contains("List-Unsubscribe: <https://example.com/off>\r\n"), "{letter}");
        assert!(letter.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"), "{letter}");
        for address in ["mailto:off@example.com", "http://example.com/off"] {
            assert!(Unsubscribe::parse(address).unwrap().one_click().is_err(), "{address}");
        }
    }
}

//! What is to be mailed to several people, and the letters it becomes: one for each.

use model::time::Instant;

use super::{Address, Enclosure, Head, Letter, MailError, Smtp, Unsubscribe, compose, message_id};

/// A text for several people.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// What the record of mail calls it: `weekly`.
    pub report: &'a str,
    /// What time it is about. With report, team and recipient it says which letter one is.
    pub period: &'a str,
    /// Whose; none for the platform's.
    pub team: Option<&'a str>,
    /// To whom it is.
    pub to: &'a [Address],
    /// Who gets it for their information.
    pub cc: &'a [Address],
    /// One line.
    pub subject: &'a str,
    /// Plain text.
    pub text: &'a str,
    /// The same as HTML.
    pub html: &'a str,
    /// Images within the HTML.
    pub images: &'a [Enclosure],
    /// Files beside it.
    pub files: &'a [Enclosure],
    /// What mail programs group it by: `weekly.growth`.
    pub list: &'a str,
    /// Begins the names of the archive's files.
    pub name: &'a str,
    /// When it was written.
    pub date: Instant,
}

impl Draft<'_> {
    /// The letters: one for everybody of `to` and `cc`, the same at every call.
    ///
    /// # Errors
    /// [`MailError::Compose`].
    pub fn letters(&self, smtp: &Smtp, unsubscribe: Option<&Unsubscribe>) -> Result<Vec<Letter>, MailError> {
        let mut recipients: Vec<&Address> = Vec::new();
        for address in self.to.iter().chain(self.cc) {
            if !recipients.iter().any(|known| known.key() == address.key()) {
                recipients.push(address);
            }
        }
        recipients.into_iter().map(|recipient| self.letter(recipient, smtp, unsubscribe)).collect()
    }

    /// The letter of one recipient.
    ///
    /// # Errors
    /// [`MailError::Compose`].
    pub fn letter(
        &self,
        recipient: &Address,
        smtp: &Smtp,
        unsubscribe: Option<&Unsubscribe>,
    ) -> Result<Letter, MailError> {
        let message_id = message_id(self.report, self.period, self.team, recipient, &smtp.from);
        let by_mail = || Unsubscribe::by_mail(smtp.reply_to.as_ref().unwrap_or(&smtp.from), self.list);
        let head = Head {
            from: smtp.from.clone(),
            reply_to: smtp.reply_to.clone(),
            to: self.to.to_vec(),
            cc: self.cc.to_vec(),
            subject: self.subject.to_owned(),
            message_id: message_id.clone(),
            date: self.date,
            list: self.list.to_owned(),
            unsubscribe: unsubscribe.cloned().unwrap_or_else(by_mail),
        };
        let content = compose(&head, self.text, self.html, self.images, self.files)?;
        let mark =
            message_id.split('@').next().and_then(|local| local.rsplit('.').next()).unwrap_or_default();
        Ok(Letter {
            report: self.report.to_owned(),
            period: self.period.to_owned(),
            team: self.team.map(str::to_owned),
            recipient: recipient.clone(),
            file: format!("{}-{mark}", self.name),
            message_id,
            subject: head.subject,
            content,
        })
    }
}

//! What is noticed line by line in one file, counted by kind and column, so that a
//! million odd cells are one warning.

use model::Warning;

use crate::sink::Sink;

struct Note {
    code: &'static str,
    about: String,
    message: String,
    count: u64,
}

/// Different notes kept of one file: what is noticed may be as hostile as the file.
const MOST: usize = 200;

/// Warnings of one file in the making.
#[derive(Default)]
pub(super) struct Notes {
    notes: Vec<Note>,
    beyond: u64,
}

impl Notes {
    /// Counts one occurrence. `about` (a column, a word) tells notes of one code apart;
    /// the message is made at the first occurrence only.
    pub fn count(&mut self, code: &'static str, about: &str, message: impl FnOnce() -> String) {
        let room = self.notes.len() < MOST;
        match self.notes.iter_mut().find(|note| note.code == code && note.about == about) {
            Some(note) => note.count += 1,
            None if room => {
                self.notes.push(Note { code, about: about.to_owned(), message: message(), count: 1 });
            }
            None => self.beyond += 1,
        }
    }

    /// Hands the counted warnings over.
    pub fn flush(self, file: &str, sink: &mut Sink) {
        for note in self.notes {
            sink.warn(Warning::new(note.code, file, note.message).times(note.count));
        }
        if self.beyond > 0 {
            let message = format!("more than {MOST} different oddities: those beyond are only counted");
            sink.warn(Warning::new("many-oddities", file, message).times(self.beyond));
        }
    }
}

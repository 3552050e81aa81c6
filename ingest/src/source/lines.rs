//! A log as lines, one at a time, through its decompression.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use super::codec::Codec;

/// Bytes a line may have: plans of huge queries reach tens of megabytes, and a file
/// without line ends must not fill the memory.
const LONGEST_LINE: u64 = 1 << 28;

/// Passes a store's bytes on and keeps its failure, so that a broken connection is never
/// taken for a log that ends early.
struct Watched {
    source: Box<dyn Read + Send>,
    failure: Rc<Cell<Option<io::Error>>>,
}

impl Read for Watched {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.source.read(out).map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted {
                return error;
            }
            let kind = error.kind();
            self.failure.set(Some(error));
            kind.into()
        })
    }
}

/// What comes next in a log.
pub(super) enum Next<'a> {
    /// A line, and whether its end was there.
    Line(&'a [u8], bool),
    /// A line beyond what any event has, left out.
    TooLong,
    /// The clean end of the file.
    End,
    /// The compressed stream stops in the middle of a frame.
    Cut,
    /// The compressed stream is damaged; what follows cannot be read.
    Damaged(String),
}

/// The lines of one file.
pub(super) struct Lines {
    reader: BufReader<Box<dyn Read>>,
    failure: Rc<Cell<Option<io::Error>>>,
    buffer: Vec<u8>,
}

impl Lines {
    /// Starts reading; nothing where the codec cannot be read.
    pub(super) fn new(codec: Codec, source: Box<dyn Read + Send>) -> io::Result<Option<Self>> {
        let failure = Rc::new(Cell::new(None));
        let watched = Watched { source, failure: Rc::clone(&failure) };
        let decoder = codec.decoder(Box::new(watched))?;
        Ok(decoder.map(|decoder| Self {
            reader: BufReader::with_capacity(1 << 16, decoder),
            failure,
            buffer: Vec::new(),
        }))
    }

    /// The next line.
    ///
    /// # Errors
    /// When the store fails, not when the log is damaged.
    pub(super) fn next(&mut self) -> io::Result<Next<'_>> {
        self.buffer.clear();
        match (&mut self.reader).take(LONGEST_LINE).read_until(b'\n', &mut self.buffer) {
            Ok(0) => Ok(Next::End),
            Ok(read) if self.buffer.last() != Some(&b'\n') && read as u64 == LONGEST_LINE => self.skip_line(),
            Ok(_) => {
                let complete = self.buffer.last() == Some(&b'\n');
                Ok(Next::Line(self.buffer.trim_ascii(), complete))
            }
            Err(error) => self.broken(error),
        }
    }

    fn skip_line(&mut self) -> io::Result<Next<'_>> {
        loop {
            self.buffer.clear();
            match (&mut self.reader).take(1 << 20).read_until(b'\n', &mut self.buffer) {
                Ok(0) => return Ok(Next::TooLong),
                Ok(_) if self.buffer.last() == Some(&b'\n') => return Ok(Next::TooLong),
                Ok(_) => {}
                Err(error) => return self.broken(error),
            }
        }
    }

    fn broken(&self, error: io::Error) -> io::Result<Next<'_>> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Next::Cut),
            None => Ok(Next::Damaged(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Breaks(usize);

    impl Read for Breaks {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0 > 1 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "connection reset"));
            }
            out[..4].copy_from_slice(b"a\nbc");
            Ok(4)
        }
    }

    #[test]
    fn a_failing_store_is_an_error_even_when_it_looks_like_a_cut_log() {
        let mut lines = Lines::new(Codec::Plain, Box::new(Breaks(0))).unwrap().unwrap();
        assert!(matches!(lines.next(), Ok(Next::Line(b"a", true))));
        assert!(lines.next().is_err_and(|error| error.to_string() == "connection reset"));
    }

    #[test]
    fn the_last_line_may_lack_its_end() {
        let source = io::Cursor::new(b"a\r\n\nb".to_vec());
        let mut lines = Lines::new(Codec::Plain, Box::new(source)).unwrap().unwrap();
        assert!(matches!(lines.next(), Ok(Next::Line(b"a", true))));
        assert!(matches!(lines.next(), Ok(Next::Line(b"", true))));
        assert!(matches!(lines.next(), Ok(Next::Line(b"b", false))));
        assert!(matches!(lines.next(), Ok(Next::End)));
    }
}

//! A mail server on the loopback that does as it is told: takes letters, refuses a recipient,
//! answers late, or goes away at the worst moment. It speaks as much SMTP as RFC 5321 asks of the
//! smallest server (section 4.5.1).

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What it does with the letters of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Refuses the recipient for ever.
    Refuse,
    /// Refuses the recipient for now.
    Later,
    /// Takes the letter and refuses what it says.
    RefuseContent,
    /// Takes the whole letter and closes the connection without an answer.
    TakeAndVanish,
    /// Asks for the letter and closes the connection before reading it.
    AskAndVanish,
    /// Waits before it answers to the letter.
    Slow(Duration),
    /// Waits for ever before it answers to the letter, which it has taken.
    TakeAndHang,
}

/// A letter that arrived whole.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub from: String,
    pub to: Vec<String>,
    pub content: Vec<u8>,
}

#[derive(Default)]
struct Shared {
    manners: Mutex<BTreeMap<String, Manner>>,
    arrived: Mutex<Vec<Arrived>>,
    /// Recipients whose letter the server asked for.
    asked_for: Mutex<Vec<String>>,
    closed: AtomicBool,
}

pub struct Server {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    pub fn start() -> Self {
        Self::start_at(0)
    }

    /// At a port of the caller's.
    pub fn start_at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.closed.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&serving);
                thread::spawn(move || {
                    // A client that goes away is no fault of the test.
                    let _ = converse(stream.unwrap(), &shared);
                });
            }
        });
        Self { address, shared }
    }

    pub fn manner(&self, recipient: &str, manner: Manner) {
        self.shared.manners.lock().unwrap().insert(recipient.to_owned(), manner);
    }

    pub fn forget_manners(&self) {
        self.shared.manners.lock().unwrap().clear();
    }

    pub fn arrived(&self) -> Vec<Arrived> {
        self.shared.arrived.lock().unwrap().clone()
    }

    /// How often it asked for a letter to this recipient.
    pub fn asked_for(&self, recipient: &str) -> usize {
        self.shared.asked_for.lock().unwrap().iter().filter(|one| *one == recipient).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn converse(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut say = |text: &str| writer.write_all(format!("{text}\r\n").as_bytes());
    say("220 mail.test ready")?;
    let (mut from, mut to) = (String::new(), Vec::<String>::new());
    loop {
        let mut command = String::new();
        if reader.read_line(&mut command)? == 0 {
            return Ok(());
        }
        let command = command.trim_end();
        let path = || {
            let (_, rest) = command.split_once('<').unwrap_or_default();
            rest.split('>').next().unwrap_or_default().to_owned()
        };
        let manner = |to: &[String]| {
            let manners = shared.manners.lock().unwrap();
            to.iter().find_map(|one| manners.get(one).copied())
        };
        match command.split([' ', ':']).next().unwrap_or_default().to_uppercase().as_str() {
            "EHLO" => say("250-mail.test\r\n250-8BITMIME\r\n250 SIZE 10000000")?,
            "HELO" => say("250 mail.test")?,
            "MAIL" => {
                (from, to) = (path(), Vec::new());
                say("250 2.1.0 OK")?;
            }
            "RCPT" => match manner(&[path()]) {
                Some(Manner::Refuse) => say("550 5.1.1 no such mailbox")?,
                Some(Manner::Later) => say("451 4.3.0 try again later")?,
                _ => {
                    to.push(path());
                    say("250 2.1.5 OK")?;
                }
            },
            "DATA" => {
                shared.asked_for.lock().unwrap().extend(to.iter().cloned());
                say("354 go ahead")?;
                if manner(&to) == Some(Manner::AskAndVanish) {
                    return Ok(());
                }
                let content = body(&mut reader)?;
                if manner(&to) == Some(Manner::RefuseContent) {
                    say("554 5.7.1 looks like spam")?;
                    continue;
                }
                shared.arrived.lock().unwrap().push(Arrived { from: from.clone(), to: to.clone(), content });
                match manner(&to) {
                    Some(Manner::TakeAndVanish) => return Ok(()),
                    Some(Manner::TakeAndHang) => thread::sleep(Duration::from_secs(600)),
                    Some(Manner::Slow(wait)) => thread::sleep(wait),
                    _ => {}
                }
                say("250 2.0.0 queued")?;
            }
            "RSET" => {
                to.clear();
                say("250 OK")?;
            }
            "NOOP" => say("250 OK")?,
            "QUIT" => return say("221 bye"),
            _ => say("502 5.5.2 not known here")?,
        }
    }
}

/// The lines up to the dot, which is an error where the connection ends before it.
fn body(reader: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(content);
        }
        // Dots at the beginning of a line come doubled.
        content.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

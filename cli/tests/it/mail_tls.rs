//! Mail over TLS and with a login, at a server that is not ours (aiosmtpd), with a certificate
//! authority of the test's own; and what no password is said to. Needs `LAKELEDGER_AIOSMTPD`, a
//! Python that has aiosmtpd, and `openssl`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::lab::Lab;
use crate::mail::{ALL, SEND, lab_at, states};

const USER: &str = "costs";
const PASSWORD: &str = "correct horse battery";

/// A directory with an authority and a certificate of it for these names.
fn certificates(names: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("names"), format!("subjectAltName={names}\n")).unwrap();
    let new_key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for command in [
        format!("req -x509 {new_key} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority"),
        format!("req {new_key} -keyout server.key -out server.csr -subj /CN=mail"),
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem"
            .to_owned(),
    ] {
        let made = Command::new("openssl").args(command.split(' ')).current_dir(directory.path()).output();
        let made = made.unwrap_or_else(|fault| panic!("openssl is needed: {fault}"));
        assert!(made.status.success(), "{command}: {}", String::from_utf8_lossy(&made.stderr));
    }
    directory
}

/// The server; ended when dropped.
struct Server {
    child: Child,
    port: u16,
    letters: TempDir,
}

impl Server {
    /// Nothing, and said so, where there is no such Python.
    fn start(security: &str, certificates: &TempDir) -> Option<Self> {
        let Some(python) = std::env::var_os("LAKELEDGER_AIOSMTPD") else {
            println!("skipped: LAKELEDGER_AIOSMTPD (a Python that has aiosmtpd) is not set");
            return None;
        };
        let letters = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/checks/mail_server.py");
        let mut child = Command::new(python)
            .arg(script)
            .arg(letters.path())
            .args(["--security", security, "--certificate", "server.pem", "--key", "server.key"])
            .args(["--user", USER, "--password", PASSWORD])
            .current_dir(certificates.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("port ").unwrap_or_else(|| panic!("no server: {line}"));
        let port = port.parse().unwrap();
        Some(Self { child, port, letters })
    }

    /// What arrived, as Python's email package reads it, by recipient.
    fn arrived(&self) -> Vec<(String, Value)> {
        let mut found: Vec<(String, Value)> = std::fs::read_dir(self.letters.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .map(|path| {
                let letter: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
                (letter["envelope"]["to"][0].as_str().unwrap().to_owned(), letter)
            })
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything that was said to a server through it, as bytes on the line.
struct Tap {
    port: u16,
    said: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    fn on(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let tap = Self { port: listener.local_addr().unwrap().port(), said: Arc::default() };
        let said = Arc::clone(&tap.said);
        thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = client.unwrap();
                let mut server = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
                let (mut answers, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || std::io::copy(&mut answers, &mut back));
                let said = Arc::clone(&said);
                thread::spawn(move || {
                    let mut buffer = [0; 16 * 1024];
                    while let Ok(n @ 1..) = client.read(&mut buffer) {
                        said.lock().unwrap().extend_from_slice(&buffer[..n]);
                        if server.write_all(&buffer[..n]).is_err() {
                            return;
                        }
                    }
                    let _ = server.shutdown(std::net::Shutdown::Both);
                });
            }
        });
        tap
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().unwrap()).into_owned()
    }
}

/// A published lab that mails with a login.
fn lab(port: u16, security: &str, authority: Option<PathBuf>) -> Lab {
    let authority = authority.map(|path| format!("ca_file = \"{}\"\n", path.display())).unwrap_or_default();
    let login =
        format!("username = \"{USER}\"\npassword_env = \"SMTP_PASSWORD\"\n{authority}timeout_seconds = 20");
    let lab = lab_at(port, &login, ALL);
    let config = lab.path("lakeledger.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("security = \"none\"", &format!("security = \"{security}\"")))
        .unwrap();
    lab
}

/// Sends with a password; code and what was said.
fn send(lab: &Lab, password: &str) -> (i32, String) {
    let ran = crate::lab::ran(lab.command(&SEND).env("SMTP_PASSWORD", password).output().unwrap());
    (ran.code, ran.stderr)
}

const RECIPIENTS: [&str; 5] = [
    "boss@example.com",
    "content@example.com",
    "growth@example.com",
    "lead@example.com",
    "second@example.com",
];

#[test]
fn letters_go_over_tls_and_with_a_login() {
    let certificates = certificates("IP:127.0.0.1");
    let authority = certificates.path().join("ca.pem");
    for security in ["starttls", "tls"] {
        let Some(server) = Server::start(security, &certificates) else { return };
        let tap = Tap::on(server.port);
        let lab = lab(tap.port, security, Some(authority.clone()));
        let (code, said) = send(&lab, PASSWORD);
        assert_eq!(code, 0, "{security}: {said}");
        let arrived = server.arrived();
        let to: Vec<&str> = arrived.iter().map(|(to, _)| to.as_str()).collect();
        assert_eq!(to, RECIPIENTS, "{security}");
        for (to, letter) in &arrived {
            assert_eq!((&letter["is_encrypted"], &letter["login"]), (&true.into(), &USER.into()), "{to}");
            assert_eq!(letter["defects"], Value::Array(vec![]), "{to}: another's reader finds nothing wrong");
            let expected = [
                "multipart/mixed",
                "multipart/alternative",
                "text/plain",
                "multipart/related",
                "text/html",
                "image/png",
                "image/png",
                "text/csv",
            ];
            let structure = letter["structure"].as_array().unwrap();
            assert_eq!(structure[..expected.len()], expected.map(Value::from), "{to}");
            assert!(letter["headers"]["list-unsubscribe"].as_str().unwrap().starts_with("<mailto:"), "{to}");
        }
        // On the line there is no word of a letter, nor of the login.
        let line = tap.said();
        assert_eq!(line.contains("STARTTLS"), security == "starttls");
        for secret in ["AUTH", "MAIL FROM", "growth"] {
            assert!(!line.contains(secret), "{security}: {secret} was readable");
        }
    }
}

#[test]
fn a_wrong_password_sends_nothing_and_loses_nothing() {
    let certificates = certificates("IP:127.0.0.1");
    let Some(server) = Server::start("starttls", &certificates) else { return };
    let lab = lab(server.port, "starttls", Some(certificates.path().join("ca.pem")));
    let (code, said) = send(&lab, "a guess");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("could not log in at the mail server 127.0.0.1:"), "{said}");
    assert!(said.contains("hint: check `smtp.username`") && !said.contains("a guess"), "{said}");
    assert!(server.arrived().is_empty());
    assert!(states(&lab).len() == 5 && states(&lab).values().all(|state| state == "retry"));
    let (code, said) = send(&lab, PASSWORD);
    assert_eq!((code, server.arrived().len()), (0, 5), "{said}");
}

/// What a server is refused for, before it hears of anything.
fn refused(server: &Server, security: &str, authority: Option<PathBuf>, why: &str) {
    let tap = Tap::on(server.port);
    let lab = lab(tap.port, security, authority);
    let (code, said) = send(&lab, PASSWORD);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(why), "{why}: {said}");
    assert!(server.arrived().is_empty());
    assert!(states(&lab).values().all(|state| state == "retry"), "letters wait");
    // `AUTH PLAIN` says the password in base64; the line has neither the command nor that.
    let line = tap.said();
    for secret in ["AUTH", PASSWORD, "Y29zdHMAY29ycmVjdCBob3JzZSBiYXR0ZXJ5", "Y29ycmVjdCBob3Jz", "MAIL FROM"]
    {
        assert!(!line.contains(secret), "{secret} was said: {line}");
    }
}

#[test]
fn no_password_goes_to_whom_nobody_vouches_for_nor_over_a_readable_line() {
    let certificates = certificates("IP:127.0.0.1");
    let authority = || Some(certificates.path().join("ca.pem"));
    for security in ["starttls", "tls"] {
        let Some(server) = Server::start(security, &certificates) else { return };
        refused(&server, security, None, "UnknownIssuer");
    }
    let other = self::certificates("DNS:elsewhere.example.com");
    let Some(server) = Server::start("starttls", &other) else { return };
    refused(&server, "starttls", Some(other.path().join("ca.pem")), "not valid for name");
    // It offers logins, and no TLS.
    let Some(server) = Server::start("none", &certificates) else { return };
    refused(&server, "starttls", authority(), "could not begin TLS with the mail server");
}

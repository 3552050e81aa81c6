//! Mail leaves once, whatever happens: the real binary against a real server, killed, refused,
//! left without an answer.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use mail_parser::{Message, MessageParser, MimeHeaders as _, PartType};
use serde_json::Value;
use tempfile::TempDir;

use crate::dashboard::{Dashboard, text};
use crate::lab::{Lab, copy_tree};
use crate::smtp::{Manner, Server};

/// Everybody who gets a report.
const RECIPIENTS: [&str; 5] = [
    "lead@example.com",
    "growth@example.com",
    "second@example.com",
    "boss@example.com",
    "content@example.com",
];
pub const SEND: [&str; 3] = ["report", "weekly", "--send"];

/// A lab that was run once, for all tests.
pub fn published() -> PathBuf {
    static ONCE: OnceLock<TempDir> = OnceLock::new();
    let directory = ONCE.get_or_init(|| {
        let lab = Lab::new();
        lab.ok(&["run"]);
        let directory = tempfile::tempdir().unwrap();
        copy_tree(&lab.path("."), directory.path());
        directory
    });
    directory.path().to_owned()
}

/// A published lab whose mail goes to a server, with more of `[smtp]` and of `[report]`.
pub fn lab_at(port: u16, smtp: &str, report: &str) -> Lab {
    let from = published();
    let text = std::fs::read_to_string(from.join("lakeledger.toml")).unwrap();
    let text = text
        .replace(
            r#"email = ["growth-data@example.com"]"#,
            "email = [\"Growth <growth@example.com>\", \"second@example.com\"]\ncc = \"boss@example.com\"",
        )
        .replace(r#"email = ["content-data@example.com"]"#, "email = \"content@example.com\"");
    let text = format!(
        "{text}\n[smtp]\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nfrom = \"Lakeledger <costs@example.com>\"\n\
         retry_seconds = 1\n{smtp}\n[report]\nplatform_email = \"lead@example.com\"\npartial_weeks = true\n\
         base_url = \"https://costs.example.com\"\n{report}\n"
    );
    let lab = Lab::with_config(&text);
    copy_tree(&from.join("ledger"), &lab.path("ledger"));
    lab
}

pub const ALL: &str = "material_spend = 0";

fn lab(server: &Server) -> Lab {
    lab_at(server.address.port(), "timeout_seconds = 20", ALL)
}

/// How many letters each recipient has.
pub fn counts(server: &Server) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for letter in server.arrived() {
        for to in letter.to {
            *counts.entry(to).or_default() += 1;
        }
    }
    counts
}

fn one_each() -> BTreeMap<String, usize> {
    RECIPIENTS.iter().map(|to| ((*to).to_owned(), 1)).collect()
}

fn deliveries(lab: &Lab) -> Vec<Value> {
    serde_json::from_str(&lab.ok(&["report", "deliveries", "--format", "json"])).unwrap()
}

/// State by recipient.
pub fn states(lab: &Lab) -> BTreeMap<String, String> {
    let of = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    deliveries(lab)
        .iter()
        .filter(|row| row["report"] == "weekly" && !row["recipient"].is_null())
        .map(|row| (of(row, "recipient"), of(row, "state")))
        .collect()
}

fn letter<'m>(letters: &'m [(String, Message<'m>)], to: &str) -> &'m Message<'m> {
    &letters.iter().find(|(recipient, _)| recipient == to).unwrap().1
}

/// `multipart/mixed` and so on, depth first.
fn structure(message: &Message<'_>, part: usize, out: &mut Vec<String>) {
    let part = &message.parts[part];
    let kind = part.content_type().unwrap();
    out.push(format!("{}/{}", kind.c_type, kind.c_subtype.as_deref().unwrap_or_default()));
    if let PartType::Multipart(parts) = &part.body {
        parts.iter().for_each(|one| structure(message, *one as usize, out));
    }
}

#[test]
fn every_letter_is_whole_and_says_what_the_files_and_the_dashboard_say() {
    let server = Server::start();
    let lab = lab(&server);
    let ran = lab.run(&[&SEND[..], &["--out", "files"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(counts(&server), one_each());
    let arrived = server.arrived();
    let letters: Vec<(String, Message<'_>)> = arrived
        .iter()
        .map(|one| {
            assert_eq!(
                (one.from.as_str(), one.to.len()),
                ("costs@example.com", 1),
                "an envelope has one recipient"
            );
            assert!(
                one.content.is_ascii() && one.content.split(|b| *b == b'\n').all(|line| line.len() <= 998)
            );
            (one.to[0].clone(), MessageParser::default().parse(&one.content).unwrap())
        })
        .collect();
    let growth = letter(&letters, "growth@example.com");
    let mut parts = Vec::new();
    structure(growth, 0, &mut parts);
    let expected = [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "image/png",
        "text/csv",
        "text/csv",
        "text/csv",
    ];
    assert_eq!(parts, expected);
    let addresses = |list: Option<&mail_parser::Address<'_>>| -> Vec<String> {
        list.into_iter().flat_map(|list| list.iter()).map(|one| one.address().unwrap().to_owned()).collect()
    };
    assert_eq!(addresses(growth.to()), ["growth@example.com", "second@example.com"]);
    assert_eq!(addresses(growth.cc()), ["boss@example.com"]);
    assert_eq!(growth.from().unwrap().first().unwrap().name(), Some("Lakeledger"));
    assert!(growth.date().is_some());
    let head = |name: &str| growth.header_raw(name.to_owned()).unwrap_or_default().trim().to_owned();
    assert_eq!(head("List-Unsubscribe"), "<mailto:costs@example.com?subject=unsubscribe%20weekly.growth>");
    assert_eq!(head("Auto-Submitted"), "auto-generated");
    // Four letters of one report have four ids.
    let mut ids: Vec<&str> = letters.iter().map(|(_, letter)| letter.message_id().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), RECIPIENTS.len());

    for (to, name) in [
        ("growth@example.com", "growth"),
        ("lead@example.com", "platform"),
        ("content@example.com", "content"),
    ] {
        let letter = letter(&letters, to);
        let file = |ending: &str| std::fs::read(lab.path(&format!("files/{name}-2026-W41{ending}"))).unwrap();
        // QP carries lines with the mail's own ends.
        let plain = letter.body_text(0).unwrap().replace("\r\n", "\n");
        assert_eq!(plain.trim_end(), String::from_utf8(file(".txt")).unwrap().trim_end());
        let html = letter.body_html(0).unwrap();
        assert!(html.len() < 100_000, "{name}: {} bytes", html.len());
        for part in letter.attachments().chain(letter.parts.iter()) {
            let Some(file_name) = part.attachment_name() else { continue };
            let on_disk = std::fs::read(lab.path(&format!("files/{file_name}"))).unwrap();
            let (PartType::Binary(_) | PartType::InlineBinary(_) | PartType::Text(_)) = &part.body else {
                continue;
            };
            assert_eq!(part.contents(), on_disk, "{file_name} arrives byte by byte");
        }
        // Every image the HTML shows is in the letter, and none besides.
        let images: Vec<&str> = letter.parts.iter().filter_map(|part| part.content_id()).collect();
        assert_eq!(images.len(), 2);
        for id in &images {
            assert!(html.contains(&format!("src=\"cid:{id}\"")), "{id}");
        }
        assert_eq!(html.matches("<img ").count(), html.matches("src=\"cid:").count());
        assert!(
            html.split("<img ").skip(1).all(|tag| tag.contains("alt=\"Cost by day, ")),
            "images say what they show"
        );
    }

    // The figures are the dashboard's.
    let week = ["--from", "2026-10-05", "--to", "2026-10-12", "--format", "csv"];
    let mut totals = vec![("lead@example.com", lab.ok(&[&["export", "costs"], &week[..]].concat()))];
    totals.push((
        "growth@example.com",
        lab.ok(&[&["export", "costs", "--where", "team=growth"], &week[..]].concat()),
    ));
    let cost = |text: &str| text.lines().nth(1).unwrap().rsplit(',').next().unwrap().to_owned();
    for (to, export) in &totals {
        let letter = letter(&letters, to);
        let total: model::Amount = cost(export).parse().unwrap();
        for part in letter
            .attachments()
            .filter(|part| part.attachment_name().is_some_and(|name| name.ends_with(".csv")))
        {
            let mut rows = csv::Reader::from_reader(part.contents());
            let at = rows.headers().unwrap().iter().position(|name| name == "cost").unwrap();
            let sum: model::Amount =
                rows.records().map(|row| row.unwrap()[at].parse::<model::Amount>().unwrap()).sum();
            assert_eq!(sum, total, "{to}: {:?}", part.attachment_name());
        }
        let money = reports::format::money(total, model::Currency::USD);
        assert!(letter.body_text(0).unwrap().contains(&money), "{to}: {money}");
    }
    let money = reports::format::money(cost(&totals[1].1).parse().unwrap(), model::Currency::USD);
    let ledger = lab.path("ledger");
    let dashboard = Dashboard::at(lab, &ledger, || "2026-10-12T06:00:00Z".parse().unwrap());
    let page = text(&dashboard.page("/teams/growth?from=2026-10-05&to=2026-10-12"));
    assert!(page.contains(&money), "{money}: {page}");
}

#[test]
fn a_digest_of_several_teams_is_one_letter_that_adds_them_up() {
    let server = Server::start();
    let digest = "\n[[digest]]\nname = \"leads\"\nteams = [\"growth\", \"content\"]\nemail = \"vp@example.com\"\n\
        cc = \"cfo@example.com\"\nweekly = \"always\"";
    let lab = lab_at(server.address.port(), "", &format!("{ALL}{digest}"));
    lab.ok(&SEND);
    lab.ok(&SEND);
    let arrived = server.arrived();
    let to = |to: &str| arrived.iter().filter(|one| one.to == [to]).collect::<Vec<_>>();
    let (all, copies) = (to("vp@example.com"), to("cfo@example.com"));
    let ([only], [copy]) = (all.as_slice(), copies.as_slice()) else {
        panic!("one letter each: {:?}", counts(&server))
    };
    let message = MessageParser::default().parse(&only.content).unwrap();
    assert_eq!(MessageParser::default().parse(&copy.content).unwrap().subject(), message.subject());
    assert!(message.subject().unwrap().starts_with("leads: 2 teams spent $"), "{:?}", message.subject());
    let body = message.body_text(0).unwrap();
    let row = |name: &str| {
        let line =
            body.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {body}"));
        let cost = line[name.len()..].split_whitespace().next().unwrap().replace(['$', ','], "");
        cost.parse::<model::Amount>().unwrap()
    };
    assert_eq!(row("growth ") + row("content "), row("All of them "));
    // The teams' own letters go as ever.
    assert_eq!(counts(&server)["growth@example.com"], 1);
    let withheld = lab.ok(&["report", "deliveries", "--format", "json"]);
    let rows: Vec<Value> = serde_json::from_str(&withheld).unwrap();
    assert_eq!(rows.iter().filter(|row| row["report"] == "digest" && row["state"] == "sent").count(), 2);

    // What the page would mail is what was.
    let (config, ledger) = (lab.path("lakeledger.toml"), lab.path("ledger"));
    let reports = cli::config::load(&config).unwrap().reports;
    let settings =
        web::Settings { digests: reports.digests, base_url: reports.base_url, ..web::Settings::default() };
    let dashboard = Dashboard::set(lab, &ledger, || "2026-10-12T06:00:00Z".parse().unwrap(), settings);
    let plain = dashboard.page("/reports/digest/leads?as=text&week=2026-W41");
    assert_eq!(plain.trim_end(), body.replace("\r\n", "\n").trim_end());
    let html = dashboard.page("/reports/digest/leads?as=mail");
    assert_eq!(html.trim_end(), message.body_html(0).unwrap().replace("\r\n", "\n").trim_end());
    assert!(dashboard.page("/reports").contains("href=\"/reports/digest/leads?as=mail\""));
    assert_eq!(dashboard.get("/reports/digest/lead").status, 404);
    assert_eq!(dashboard.get("/reports/digest/leads?as=pdf").status, 400);
}

#[test]
fn what_waits_goes_to_who_is_configured_now() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let lab = lab_at(free, "", ALL);
    assert_eq!(lab.run(&SEND).code, 1, "the server is away");
    let config = lab.path("lakeledger.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text
        .replace("\"second@example.com\"]", "\"new@example.com\"]")
        .replace("email = \"content@example.com\"", "email = []");
    std::fs::write(&config, text).unwrap();
    let server = Server::start_at(free);
    thread::sleep(Duration::from_millis(1_100));
    // A retry, not a report made anew.
    let ran = lab.run(&["schedule", "run"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let gone = "the configuration names this recipient no longer";
    for said in
        [format!("{gone}; it goes to new@example.com instead"), "dropped   content@example.com: ".to_owned()]
    {
        assert!(ran.stderr.contains(&said), "{said}: {}", ran.stderr);
    }
    let to: Vec<String> = counts(&server).into_keys().collect();
    assert_eq!(to, ["boss@example.com", "growth@example.com", "lead@example.com", "new@example.com"]);
    assert!(counts(&server).values().all(|letters| *letters == 1));
    let arrived = server.arrived();
    let new = arrived.iter().find(|one| one.to == ["new@example.com"]).unwrap();
    let message = MessageParser::default().parse(&new.content).unwrap();
    let heads: Vec<&str> = message.to().unwrap().iter().map(|one| one.address().unwrap()).collect();
    assert_eq!(heads, ["growth@example.com", "new@example.com"]);
    assert!(message.subject().unwrap().starts_with("growth spent "), "{:?}", message.subject());
    let states = states(&lab);
    assert_eq!(
        (states["second@example.com"].as_str(), states["content@example.com"].as_str()),
        ("dropped", "dropped")
    );
    lab.ok(&SEND);
    assert!(counts(&server).values().all(|letters| *letters == 1), "and nobody twice");
}

#[test]
fn nobody_gets_a_second_letter_and_a_test_is_none() {
    let server = Server::start();
    let lab = lab(&server);
    let test = lab.run(&["report", "weekly", "--send", "--to", "me@example.com", "--team", "growth"]);
    assert_eq!(test.code, 0, "{}", test.stderr);
    let arrived = server.arrived();
    let [only] = arrived.as_slice() else { panic!("one test") };
    let message = MessageParser::default().parse(&only.content).unwrap();
    assert_eq!(only.to, ["me@example.com"]);
    assert!(message.subject().unwrap().starts_with("[test] growth spent "), "{:?}", message.subject());
    assert!(message.cc().is_none(), "a test is nobody else's");
    lab.ok(&SEND);
    let again = lab.run(&SEND);
    assert_eq!(again.code, 0);
    assert!(
        again.stderr.contains("already sent: growth, 2026-W41 to growth@example.com on "),
        "{}",
        again.stderr
    );
    let mut counts = counts(&server);
    assert_eq!(counts.remove("me@example.com"), Some(1));
    assert_eq!(counts, one_each());
    // What was sent is kept, byte for byte.
    for row in deliveries(&lab).iter().filter(|row| row["report"] == "weekly") {
        let archived = std::fs::read(lab.path("ledger").join(row["archive"].as_str().unwrap())).unwrap();
        let to = row["recipient"].as_str().unwrap();
        let sent = server.arrived().into_iter().find(|one| one.to == [to]).unwrap();
        assert_eq!(
            String::from_utf8(sent.content).unwrap().trim_end(),
            String::from_utf8(archived).unwrap().trim_end()
        );
        assert_eq!((row["state"].as_str(), row["attempts"].as_u64()), (Some("sent"), Some(1)));
        assert!(row["note"].as_str().unwrap().starts_with("250 "), "{row}");
    }
}

#[test]
fn one_refused_recipient_keeps_no_other_from_it() {
    let server = Server::start();
    server.manner("second@example.com", Manner::Refuse);
    server.manner("content@example.com", Manner::RefuseContent);
    let lab = lab(&server);
    let ran = lab.run(&SEND);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("refused   second@example.com: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("no such mailbox"), "{}", ran.stderr);
    assert!(ran.stderr.contains("mail: 3 sent, 2 refused"), "{}", ran.stderr);
    assert_eq!(lab.run(&SEND).code, 0, "nothing is left to be done");
    assert_eq!(server.asked_for("content@example.com"), 1, "what was refused is not tried again");
    server.forget_manners();
    let again = lab.run(&[&SEND[..], &["--resend-refused"]].concat());
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(counts(&server), one_each());
}

#[test]
fn a_server_that_is_away_or_busy_loses_nothing() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let lab = lab_at(free, "", ALL);
    let down = lab.run(&SEND);
    assert_eq!(down.code, 1, "{}", down.stderr);
    let server = format!("could not connect to the mail server 127.0.0.1:{free}");
    assert!(down.stderr.contains(&server), "{}", down.stderr);
    assert!(down.stderr.contains("mail: 5 waiting for another attempt"), "{}", down.stderr);
    assert!(states(&lab).values().all(|state| state == "retry"));

    let server = Server::start_at(free);
    server.manner("growth@example.com", Manner::Later);
    server.manner("boss@example.com", Manner::Slow(Duration::from_secs(2)));
    let busy = lab.run(&SEND);
    assert_eq!(busy.code, 1, "{}", busy.stderr);
    assert!(busy.stderr.contains("waits     growth@example.com: "), "{}", busy.stderr);
    assert_eq!(states(&lab)["growth@example.com"], "retry");
    server.forget_manners();
    lab.ok(&SEND);
    assert_eq!(counts(&server), one_each());
    // By the retries of the scheduler it would have gone too.
    assert!(states(&lab).values().all(|state| state == "sent"));
}

#[test]
fn a_letter_without_an_answer_is_doubtful_and_waits_for_a_person() {
    let server = Server::start();
    server.manner("growth@example.com", Manner::TakeAndVanish);
    server.manner("boss@example.com", Manner::TakeAndHang);
    server.manner("content@example.com", Manner::AskAndVanish);
    let lab = lab_at(server.address.port(), "timeout_seconds = 20\nbody_timeout_seconds = 2", ALL);
    let ran = lab.run(&SEND);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("DOUBTFUL  growth@example.com: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("DOUBTFUL  boss@example.com: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("Message-ID <weekly.2026-w41."), "{}", ran.stderr);
    let states = states(&lab);
    assert_eq!(
        (states["growth@example.com"].as_str(), states["boss@example.com"].as_str()),
        ("doubtful", "doubtful")
    );
    // Nobody knows whether the end of this one was written before the connection was lost.
    assert!(["doubtful", "retry"].contains(&states["content@example.com"].as_str()), "{states:?}");
    assert_eq!(states["lead@example.com"], "sent", "the others go");
    server.forget_manners();
    let rerun = lab.run(&SEND);
    let arrived = counts(&server);
    assert_eq!((arrived["growth@example.com"], arrived["boss@example.com"]), (1, 1), "{}", rerun.stderr);
    lab.ok(&[&SEND[..], &["--resend-doubtful"]].concat());
    let arrived = counts(&server);
    assert_eq!((arrived["growth@example.com"], arrived["boss@example.com"]), (2, 2), "as a person wanted");
    assert_eq!(arrived["content@example.com"], 1);
}

#[test]
fn killed_at_any_instant_nobody_gets_two_and_nobody_is_lost() {
    let mut doubtful = 0;
    for nth in 0..14_u64 {
        let server = Server::start();
        let victim = RECIPIENTS[nth as usize % RECIPIENTS.len()];
        server.manner(victim, Manner::Slow(Duration::from_millis(400)));
        let lab = lab(&server);
        let mut child = lab.command(&SEND).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        // Half the time in the middle of handing over one letter, else anywhere.
        let is_handing_over = nth % 2 == 0;
        while match is_handing_over {
            true => server.asked_for(victim) == 0,
            false => server.arrived().len() < (nth as usize / 2) % RECIPIENTS.len(),
        } {
            assert!(started.elapsed() < Duration::from_secs(120), "it never came so far");
            thread::sleep(Duration::from_millis(2));
        }
        // Also long after it was asked for: to record the intent takes a busy disk a while.
        thread::sleep(Duration::from_millis(nth * 20));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(status.signal() == Some(9) || status.success(), "{status}");
        // The server may still be about to take what was handed over whole.
        thread::sleep(Duration::from_millis(600));
        server.forget_manners();
        let rerun = lab.run(&SEND);
        let (states, arrived) = (states(&lab), counts(&server));
        for to in RECIPIENTS {
            let copies = arrived.get(to).copied().unwrap_or(0);
            match states[to].as_str() {
                "sent" => assert_eq!(copies, 1, "kill {nth}, {to}"),
                "doubtful" => {
                    doubtful += 1;
                    assert!(copies <= 1, "kill {nth}, {to}");
                    let named = format!("DOUBTFUL  {to}: ");
                    assert!(rerun.stderr.contains(&named), "kill {nth}: {}", rerun.stderr);
                    assert_eq!(rerun.code, 1);
                }
                other => panic!("kill {nth}: {to} is {other}"),
            }
        }
    }
    assert!(doubtful > 0, "no kill hit the moment between the intent and the answer");
}

#[test]
fn two_at_once_send_one_each() {
    let server = Server::start();
    for to in RECIPIENTS {
        server.manner(to, Manner::Slow(Duration::from_millis(200)));
    }
    let lab = lab(&server);
    let children: Vec<_> = (0..3)
        .map(|_| lab.command(&SEND).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(counts(&server), one_each());
}

#[test]
fn what_is_not_material_is_not_mailed_and_says_why() {
    let server = Server::start();
    let lab = lab_at(server.address.port(), "", "material_spend = 1000000\nmaterial_change = 1000000");
    let ran = lab.run(&SEND);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("not mailed: growth, 2026-W41: nothing material: $"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("a cost of 1000000 or a change of 1000000 and 5% would be"),
        "{}",
        ran.stderr
    );
    assert!(server.arrived().is_empty());
    let withheld = lab.ok(&["report", "deliveries", "--state", "withheld"]);
    assert_eq!(withheld.lines().count(), 1 + 3, "{withheld}");
    // What is worth a mail now goes, and is withheld no longer.
    let config = lab.path("lakeledger.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("material_spend = 1000000", "material_spend = 0")).unwrap();
    lab.ok(&SEND);
    assert_eq!(counts(&server), one_each());
    assert_eq!(lab.ok(&["report", "deliveries", "--state", "withheld"]).lines().count(), 1);
}

#[test]
fn a_week_with_days_missing_waits_until_it_is_whole() {
    let server = Server::start();
    let lab = lab(&server);
    let config = lab.path("lakeledger.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("partial_weeks = true", "")).unwrap();
    let ran = lab.run(&SEND);
    assert!(ran.stderr.contains("the week is not whole: the ledger holds no charges of "), "{}", ran.stderr);
    assert!(server.arrived().is_empty());
}

#[test]
fn without_a_server_or_its_password_nothing_begins() {
    let lab = Lab::with_config("[ledger]\npath = \"ledger\"\n");
    let ran = lab.run(&SEND);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("error: no mail server is configured"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: add [smtp]"), "{}", ran.stderr);
    let neither = lab.run(&["report", "weekly"]);
    assert_eq!(neither.code, 2, "neither to files nor by mail: {}", neither.stderr);

    let server = Server::start();
    let lab = lab_at(server.address.port(), "username = \"costs\"\npassword_env = \"NO_SUCH_PASSWORD\"", ALL);
    let ran = lab.run(&SEND);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("there is no password for `127.0.0.1` in the variable `NO_SUCH_PASSWORD`"),
        "{}",
        ran.stderr
    );
    assert!(states(&lab).values().all(|state| state == "retry"), "letters wait for it");
}

#[test]
fn pages_show_what_would_be_mailed_and_what_was() {
    let server = Server::start();
    let lab = lab(&server);
    lab.ok(&SEND);
    let ledger = lab.path("ledger");
    let dashboard = Dashboard::at(lab, &ledger, || "2026-10-12T06:00:00Z".parse().unwrap());
    let reports = text(&dashboard.page("/reports"));
    assert!(reports.contains("Of 2026-W41 5 letters went out"), "{reports}");
    for to in RECIPIENTS {
        assert!(reports.contains(to), "{to}: {reports}");
    }
    let sent = dashboard.csv("/reports?t=letters&format=csv");
    assert!(sent.len() == 5 && sent.iter().all(|row| row["state"] == "sent"), "{sent:?}");
    // A letter as it was sent, for a mail program.
    let letter = dashboard.get("/reports/letters/1");
    assert_eq!(letter.headers["content-type"], "message/rfc822");
    let message = MessageParser::default().parse(letter.body.as_bytes()).unwrap();
    assert_eq!(message.to().unwrap().first().unwrap().address(), Some("lead@example.com"));
    assert_eq!(dashboard.get("/reports/letters/99").status, 404);
    assert_eq!(dashboard.get("/reports/letters/1%20or%201").status, 404);
    // A report as it would be mailed: nothing runs in it, nothing is loaded, its images are in it.
    let mail = dashboard.get("/reports/weekly/growth?as=mail");
    let policy = mail.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'unsafe-inline'; img-src data:;"), "{policy}");
    assert!(mail.body.contains("src=\"data:image/png;base64,iVBORw0KGgo") && !mail.body.contains("cid:"));
    let plain = dashboard.page("/reports/weekly/growth?as=text&week=2026-W41");
    assert!(plain.starts_with("Weekly cost of growth\n2026 week 41, "), "{plain}");
    assert!(dashboard.page("/reports/weekly").contains("Weekly cost of the platform"));
    assert_eq!(dashboard.get("/reports/weekly/grwoth").status, 404);
    assert_eq!(dashboard.get("/reports/weekly/growth?as=pdf").status, 400);
    assert_eq!(dashboard.get("/reports/weekly/growth?week=41").status, 400);
    let schedule = text(&dashboard.page("/schedule"));
    assert!(schedule.contains("Nothing is scheduled."), "{schedule}");
}

//! What letters say: the real binary's, parsed part by part, against its files and its pages.

use mail_parser::{Message, MessageParser, MimeHeaders as _, PartType};
use serde_json::Value;

use crate::dashboard::{Dashboard, text};
use crate::mail::{ALL, RECIPIENTS, SEND, counts, lab, lab_at, one_each};
use crate::smtp::Server;

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

use super::*;
use crate::mail::{Security, Smtp};
use crate::weekly::When;

fn report(team: &str, now: &str, before: Option<&str>) -> Weekly {
    let amount = |text: &str| text.parse().unwrap();
    Weekly {
        team: Some(team.into()),
        stem: format!("{team}-2026-W41"),
        subject: String::new(),
        news: vec![format!("{team} spent <much> in week 41.")],
        link: Some(format!("https://costs.example.com/teams/{team}")),
        html: String::new(),
        mail_html: String::new(),
        text: String::new(),
        images: vec![],
        attachments: vec![],
        week: "2026-W41".into(),
        missing_from: None,
        open_from: None,
        totals: vec![Total { currency: Currency::USD, now: amount(now), before: before.map(amount) }],
        is_over_budget: false,
        basis: model::Basis::Effective,
        published_at: "2026-10-12T04:10:00Z".parse().unwrap(),
    }
}

fn digest() -> Digest {
    let to = vec!["lead@example.com".parse().unwrap()];
    let mailing = Mailing { to, cc: vec!["boss@example.com".parse().unwrap()], when: When::Material };
    Digest { name: "data leads".into(), teams: vec!["ads".into(), "growth".into()], mailing }
}

#[test]
fn a_digest_sums_its_teams_and_has_their_news() {
    let (ads, growth) = (report("ads", "120", Some("100")), report("growth", "31", Some("50.50")));
    let page = page(&digest(), &ads, &[&ads, &growth]);
    assert_eq!(page.subject, "data leads: 2 teams spent $151 (up 0.3%) in week 41");
    let shown: Vec<String> = page
        .rows
        .iter()
        .map(|row| format!("{} {} {} {}", row.name, row.cost, row.change, row.percent))
        .collect();
    assert_eq!(shown[0], "ads $120.00 +$20.00 +20%");
    assert!(shown[2].starts_with("All of them $151.00 +$0.50 "), "{}", shown[2]);
    let text = text(&page);
    assert!(
        text.contains("ADS\nads spent <much> in week 41.\nhttps://costs.example.com/teams/ads\n"),
        "{text}"
    );
    assert_eq!(row("new".into(), None, &report("new", "1", Some("0")).totals[0], false).percent, "new");
    // Without a week before of one there is none of all.
    let new = report("new", "1", None);
    assert_eq!(totals(&[&ads, &new])[0].before, None);
}

#[test]
fn a_digest_is_a_letter_for_each_and_worth_one_when_a_team_is() {
    let (ads, small) = (report("ads", "120.50", Some("100")), report("growth", "1", Some("1")));
    let rule = Materiality::default();
    assert!(digest_material(&digest(), &[&ads, &small], &rule).is_ok());
    let reason = digest_material(&digest(), &[&small], &rule).unwrap_err();
    assert!(reason.starts_with("growth: nothing material: "), "{reason}");
    let seconds = std::time::Duration::from_secs;
    let smtp = Smtp {
        host: "127.0.0.1".into(),
        port: 25,
        security: Security::None,
        login: None,
        ca_file: None,
        from: "costs@example.com".parse().unwrap(),
        reply_to: None,
        timeout: seconds(1),
        body_timeout: seconds(1),
        first_retry: seconds(1),
    };
    let now = "2026-10-12T06:00:00Z".parse().unwrap();
    let letters =
        digest_letters(&digest(), &[&ads, &small], Postage { smtp: &smtp, unsubscribe: None, now }).unwrap();
    let to: Vec<String> = letters.iter().map(|letter| letter.recipient.email()).collect();
    assert_eq!(to, ["lead@example.com", "boss@example.com"]);
    assert!(letters.iter().all(|letter| letter.report == "digest" && letter.period == "2026-W41"));
    let message = mail_parser::MessageParser::default().parse(&letters[0].content).unwrap();
    let html = message.body_html(0).unwrap();
    assert!(html.contains("ads spent &#60;much&#62; in week 41.") && html.contains("$120.50"), "{html}");
}

#[test]
fn a_digest_of_very_many_teams_is_cut_by_us_and_not_by_the_mail_program() {
    // Team 199 costs most; team 120 alone cost something else the week before.
    let reports: Vec<Weekly> = (0..200)
        .map(|n| {
            let name = format!("a-team-with-a-rather-long-name-{n:03}");
            let before = if n == 120 { "1".to_owned() } else { (100 + n).to_string() };
            let mut report = report(&name, &(100 + n).to_string(), Some(&before));
            report.news = vec![format!(
                "{name} spent ${n}00.00 in week 41, up 23% (+$178.50) on the week before: +19.6 points from \
                 ranker/train-and-evaluate (31 runs after 24) and +3.7 points from idle capacity."
            )];
            report
        })
        .collect();
    let reports: Vec<&Weekly> = reports.iter().collect();
    let mail = digest_mail(&digest(), &reports).unwrap().unwrap();
    assert!(mail.html.len() < 100_000, "{} bytes", mail.html.len());
    assert!(mail.html.contains("<!--[if mso]><table role=\"presentation\" width=\"600\""), "{}", mail.html);
    let page = page(&digest(), reports[0], &reports);
    assert_eq!((page.rows.len(), page.teams.len()), (60 + 1 + 1, 15));
    assert!(page.rows[0].name.ends_with("-140") && page.rows[59].name.ends_with("-199"), "the dearest");
    // 100 to 239: 140 teams, 169.50 each; of team 120, 219 less than it costs now.
    let shown = |row: &Row| format!("{} {} {}", row.name, row.cost, row.change);
    assert_eq!(shown(&page.rows[60]), "140 more $23,730.00 +$219.00");
    // 100 to 299: 199.50 each.
    assert_eq!(shown(&page.rows[61]), "All of them $39,900.00 +$219.00");
    assert!(page.teams.iter().any(|team| team.name.ends_with("-120")), "what changed most is told");
    let note = "The news of the 15 teams that changed most; each team's report has its own.";
    assert!(mail.text.replace('\n', " ").contains(note), "{}", mail.text);
    assert!(mail.html.contains("The news of the 15 teams that changed most;"));
}

#[test]
fn a_digest_of_few_teams_tells_of_all() {
    let (ads, growth) = (report("ads", "120", Some("100")), report("growth", "31", Some("31")));
    let page = page(&digest(), &ads, &[&ads, &growth]);
    assert_eq!((page.rows.len(), page.teams.len(), page.chosen), (3, 2, None));
}

//! What goes into one message, to whom.

use chrono::NaiveDate;
use model::{Amount, Basis, Currency};

use super::*;
use crate::alert::{Condition, Secret, Severity, Unit, life};
use crate::mail::Address;
use crate::watch::Scope;

const NOW: &str = "2026-10-07T06:00:00Z";

fn rule(name: &str, grouping: Grouping) -> Rule {
    Rule {
        name: name.into(),
        condition: Condition::Absolute { amount: Amount::whole(10), days: 1 },
        scope: Scope::default(),
        by: None,
        basis: Basis::Effective,
        currency: None,
        severity: Severity::Warning,
        channels: vec!["there".into()],
        cooldown_hours: 24,
        renotify_hours: None,
        grouping,
        recovery_percent: 90,
        recovery_days: 1,
    }
}

/// An alert that fired.
fn told(rule: &str, key: &str, team: Option<&str>) -> Told {
    let day: NaiveDate = "2026-10-05".parse().unwrap();
    let alert = Alert {
        id: life::id_of(rule, key),
        rule: rule.into(),
        kind: "absolute".into(),
        key: key.into(),
        name: None,
        team: team.map(str::to_owned),
        severity: Severity::Warning,
        status: Status::Firing,
        level: 0,
        began_at: NOW.parse().unwrap(),
        fired_on: day,
        last_on: day,
        resolved_on: None,
        value: "12.5".parse().unwrap(),
        threshold: Amount::whole(10),
        newest: None,
        below_since: None,
        unit: Unit::Money(Currency::USD),
        message: format!("{key} cost $12.50 on Mon 5 Oct 2026, more than $10.00."),
        acknowledged_until: None,
        acknowledged_by: None,
        told_at: None,
        told_level: 0,
        is_untold: false,
    };
    Told { alert, step: Step::Fired }
}

fn channel(kind: ChannelKind) -> Channel {
    Channel { name: "there".into(), kind, tells_resolved: true }
}

fn webhook() -> ChannelKind {
    ChannelKind::Webhook { url: super::super::Secret::Env("UNUSED".into()), key: None }
}

fn mail(is_to_teams: bool) -> ChannelKind {
    let to: Vec<Address> = vec!["oncall@example.com".parse().unwrap()];
    ChannelKind::Email { to, cc: Vec::new(), is_to_teams }
}

fn watch(grouping: Grouping, kind: ChannelKind) -> Watch {
    Watch {
        rules: vec![rule("dear", grouping), rule("cheap", grouping)],
        channels: vec![channel(kind)],
        team_email: BTreeMap::from([("ads".to_owned(), vec!["ads@example.com".parse().unwrap()])]),
        base_url: Some("https://costs.example.com/".into()),
        ..Watch::default()
    }
}

/// Two rules, two teams and what is nobody's.
fn all() -> Vec<Told> {
    vec![
        told("dear", "a", Some("ads")),
        told("dear", "b", Some("growth")),
        told("dear", "c", None),
        told("cheap", "a", Some("ads")),
    ]
}

/// What each message is about, and to whom it is where it is mail.
fn messages(watch: &Watch) -> Vec<(String, Vec<String>)> {
    let told = all();
    let about = |notice: &Notice| -> Vec<String> {
        let of = |id: &String| told.iter().find(|one| one.alert.id == *id).unwrap();
        notice.alerts.iter().map(|id| format!("{} {}", of(id).alert.rule, of(id).alert.key)).collect()
    };
    let to = |notice: &Notice| -> String {
        let recipients = letter::recipients(watch, &watch.channels[0], notice.body["team"].as_str());
        recipients.to.first().map(Address::email).unwrap_or_default()
    };
    let mut found: Vec<_> = notices(watch, &told, NOW.parse().unwrap())
        .iter()
        .map(|notice| (to(notice), about(notice)))
        .collect();
    found.sort();
    found
}

fn about(found: &[(String, Vec<String>)]) -> Vec<String> {
    found.iter().map(|(_, about)| about.join(", ")).collect()
}

#[test]
fn messages_are_of_a_rule_a_team_or_an_alert() {
    let of = |grouping| about(&messages(&watch(grouping, webhook())));
    assert_eq!(of(Grouping::Rule), ["cheap a", "dear a, dear b, dear c"]);
    assert_eq!(of(Grouping::Team), ["cheap a, dear a", "dear b", "dear c"]);
    assert_eq!(of(Grouping::Alert), ["cheap a", "dear a", "dear b", "dear c"]);
}

#[test]
fn no_team_reads_of_anothers_alerts() {
    let found = messages(&watch(Grouping::Rule, mail(true)));
    let shown: Vec<String> = found.iter().map(|(to, about)| format!("{to}: {}", about.join(", "))).collect();
    // growth has no address: what is its goes to the channel's.
    assert_eq!(
        shown,
        ["ads@example.com: cheap a", "ads@example.com: dear a", "oncall@example.com: dear b, dear c"]
    );
    let by_team = messages(&watch(Grouping::Team, mail(true)));
    assert_eq!(by_team[0], ("ads@example.com".to_owned(), vec!["cheap a".to_owned(), "dear a".to_owned()]));
    let to_all = messages(&watch(Grouping::Rule, mail(false)));
    assert!(to_all.len() == 2 && to_all.iter().all(|(to, _)| to == "oncall@example.com"), "{to_all:?}");
}

#[test]
fn a_letter_has_the_same_in_both_texts() {
    let watch = watch(Grouping::Alert, mail(false));
    let told = told("dear", "ads/<auction>", Some("ads"));
    let notice = notices(&watch, std::slice::from_ref(&told), NOW.parse().unwrap()).pop().unwrap();
    let said = |key: &str| notice.body[key].as_str().unwrap().to_owned();
    assert_eq!(said("subject"), "Firing: ads/<auction> $12.50 (limit $10.00) · dear");
    let id = &told.alert.id;
    assert_eq!(
        said("text"),
        format!(
            "Firing: ads/<auction>\n7 Oct 2026 06:00 UTC\n\nFiring · warning · dear\nads/<auction>\n\
             ads/<auction> cost $12.50 on Mon 5 Oct 2026, more than $10.00.\n\
             Measured $12.50; limit $10.00; since Mon 5 Oct 2026; team ads\n\
             https://costs.example.com/alerts/{id}\n\n-- \nTold by the channel there for the rule dear.\n\
             Only days that are closed are judged, each once.\nAcknowledge it: lakeledger alerts ack {id} --for 3d\n"
        )
    );
    let html = said("html");
    for part in [
        "ads/&#60;auction&#62; cost $12.50 on Mon 5 Oct 2026",
        "Measured $12.50; limit $10.00",
        &format!("href=\"https://costs.example.com/alerts/{id}\""),
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
    assert!(!html.contains("<auction>") && !html.contains("http-equiv") && !html.contains("<script"));
}

#[test]
fn only_letters_of_rules_on_days_speak_of_closed_days() {
    let mut watch = watch(Grouping::Alert, mail(false));
    let text = |watch: &Watch| {
        let told = told("dear", "a", None);
        let notice = notices(watch, &[told], NOW.parse().unwrap()).pop().unwrap();
        notice.body["text"].as_str().unwrap().to_owned()
    };
    assert!(text(&watch).contains("Only days that are closed are judged, each once.\n"));
    for rule in &mut watch.rules {
        rule.condition = Condition::TableFreshness { hours: 48 };
    }
    assert!(!text(&watch).contains("Only days"));
}

#[test]
fn an_incident_of_what_ended_in_the_same_look_is_closed() {
    let key = Secret::Env("UNUSED".into());
    let pager = ChannelKind::PagerDuty { url: "https://events.example.com".into(), routing_key: key };
    let mut watch = watch(Grouping::Alert, pager);
    let mut over = told("dear", "a", None);
    over.alert.status = Status::Resolved;
    over.alert.resolved_on = "2026-10-06".parse().ok();
    let actions = |watch: &Watch| -> Vec<String> {
        let found = notices(watch, std::slice::from_ref(&over), NOW.parse().unwrap());
        found.iter().map(|one| one.body["event_action"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(actions(&watch), ["trigger", "resolve"]);
    watch.channels[0].tells_resolved = false;
    assert_eq!(actions(&watch), ["trigger"]);
}

#[test]
fn a_message_is_known_by_the_kind_it_was_worded_for() {
    let slack = ChannelKind::Slack { url: Secret::Env("UNUSED".into()) };
    let kinds = [webhook(), mail(false), slack];
    for worded in &kinds {
        let watch = watch(Grouping::Rule, worded.clone());
        let notice = notices(&watch, &all(), NOW.parse().unwrap()).pop().unwrap();
        for kind in &kinds {
            let is_same = kind.name() == worded.name();
            assert_eq!(
                is_worded_for(kind, &notice.body.to_string()),
                is_same,
                "{} {}",
                worded.name(),
                kind.name()
            );
        }
    }
}

/// A budget's alert whose month is over, with what happened to it.
fn overspent(step: Step) -> Told {
    let mut told = Told { step, ..told("dear", "growth, spent in October 2026", None) };
    let alert = &mut told.alert;
    (alert.kind, alert.status) = ("budget".into(), Status::Resolved);
    alert.last_on = "2026-10-31".parse().unwrap();
    alert.resolved_on = "2026-11-01".parse().ok();
    alert.message = "growth: 100% of the budget is spent.".into();
    told
}

#[test]
fn a_letter_about_a_month_that_is_over_resolves_nothing_and_has_its_figures() {
    let watch = watch(Grouping::Rule, mail(false));
    let letter = |told: &[Told]| {
        let notice = notices(&watch, told, NOW.parse().unwrap()).pop().unwrap();
        let said = |key: &str| notice.body[key].as_str().unwrap().to_owned();
        (said("subject"), said("text"), said("html"))
    };
    let (subject, text, html) = letter(&[overspent(Step::Resolved)]);
    assert_eq!(subject, "October 2026 is over: growth, spent in October 2026 $12.50 (limit $10.00) · dear");
    assert!(text.starts_with("October 2026 is over: growth, spent in October 2026\n"), "{text}");
    assert!(text.contains("October 2026 is over: growth: 100% of the budget is spent.\n"), "{text}");
    assert!(!text.contains("Resolved") && !html.contains("<p class=\"good\""), "{text}");
    // What nobody had heard of is told as what fired, and by its severity.
    let (subject, text, html) = letter(&[overspent(Step::Fired)]);
    assert_eq!(subject, "Fired: growth, spent in October 2026 $12.50 (limit $10.00) · dear");
    assert!(text.contains("growth: 100% of the budget is spent. October 2026 is over.\n"), "{text}");
    assert!(!text.contains("Resolved") && html.contains("<p class=\"warn\""), "{html}");
    // Of several, subject and headline count alike.
    let all = [overspent(Step::Fired), overspent(Step::Resolved), told("dear", "a", None)];
    let (subject, text, _) = letter(&all);
    assert!(subject.starts_with("2 firing, 1 over with the month: "), "{subject}");
    assert!(text.starts_with("dear: 2 firing, 1 over with the month\n"), "{text}");
}

#[test]
fn what_fired_and_ended_unseen_is_told_as_what_fired() {
    let watch = watch(Grouping::Rule, mail(false));
    let mut over = told("dear", "a", None);
    over.alert.status = Status::Resolved;
    over.alert.resolved_on = "2026-10-06".parse().ok();
    over.alert.newest = Some((Amount::whole(8), Amount::whole(10)));
    let subject = |told: &Told| {
        let notice = notices(&watch, std::slice::from_ref(told), NOW.parse().unwrap()).pop().unwrap();
        notice.body["subject"].as_str().unwrap().to_owned()
    };
    assert_eq!(subject(&over), "Fired: a $12.50 (limit $10.00) · dear");
    over.step = Step::Resolved;
    assert_eq!(subject(&over), "Resolved: a $8.00 (limit $10.00) · dear");
}

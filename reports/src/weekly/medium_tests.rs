//! Whatever is told: names stay text, mails keep to their medium, and every grouping sums to the whole.

use model::Amount;
use proptest::prelude::*;

use super::tests::{BEFORE, Line, NONE, NOW, TWO_WEEKS, column_sum, data, facts, usd, warning};
use super::*;
use crate::link::BaseUrl;

#[test]
fn hostile_names_stay_text() {
    const NAME: &str =
        "\"><script>alert('x')</script><img src=http://evil.example/x>\r\nBcc: all@example.com\0\u{202e}";
    let now = [
        (NAME, "usage", NAME, NAME, "USD", "100"),
        (NAME, "usage", "=cmd|' /C calc'!A0", "+1", "USD", "50"),
        (NAME, "usage", "{{ 7 * 7 }}", "@SUM(A1)", "USD", "25"),
    ];
    let facts = facts(&now, Some(&[]), 7);
    let scopes = [Scope::Team(NAME.into()), Scope::Platform];
    for scope in scopes {
        let mut data = data(&facts, scope, TWO_WEEKS);
        data.base_url = Some(BaseUrl::parse("https://costs.example.com").unwrap());
        data.warnings = vec![warning(NAME, NAME, 1, 0)];
        let report = render(&data, "x").unwrap();
        for html in [&report.html, &report.mail_html] {
            let lower = html.to_lowercase();
            assert!(!lower.contains("<script"), "{html}");
            let images = lower.matches("<img").count();
            assert_eq!(images, lower.matches("<img src=\"cid:").count(), "no image but ours: {html}");
            assert!(!html.contains(['\0', '\u{202e}']));
            assert!(html.contains("{{ 7 * 7 }}"), "names are no templates");
        }
        assert!(!report.subject.contains(['\r', '\n', '\0']), "{:?}", report.subject);
        assert!(!report.text.contains(['\r', '\0', '\u{202e}']));
        assert!(report.text.lines().all(|line| !line.starts_with("Bcc:")));
        let workloads = &report.attachments[0].content;
        assert!(workloads.contains("'=cmd|' /C calc'!A0"), "{workloads}");
        assert!(
            report.attachments[1].content.contains("'+1,") && report.attachments[1].content.contains("'@SUM")
        );
        assert_eq!(column_sum(&report.attachments[0], "cost", "USD"), usd("175"));
    }
}

#[test]
fn mails_keep_to_their_medium() {
    let long: &'static str =
        "prod.growth.a_rather_long_name_of_a_table_as_people_do_make_them_with_version_v2_final";
    let wide: Vec<Line> = NOW
        .into_iter()
        .chain(["USD", "EUR", "GBP"].map(|currency| (long, "usage", long, long, currency, "98765432.10")))
        .collect();
    let facts = facts(&wide, Some(&BEFORE), 7);
    for scope in [Scope::Platform, Scope::Team("growth".into()), Scope::Team(long.into())] {
        let mut data = data(&facts, scope, TWO_WEEKS);
        for base_url in [None, Some(BaseUrl::parse("https://costs.example.com").unwrap())] {
            let links = base_url.is_some();
            data.base_url = base_url;
            let report = render(&data, "x").unwrap();
            // Gmail cuts a message at 102 kB.
            assert!(report.mail_html.len() < 100_000, "{} bytes", report.mail_html.len());
            // A page has its charts in it, twice for each of three currencies.
            assert!(report.html.len() < 150_000, "{} bytes", report.html.len());
            let remote = |html: &str| {
                html.matches("http").count() - html.matches("http://www.w3.org/2000/svg").count()
            };
            let anchors = report.mail_html.matches("href=\"https://costs.example.com/").count();
            assert_eq!(remote(&report.mail_html), anchors, "nothing remote but links");
            assert_eq!(remote(&report.html), anchors);
            assert_eq!(anchors > 0, links);
            assert!(!report.mail_html.contains("<svg") && report.html.contains("<svg"));
            // Outlook for Windows knows no max-width: a table that it alone sees keeps the letter to 600 px.
            let ghost = "<!--[if mso]><table role=\"presentation\" width=\"600\" ";
            let (_, within) = report.mail_html.split_once(ghost).unwrap();
            let (within, _) = within.split_once("<!--[if mso]></td></tr></table><![endif]-->").unwrap();
            assert_eq!(within.matches("<table").count(), within.matches("</table>").count());
            assert!(within.contains("max-width:600px"), "the letter is in it");
            for active in ["<script", "onload=", "onerror=", "onclick=", "javascript:", "@import", "url("] {
                assert!(!report.html.contains(active), "{active}");
            }
            for line in report.text.lines() {
                let columns = crate::label::columns(line);
                let is_link = line.trim_start().starts_with("https://");
                assert!(columns <= 72 || is_link, "{columns}: {line}");
            }
        }
    }
}

#[test]
fn figures_beyond_all_bounds_are_an_error_and_no_panic() {
    const MOST: &str = "99999999999999999999";
    let now = [("growth", "usage", "a", NONE, "USD", MOST), ("growth", "usage", "b", NONE, "USD", MOST)];
    let error = assemble::sections(&facts(&now, None, 7), &Scope::Platform).unwrap_err();
    assert_eq!(error.to_string(), "the costs of the platform add up beyond 20 digits");
    assert!(matches!(error, ReportError::TooLarge(_)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever was charged: every grouping of every report sums to the same
    /// whole, and the teams with what has no team sum to the platform.
    #[test]
    fn every_grouping_conserves(
        now in prop::collection::vec(any_line(), 0..40),
        before in prop::option::of(prop::collection::vec(any_line(), 0..40)),
        days in 1_u64..=7,
    ) {
        let facts = facts(&now, before.as_deref(), days);
        let sum = |lines: &[Line], team: Option<&str>| -> Amount {
            lines.iter().filter(|line| team.is_none_or(|team| line.0 == team)).map(|line| usd(line.5)).sum()
        };
        let teams = ["growth", "content", "unlisted", NONE].map(|team| (Scope::Team(team.into()), Some(team)));
        for (scope, team) in [(Scope::Platform, None)].into_iter().chain(teams) {
            let data = data(&facts, scope, TWO_WEEKS);
            let total = sum(&now, team);
            for section in &data.sections {
                let was = before.as_deref().map(|before| sum(before, team));
                prop_assert_eq!(section.total(), total);
                prop_assert_eq!(section.total_before(), was);
                prop_assert_eq!(section.groups.iter().flat_map(|group| group.days).sum::<Amount>(), total);
                for items in [&section.workloads, &section.tables] {
                    prop_assert_eq!(items.iter().map(|item| item.cost).sum::<Amount>(), total);
                    prop_assert_eq!(items.iter().filter_map(|item| item.before).sum::<Amount>(), was.unwrap_or_default());
                }
                if let Some(was) = was {
                    prop_assert_eq!(section.drivers.iter().map(Driver::change).sum::<Amount>(), total - was);
                }
            }
            let report = render(&data, "x").unwrap();
            for attachment in &report.attachments {
                prop_assert_eq!(column_sum(attachment, "cost", "USD"), total, "{}", attachment.name);
            }
            for line in report.text.lines() {
                prop_assert!(crate::label::columns(line) <= 72, "{line}");
            }
        }
    }
}

fn any_line() -> impl Strategy<Value = Line> {
    let of = |names: &'static [&'static str]| prop::sample::select(names);
    (
        of(&["growth", "content", "unlisted", NONE]),
        of(&["direct", "usage", "storage", "shared", "idle", "unallocated", "a later category"]),
        of(&["ranker/train", "features/build", "a", "b", "c", "d", NONE]),
        of(&["prod.growth.scores", "prod.content.events", "x", NONE]),
        of(&["USD"]),
        of(&[
            "0",
            "12.5",
            "-3.25",
            "0.000000000000000001",
            "-0.004",
            "98765.432109876543210987",
            "7",
            "100",
            "0.01",
        ]),
    )
}

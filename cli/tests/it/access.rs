//! Who is let into the dashboard: tokens and sessions, a proxy's headers, the loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::net::SocketAddr;

use attribution::mart::Reach;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use web::access::{Grant, Proxy, Role, Rules, Token, new_token};

use crate::dashboard::{Dashboard, Page, text};
use crate::lab::Lab;

const EVERYTHING: fn(Role) -> Grant = |role| Grant { role, reach: Reach::Whole };

/// A token and its entry in the rules.
pub fn token(name: &str, grant: Grant) -> (String, Token) {
    let (token, hash) = new_token().unwrap();
    (token, Token { name: name.to_owned(), grant, hash })
}

fn cookie_of(page: &Page) -> String {
    page.headers.get("set-cookie").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn sign_in(dashboard: &Dashboard, token: &str, next: &str) -> Page {
    dashboard.post("/login", &format!("token={token}&next={next}"), &[("sec-fetch-site", "same-origin")])
}

#[test]
fn a_token_opens_a_session_that_can_be_ended() {
    let (secret, entry) = token("Ada", EVERYTHING(Role::Editor));
    let dashboard = Dashboard::guarded(Rules { tokens: vec![entry], ..Rules::default() });

    // Without one, a page leads to the form and back; a program is told what to send.
    let page = dashboard.get("/teams/growth?from=2026-10-05");
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    let next = "%2Fteams%2Fgrowth%3Ffrom%3D2026-10-05";
    assert_eq!(page.headers["location"], format!("/login?next={next}"));
    let asked = dashboard.get("/api/v1/costs");
    assert_eq!(asked.status, StatusCode::UNAUTHORIZED);
    assert_eq!(asked.headers["www-authenticate"], "Bearer realm=\"lakeledger\"");
    assert!(asked.body.contains("lakeledger token new"), "{}", asked.body);
    let form = dashboard.page(&format!("/login?next={next}"));
    assert!(form.contains("type=\"password\"") && form.contains("/teams/growth?from=2026-10-05"), "{form}");

    // A wrong one does not, and the form of another site is not taken.
    let wrong = sign_in(&dashboard, "llk_wrong", next);
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(text(&wrong.body).contains("No token is this one") && cookie_of(&wrong).is_empty());
    let foreign = dashboard.post("/login", &format!("token={secret}"), &[("sec-fetch-site", "cross-site")]);
    assert_eq!((foreign.status, cookie_of(&foreign)), (StatusCode::FORBIDDEN, String::new()));

    let page = sign_in(&dashboard, &secret, next);
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert_eq!(page.headers["location"], "/teams/growth?from=2026-10-05");
    let cookie = cookie_of(&page);
    assert!(cookie.contains("; HttpOnly; SameSite=Lax") && !cookie.contains("Secure"), "{cookie}");
    assert!(cookie.contains("Max-Age=43200"), "twelve hours: {cookie}");
    assert!(!cookie.contains(&secret), "the token itself stays out of the cookie");
    let pair = cookie.split(';').next().unwrap().to_owned();
    let of_ada = |url: &str| dashboard.get_with(url, &[("host", "localhost"), ("cookie", &pair)]);
    let page = of_ada("/teams/growth");
    assert_eq!(page.status, StatusCode::OK);
    assert!(text(&page.body).contains("Ada") && page.body.contains("action=\"/logout\""), "{}", page.body);
    assert_eq!(of_ada("/login").status, StatusCode::OK);

    // A bearer token is another way in, without a session.
    let bearer = format!("Bearer {secret}");
    let asked = dashboard.get_with("/api/v1/costs", &[("host", "x"), ("authorization", &bearer)]);
    assert_eq!((asked.status, cookie_of(&asked)), (StatusCode::OK, String::new()));

    let headers = [("cookie", pair.as_str()), ("sec-fetch-site", "cross-site")];
    assert_eq!(dashboard.post("/logout", "", &headers).status, StatusCode::FORBIDDEN);
    assert_eq!(of_ada("/teams/growth").status, StatusCode::OK, "another site signs nobody out");
    let headers = [("cookie", pair.as_str()), ("sec-fetch-site", "same-origin")];
    let out = dashboard.post("/logout", "", &headers);
    assert!(out.status == StatusCode::SEE_OTHER && cookie_of(&out).contains("Max-Age=0"));
    assert_eq!(out.headers["clear-site-data"], "\"cache\"", "the next one at the screen sees no kept page");
    assert_eq!(of_ada("/teams/growth").status, StatusCode::SEE_OTHER, "what was ended is over");
}

#[test]
fn a_restart_signs_nobody_out_whose_token_is_there_still() {
    let ((of_ada, ada), (of_vi, vi)) =
        (token("Ada", EVERYTHING(Role::Editor)), token("Vi", EVERYTHING(Role::Editor)));
    let rules = |tokens: &[&Token]| Rules {
        tokens: tokens.iter().map(|token| (*token).clone()).collect(),
        ..Rules::default()
    };
    let mut dashboard = Dashboard::guarded(rules(&[&ada, &vi]));
    let session = |dashboard: &Dashboard, token: &str| {
        cookie_of(&sign_in(dashboard, token, "")).split(';').next().unwrap().to_owned()
    };
    let (kept, of_vi, ended) =
        (session(&dashboard, &of_ada), session(&dashboard, &of_vi), session(&dashboard, &of_ada));
    let see = |dashboard: &Dashboard, cookie: &str| {
        dashboard.get_with("/teams/growth", &[("host", "localhost"), ("cookie", cookie)])
    };
    dashboard.post("/logout", "", &[("cookie", &ended), ("sec-fetch-site", "same-origin")]);

    // What somebody may is what their token grants now.
    let less = Token { grant: EVERYTHING(Role::Viewer), ..vi.clone() };
    dashboard = dashboard.restarted(rules(&[&ada, &less]));
    assert!(text(&see(&dashboard, &kept).body).contains("Ada"));
    assert!(see(&dashboard, &of_vi).body.contains("viewer of all teams"));
    assert_eq!(see(&dashboard, &ended).status, StatusCode::SEE_OTHER, "signed out for good");

    dashboard = dashboard.restarted(rules(&[&ada]));
    assert_eq!(see(&dashboard, &of_vi).status, StatusCode::SEE_OTHER);
    dashboard = dashboard.restarted(rules(&[&ada, &vi]));
    assert_eq!(see(&dashboard, &of_vi).status, StatusCode::SEE_OTHER, "its token was away");
    assert_eq!(see(&dashboard, &kept).status, StatusCode::OK);

    let state = std::fs::read(dashboard.lab.path("ledger").join("state.sqlite")).unwrap();
    let id = kept.split_once('=').unwrap().1;
    assert!(!state.windows(id.len()).any(|bytes| bytes == id.as_bytes()), "ids are kept as hashes alone");
}

#[test]
fn signing_in_is_throttled_and_cookies_are_secure_over_https() {
    let (secret, entry) = token("Ada", EVERYTHING(Role::Viewer));
    let dashboard = Dashboard::guarded(Rules { tokens: vec![entry], https: true, ..Rules::default() });
    let cookie = cookie_of(&sign_in(&dashboard, &secret, ""));
    assert!(cookie.starts_with("__Host-lakeledger=") && cookie.ends_with("; Secure"), "{cookie}");
    for _ in 0..5 {
        assert_eq!(sign_in(&dashboard, "llk_guess", "").status, StatusCode::UNAUTHORIZED);
    }
    let barred = sign_in(&dashboard, "llk_guess", "");
    assert_eq!(barred.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(barred.headers["retry-after"], "900");
    let asked = |token: &str| {
        let bearer = format!("Bearer {token}");
        dashboard.get_with("/api/v1/costs", &[("authorization", &bearer)]).status
    };
    assert_eq!(asked("llk_guess"), StatusCode::TOO_MANY_REQUESTS);
}

#[test]
fn a_replaced_token_shuts_out_nobody_with_a_right_one() {
    let (secret, entry) = token("Ada", EVERYTHING(Role::Viewer));
    let dashboard = Dashboard::guarded(Rules { tokens: vec![entry], ..Rules::default() });
    let asked = |token: &str| {
        let bearer = format!("Bearer {token}");
        dashboard.get_with("/api/v1/costs", &[("authorization", &bearer)]).status
    };
    for _ in 0..5 {
        assert_eq!(asked("llk_replaced"), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(asked("llk_replaced"), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(asked(&secret), StatusCode::OK, "it comes from the same address");
    assert_eq!(asked("llk_replaced"), StatusCode::TOO_MANY_REQUESTS, "which forgives nothing");
    assert_eq!(sign_in(&dashboard, &secret, "").status, StatusCode::SEE_OTHER);
}

#[test]
fn a_viewer_reads_and_changes_nothing() {
    let (secret, entry) = token("Vi", EVERYTHING(Role::Viewer));
    let dashboard = Dashboard::guarded(Rules { tokens: vec![entry], ..Rules::default() });
    let bearer = format!("Bearer {secret}");
    let page = dashboard.post("/waste/0123456789ab", "act=acknowledge", &[("authorization", &bearer)]);
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(
        text(&page.body).contains("Only an editor may change anything here; you are viewer of all teams")
    );
}

fn proxied() -> Dashboard {
    let growth = Grant { role: Role::Editor, reach: Reach::teams(["growth".to_owned()], false) };
    Dashboard::guarded(Rules {
        proxy: Some(Proxy {
            from: vec!["10.0.0.0/8".parse().unwrap()],
            user_header: "x-user".to_owned(),
            groups_header: Some("x-groups".to_owned()),
            groups: vec![("growth-eng".to_owned(), growth)],
            others: None,
        }),
        hosts: vec!["costs.example.com".to_owned()],
        ..Rules::default()
    })
}

fn from(dashboard: &Dashboard, address: &str, url: &str, headers: &[(&str, &str)]) -> Page {
    let peer: SocketAddr = format!("{address}:4711").parse().unwrap();
    let mut request = Request::get(url).header("host", "costs.example.com").extension(ConnectInfo(peer));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    dashboard.ask(request.body(Body::empty()).unwrap())
}

#[test]
fn a_proxys_headers_are_believed_from_its_addresses_alone() {
    let dashboard = proxied();
    let ada = [("x-user", "ada"), ("x-groups", "all, growth-eng")];
    let page = from(&dashboard, "10.1.2.3", "/teams/growth", &ada);
    assert_eq!(page.status, StatusCode::OK);
    assert!(text(&page.body).contains("ada") && !page.body.contains("/logout"), "the proxy signs out");
    for (address, headers, why) in [
        ("11.0.0.1", &ada[..], "it is not the proxy's address"),
        ("10.1.2.3", &[("x-groups", "growth-eng")], "no user is named"),
        ("10.1.2.3", &[("x-user", "ada"), ("x-user", "root"), ("x-groups", "growth-eng")], "two are"),
        ("10.1.2.3", &[("x-user", ""), ("x-groups", "growth-eng")], "a name that is none"),
    ] {
        let page = from(&dashboard, address, "/teams/growth", headers);
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{why}");
        assert!(!page.body.contains("x-user"), "what would let in is not told");
    }
    let page = from(&dashboard, "10.1.2.3", "/teams/growth", &[("x-user", "eve"), ("x-groups", "sales")]);
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(text(&page.body).contains("none of your groups is let in here"), "{}", text(&page.body));
}

#[test]
fn only_known_names_of_the_host_are_answered() {
    let open = Dashboard::of_the_lab();
    for headers in [&[][..], &[("host", "evil.example")], &[("host", "")]] {
        assert_eq!(open.get_with("/", headers).status, StatusCode::MISDIRECTED_REQUEST, "{headers:?}");
    }
    assert_eq!(open.get_with("/", &[("host", "127.0.0.1:8420")]).status, StatusCode::OK);
    let dashboard = proxied();
    let headers = [("host", "evil.example")];
    assert_eq!(dashboard.get_with("/login", &headers).status, StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(
        dashboard.get_with("/healthz", &headers).status,
        StatusCode::OK,
        "a probe knows addresses only"
    );
    assert_eq!(dashboard.get_with("/readyz", &headers).body, "ready\n");
}

#[test]
fn serving_elsewhere_needs_to_say_who_is_let_in() {
    let lab = Lab::new();
    let ran = lab.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("refusing to listen on 0.0.0.0:0"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: ") && ran.stderr.contains("lakeledger token new"), "{}", ran.stderr);

    let made =
        lab.ok(&["token", "new", "--name", "Ada \"L\"", "--role", "editor", "--team", "growth", "--totals"]);
    let (said, table) = made.split_once("[[access.token]]").unwrap();
    let secret = said.split_whitespace().find(|word| word.starts_with("llk_")).unwrap();
    assert!(!table.contains(secret), "the configuration gets the hash alone");
    let path = lab.path("lakeledger.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{config}\n[[access.token]]{table}")).unwrap();
    let rules = cli::config::load(&path).unwrap().access.unwrap();
    assert_eq!(rules.tokens[0].name, "Ada \"L\"");
    assert_eq!(rules.tokens[0].grant.reach, Reach::teams(["growth".to_owned()], true));
    assert_eq!(rules.tokens[0].grant.role, Role::Editor);

    let ran = lab.run(&["token", "new", "--name", "x", "--team", "grwth"]);
    assert!(ran.code == 2 && ran.stderr.contains("did you mean `growth`?"), "{}", ran.stderr);
    let ran = lab.run(&["token", "new", "--name", "x", "--role", "admin"]);
    assert!(ran.code == 2 && ran.stderr.contains("use viewer or editor"), "{}", ran.stderr);
}

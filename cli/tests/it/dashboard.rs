//! A dashboard asked through its router without a socket.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::lab::Lab;

/// A dashboard on a published lab, on the morning after its last day.
pub struct Dashboard {
    router: axum::Router,
    /// What it serves.
    pub lab: Lab,
}

pub struct Page {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub body: String,
}

impl Dashboard {
    pub fn of_the_lab() -> Self {
        Self::of(Lab::published(), || "2026-10-07T06:00:00Z".parse().unwrap())
    }

    pub fn of(lab: Lab, clock: web::Clock) -> Self {
        let ledger = lab.path("ledger");
        Self::at(lab, &ledger, clock)
    }

    /// A dashboard on another ledger of the lab's directory.
    pub fn at(lab: Lab, ledger: &std::path::Path, clock: web::Clock) -> Self {
        Self { router: web::router(web::State::new(ledger, clock)), lab }
    }

    /// The same, with budgets and alerts of a configuration.
    pub fn watching(
        lab: Lab,
        ledger: &std::path::Path,
        clock: web::Clock,
        watch: reports::alert::Watch,
    ) -> Self {
        Self::set(lab, ledger, clock, web::Settings { watch, ..web::Settings::default() })
    }

    /// The same, with all that pages show of a configuration.
    pub fn set(lab: Lab, ledger: &std::path::Path, clock: web::Clock, settings: web::Settings) -> Self {
        Self { router: web::router(web::State::configured(ledger, clock, None, settings)), lab }
    }

    /// A dashboard on the published lab that lets in whom these rules name.
    pub fn guarded(rules: web::access::Rules) -> Self {
        Self::guarding(Lab::published(), rules)
    }

    fn guarding(lab: Lab, rules: web::access::Rules) -> Self {
        let clock = || "2026-10-07T06:00:00Z".parse().unwrap();
        let state = web::State::guarded(lab.path("ledger"), clock, rules);
        Self { router: web::router(state), lab }
    }

    /// Ends it, and starts it again with these rules.
    pub fn restarted(self, rules: web::access::Rules) -> Self {
        let Self { router, lab } = self;
        drop(router);
        Self::guarding(lab, rules)
    }

    pub fn get(&self, url: &str) -> Page {
        self.get_with(url, &[("host", "localhost")])
    }

    /// Asks with these headers alone.
    pub fn get_with(&self, url: &str, headers: &[(&str, &str)]) -> Page {
        let mut request = Request::get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request.body(Body::empty()).unwrap())
    }

    /// Sends a form, with the headers a browser would add.
    pub fn post(&self, url: &str, form: &str, headers: &[(&str, &str)]) -> Page {
        let mut request = Request::post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request.body(Body::from(form.to_owned())).unwrap())
    }

    pub fn ask(&self, request: Request<Body>) -> Page {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let bytes = body.collect().await.unwrap().to_bytes();
            Page {
                status: parts.status,
                headers: parts.headers,
                body: String::from_utf8(bytes.to_vec()).unwrap(),
            }
        })
    }

    pub fn page(&self, url: &str) -> String {
        let page = self.get(url);
        assert_eq!(page.status, StatusCode::OK, "{url}: {}", text(&page.body));
        // Where a name may be broken is nothing of its text.
        page.body.replace("<wbr>", "")
    }

    pub fn csv(&self, url: &str) -> Vec<BTreeMap<String, String>> {
        let body = self.page(url);
        csv::Reader::from_reader(body.as_bytes()).deserialize().collect::<Result<_, _>>().unwrap()
    }
}

/// The words of a page, markup taken out and entities resolved.
pub fn text(html: &str) -> String {
    let mut words = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                words.push(' ');
            }
            c if !inside => words.push(c),
            _ => {}
        }
    }
    unescape(&words).split_whitespace().collect::<Vec<_>>().join(" ")
}

pub fn unescape(text: &str) -> String {
    [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (entity, c)| text.replace(entity, c))
}

/// Values of an attribute.
pub fn attributes<'h>(html: &'h str, name: &str) -> Vec<&'h str> {
    let start = format!(" {name}=\"");
    html.split(&start).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

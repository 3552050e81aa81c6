//! What every request passes before its page is made: the host it names, who sends it, and
//! whether they may.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use model::time::Instant;

use super::{Access, By, Principal, Role, Rules};
use crate::api::Problem;
use crate::error::PageError;
use crate::person::{self, Person};
use crate::state::State;

/// Longest name that a proxy may give a user, in characters.
const MAX_NAME: usize = 256;

/// What it takes to be shown a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: files, signing in, probes. Nothing of a ledger is told.
    Nothing,
    /// To be let in; what is shown is within the principal's reach.
    Seen,
    /// To see the totals of the whole bill.
    Bill,
    /// To see all teams.
    Whole,
}

/// The loopback's guard without a login: only requests that name this machine are answered, for
/// a hostile page could get around it by letting its own name resolve to it. With rules only
/// the names of the configuration, where it lists any.
pub async fn known_host(Shared(state): Shared<State>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let probe = matches!(request.uri().path(), "/healthz" | "/readyz");
    match &state.access().rules {
        None if !is_local(host) => {
            (StatusCode::MISDIRECTED_REQUEST, "this dashboard answers on localhost only\n").into_response()
        }
        Some(rules) if !probe && !rules.hosts.is_empty() && !rules.knows(host) => {
            (StatusCode::MISDIRECTED_REQUEST, "this dashboard is not known by this name\n").into_response()
        }
        _ => next.run(request).await,
    }
}

/// The name in a `Host` header, without its port.
fn name(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// Whether a `Host` header (name or address, perhaps with a port) is this machine's loopback.
fn is_local(host: &str) -> bool {
    let name = name(host);
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Lets a request through to its route, with its principal, or says why not.
pub async fn enter(
    Shared((state, need)): Shared<(State, Need)>,
    mut request: Request,
    next: Next,
) -> Response {
    let now = state.now();
    let seen = match state.access().recognise(&request, now) {
        Ok(seen) => seen,
        Err(error) => return refused(&state, &request, error),
    };
    let by = seen.as_ref().map(|seen| seen.principal.by);
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    // A token in a header is sent by a program, never by a browser of its own accord.
    if changes && by != Some(By::Bearer) && !person::is_from_here(request.headers()) {
        return refused(&state, &request, PageError::NotOurs);
    }
    let refusal = match (&seen, need) {
        (_, Need::Nothing) => None,
        (None, _) => Some(PageError::SignIn),
        (Some(seen), need) => refusal(&seen.principal, need, changes),
    };
    if let Some(refusal) = refusal {
        return refused(&state, &request, refusal);
    }
    let mut cookie = None;
    if let Some(seen) = seen {
        request.extensions_mut().insert(Person(seen.principal.name.to_string()));
        request.extensions_mut().insert(seen.principal);
        cookie = seen.rotated.map(|(id, seconds)| set_cookie(state.access(), &request, &id, seconds));
    }
    let mut response = next.run(request).await;
    // A page that sets the cookie itself, as signing out does, has the last word.
    if let Some(cookie) = cookie.filter(|_| !response.headers().contains_key(header::SET_COOKIE)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Why somebody who was let in may not.
fn refusal(principal: &Principal, need: Need, changes: bool) -> Option<PageError> {
    let may = principal.may();
    if changes && principal.role < Role::Editor {
        return Some(PageError::Forbidden(format!(
            "Only an editor may change anything here; you are {may}."
        )));
    }
    let what = match need {
        Need::Bill if !principal.reach.sees_bill() => "the totals of the whole bill",
        Need::Whole if !principal.reach.is_whole() => "all teams",
        _ => return None,
    };
    Some(PageError::Forbidden(format!("This is about {what}; you are {may}.")))
}

/// Whether an address is the API's or a program's, whose errors are no pages.
fn of_a_program(request: &Request) -> bool {
    let path = request.uri().path();
    path.starts_with("/api/") || path == "/metrics"
}

fn refused(state: &State, request: &Request, error: PageError) -> Response {
    let with_tokens = state.access().rules.as_ref().is_some_and(|rules| !rules.tokens.is_empty());
    if of_a_program(request) {
        let mut response = Problem::of(&error).into_response();
        if matches!(error, PageError::SignIn) && with_tokens {
            let scheme = HeaderValue::from_static("Bearer realm=\"lakeledger\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        return response;
    }
    if matches!(error, PageError::SignIn) && with_tokens && request.method() == Method::GET {
        let asked = request.uri().path_and_query().map_or("/", |asked| asked.as_str());
        return super::signing::to_sign_in(asked);
    }
    error.into_response()
}

/// A principal, and the session's next id where it gets one.
pub(super) struct Seen {
    principal: Principal,
    rotated: Option<(String, i64)>,
}

impl From<Principal> for Seen {
    fn from(principal: Principal) -> Self {
        Self { principal, rotated: None }
    }
}

impl Access {
    /// Who sends a request; nothing where it does not say.
    fn recognise(&self, request: &Request, now: Instant) -> Result<Option<Seen>, PageError> {
        let Some(rules) = &self.rules else { return Ok(Some(Principal::at_this_machine().into())) };
        if let Some(principal) = rules.by_proxy(request)? {
            return Ok(Some(principal.into()));
        }
        if rules.tokens.is_empty() {
            return Ok(None);
        }
        if let Some(token) = bearer(request.headers()) {
            let Some(token) = rules.token(token) else {
                return Err(self.no_token(rules.client(request), now));
            };
            return Ok(Some(Principal::of(&token.name, &token.grant, By::Bearer).into()));
        }
        let known =
            session_id(request.headers(), rules.is_https(request)).and_then(|id| self.sessions.find(id, now));
        Ok(known.map(|known| Seen { principal: known.principal, rotated: known.rotated }))
    }

    /// Signs in with a token; the session's id.
    pub(super) fn sign_in(
        &self,
        from: IpAddr,
        token: &str,
        now: Instant,
    ) -> Result<(String, i64), PageError> {
        let token = self.rules.as_ref().and_then(|rules| Some((rules, rules.token(token)?)));
        let Some((rules, token)) = token else { return Err(self.no_token(from, now)) };
        self.failures.succeeded(from);
        let age = TimeDelta::from_std(rules.session.0).unwrap_or(TimeDelta::hours(12));
        let id = self.sessions.begin(token, now, age).map_err(PageError::Random)?;
        Ok((id, age.num_seconds()))
    }

    /// Ends the session of a request.
    pub(super) fn sign_out(&self, headers: &HeaderMap) {
        for https in [true, false] {
            if let Some(id) = session_id(headers, https) {
                self.sessions.end(id);
            }
        }
    }

    /// Whether people sign in here.
    pub(super) fn has_tokens(&self) -> bool {
        self.rules.as_ref().is_some_and(|rules| !rules.tokens.is_empty())
    }

    /// Where a request comes from, for counting failures.
    pub(super) fn client(&self, request: &Request) -> IpAddr {
        self.rules.as_ref().map_or_else(|| peer(request), |rules| rules.client(request))
    }

    /// That a token is none, which is counted. A right one is let in however many failed before it
    /// at the same address: it cannot be guessed, and a program with a replaced token must not
    /// shut out all others behind the same proxy.
    fn no_token(&self, from: IpAddr, now: Instant) -> PageError {
        match self.failures.wait(from, now) {
            Some(wait) => PageError::TooOften { seconds: wait.num_seconds().max(1) },
            None => {
                self.failures.failed(from, now);
                PageError::SignIn
            }
        }
    }
}

impl Rules {
    fn knows(&self, host: &str) -> bool {
        self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name(host)))
    }

    /// Whether the other end of the connection is the proxy.
    fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxy.as_ref().is_some_and(|proxy| proxy.from.iter().any(|network| network.holds(address)))
    }

    /// Who the proxy says it is. Headers from anywhere else are nobody's word.
    fn by_proxy(&self, request: &Request) -> Result<Option<Principal>, PageError> {
        let Some(proxy) = self.proxy.as_ref().filter(|_| self.is_proxy(peer(request))) else {
            return Ok(None);
        };
        let mut users = request.headers().get_all(&proxy.user_header).iter();
        let (user, more) = (users.next().map(HeaderValue::to_str), users.next());
        let user = match (user, more) {
            (None, _) => return Ok(None),
            (Some(Ok(user)), None) => user.trim(),
            // Two names, or none that can be read: somebody got one past the proxy.
            _ => return Err(PageError::SignIn),
        };
        if user.is_empty() {
            return Ok(None);
        }
        let user: String = user.chars().take(MAX_NAME).collect();
        let groups: Vec<String> = proxy
            .groups_header
            .iter()
            .flat_map(|name| request.headers().get_all(name))
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|group| group.trim().to_owned())
            .filter(|group| !group.is_empty())
            .collect();
        match proxy.principal(&user, &groups) {
            Some(principal) => Ok(Some(principal)),
            None => Err(PageError::Forbidden(format!(
                "You are signed in as {user}, but none of your groups is let in here."
            ))),
        }
    }

    /// Where a request comes from; behind the proxy, where that says it does.
    fn client(&self, request: &Request) -> IpAddr {
        let peer = peer(request);
        let forwarded = request.headers().get_all("x-forwarded-for").iter().next_back();
        let forwarded =
            forwarded.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        forwarded.filter(|_| self.is_proxy(peer)).unwrap_or(peer)
    }

    fn is_https(&self, request: &Request) -> bool {
        let proto = request.headers().get("x-forwarded-proto").and_then(|value| value.to_str().ok());
        self.https || (proto == Some("https") && self.is_proxy(peer(request)))
    }
}

/// The other end of the connection; no address at all where it is not known.
fn peer(request: &Request) -> IpAddr {
    let connected = request.extensions().get::<ConnectInfo<SocketAddr>>();
    connected.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip())
}

/// A token in the `Authorization` header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Over https the name itself keeps a browser from taking it from any other host or over http.
const fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-lakeledger" } else { "lakeledger" }
}

fn session_id(headers: &HeaderMap, https: bool) -> Option<&str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    pairs
        .flat_map(|pairs| pairs.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == cookie_name(https))
        .map(|(_, id)| id)
}

/// The cookie of a session; one that lives no second is taken away.
pub(super) fn set_cookie(access: &Access, request: &Request, id: &str, seconds: i64) -> HeaderValue {
    let https = access.rules.as_ref().is_some_and(|rules| rules.is_https(request));
    let secure = if https { "; Secure" } else { "" };
    let name = cookie_name(https);
    // Ids are hexadecimal digits of our own making.
    HeaderValue::from_str(&format!(
        "{name}={id}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}",
        seconds.max(0)
    ))
    .unwrap_or_else(|_| HeaderValue::from_static("lakeledger=; Path=/; Max-Age=0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_loopbacks_names_are_local() {
        for host in ["localhost", "LOCALHOST:8420", "127.0.0.1", "127.0.0.1:80", "[::1]:8420", "127.9.9.9"] {
            assert!(is_local(host), "{host}");
        }
        for host in
            ["example.com", "127.0.0.1.example.com", "localhost.example.com:8420", "10.0.0.1", "[::2]", ""]
        {
            assert!(!is_local(host), "{host}");
        }
    }
}

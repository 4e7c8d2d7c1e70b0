//! A filter that follows requests to their ends.

#![cfg(not(target_family = "wasm"))]

mod envoy_double;

use std::convert::Infallible;

use tollgate_core::{
    Content, Cx, Edits, Filter, Headers, Problem, Reply, RequestHead, Seed, Ticket, Verdict,
};

use envoy_double::module::{
    proxy_on_configure, proxy_on_context_create, proxy_on_delete, proxy_on_new_connection,
    proxy_on_request_headers, proxy_on_response_headers, proxy_on_tick,
};
use envoy_double::{Answer, Call, answer_with, calls, next_context};

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const BAD_ARGUMENT: u32 = 2;
const CONTINUE: u32 = 0;
const PAUSE: u32 = 1;

const FULL: Problem = Problem { status: 503, name: "full", title: "It is full" };

/// Follows every other request, answers those with `x-ask` and, for the last time,
/// with `x-last`, and writes down what it is told where a test finds it.
struct Following(u64);

impl Filter for Following {
    const NAME: &'static str = "following";
    type Spec = ();
    type Error = Infallible;

    fn compile((): (), _: Seed) -> Result<Self, Infallible> {
        Ok(Self(0))
    }

    fn on_request(&mut self, head: &RequestHead<'_>, _: &mut Cx<'_>) -> Verdict {
        if head.headers.get("x-ask").is_some() {
            let (details, media_type) = ("following.told", "text/plain");
            return Verdict::Answer(Content { details, media_type, body: "told".to_owned() });
        }
        if head.headers.get("x-last").is_some() {
            return Verdict::Reply(Reply::new(FULL, "go").with("connection", "close"));
        }
        self.0 = self.0.wrapping_add(1);
        let ticket = Some(Ticket(self.0)).filter(|Ticket(number)| number % 2 == 1);
        let hears_response = head.headers.get("x-deaf").is_none();
        Verdict::Continue(Edits { ticket, hears_response, ..Edits::default() })
    }

    fn on_response(&mut self, Ticket(number): Ticket, headers: &Headers, cx: &mut Cx<'_>) {
        let status = headers.get(":status").unwrap_or_default();
        cx.host.set_property(format!("response {number}").as_bytes(), status);
    }

    fn on_end(&mut self, Ticket(number): Ticket, cx: &mut Cx<'_>) {
        cx.host.set_property(b"end", number.to_string().as_bytes());
    }

    fn overdue(&mut self) -> Vec<Ticket> {
        vec![Ticket(1)]
    }

    fn on_disconnection(&mut self, connection: u64, cx: &mut Cx<'_>) {
        cx.host.set_property(b"disconnection", connection.to_string().as_bytes());
    }

    fn on_close(&mut self, cx: &mut Cx<'_>) {
        cx.host.set_property(b"close", b"");
    }
}

fn root() -> u32 {
    tollgate_host::start::<Following>();
    let root = next_context();
    proxy_on_context_create(root, 0);
    answer_with([(OK, Some(b"null".to_vec())), (NOT_FOUND, None)]);
    assert!(proxy_on_configure(root, 4));
    root
}

fn stream(root: u32) -> u32 {
    let stream = next_context();
    proxy_on_context_create(stream, root);
    answer_with([lines(&[])]);
    assert_eq!(proxy_on_request_headers(stream, 0, true), CONTINUE);
    stream
}

/// Header lines in the host's encoding.
fn lines(pairs: &[(&str, &str)]) -> Answer {
    let number = |length: usize| u32::try_from(length).unwrap_or(0).to_le_bytes();
    let mut bytes = number(pairs.len()).to_vec();
    for (name, value) in pairs {
        bytes.extend(number(name.len()).into_iter().chain(number(value.len())));
    }
    for (name, value) in pairs {
        bytes.extend([name.as_bytes(), &[0], value.as_bytes(), &[0]].concat());
    }
    (OK, Some(bytes))
}

/// What was written down by the last calls.
fn told() -> Vec<String> {
    let written = calls().into_iter().filter(|Call { name, .. }| *name == "set property");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    written
        .map(|call| call.arguments.iter().map(|one| text(one)).collect::<Vec<_>>().join("="))
        .collect()
}

#[test]
fn a_request_that_is_followed_is_told_of_once_at_each_step() {
    let root = root();
    let (followed, other) = (stream(root), stream(root));
    answer_with([lines(&[(":status", "204")])]);
    assert_eq!(proxy_on_response_headers(followed, 0, true), CONTINUE);
    assert_eq!(told(), ["response 1=204"]);
    proxy_on_delete(followed);
    assert_eq!(told(), ["end=1"]);
    // Of the other one nothing is read.
    assert_eq!(proxy_on_response_headers(other, 0, true), CONTINUE);
    proxy_on_delete(other);
    assert_eq!(calls(), []);
    proxy_on_delete(followed);
    assert_eq!(calls(), []);
}

#[test]
fn an_end_without_a_response_is_an_end() {
    let root = root();
    let followed = stream(root);
    calls();
    proxy_on_delete(followed);
    assert_eq!(told(), ["end=1"]);
}

#[test]
fn a_response_that_cannot_be_read_is_not_told_of_and_passes() {
    let root = root();
    let followed = stream(root);
    answer_with([(BAD_ARGUMENT, None)]);
    assert_eq!(proxy_on_response_headers(followed, 0, true), CONTINUE);
    assert_eq!(told(), Vec::<String>::new());
}

#[test]
fn a_filter_that_is_deaf_to_responses_is_told_of_ends_alone() {
    let (root, deaf) = (root(), next_context());
    proxy_on_context_create(deaf, root);
    answer_with([lines(&[("x-deaf", "1")])]);
    assert_eq!(proxy_on_request_headers(deaf, 0, true), CONTINUE);
    calls();
    assert_eq!(proxy_on_response_headers(deaf, 0, true), CONTINUE);
    assert_eq!(calls(), []);
    proxy_on_delete(deaf);
    assert_eq!(told(), ["end=1"]);
}

#[test]
fn an_exchange_that_is_overdue_is_ended() {
    let root = root();
    let (overdue, other) = (stream(root), stream(root));
    calls();
    proxy_on_tick(root);
    let ended = calls().into_iter().map(|call| call.name).filter(|name| *name != "time");
    assert_eq!(ended.collect::<Vec<_>>(), ["turn", "close"]);
    proxy_on_delete(overdue);
    proxy_on_delete(other);
    calls();
    proxy_on_tick(root);
    assert!(calls().iter().all(|call| call.name == "time"));
}

#[test]
fn a_connection_is_told_of_when_it_closes() {
    let (root, connection) = (root(), next_context());
    proxy_on_context_create(connection, root);
    answer_with([(OK, Some(7_u64.to_le_bytes().to_vec()))]);
    assert_eq!(proxy_on_new_connection(connection), CONTINUE);
    calls();
    proxy_on_delete(connection);
    assert_eq!(told(), ["disconnection=7"]);
    // One whose number cannot be had is nobody's.
    let other = next_context();
    proxy_on_context_create(other, root);
    answer_with([(NOT_FOUND, None)]);
    assert_eq!(proxy_on_new_connection(other), CONTINUE);
    calls();
    proxy_on_delete(other);
    assert_eq!(calls(), []);
}

/// The calls, without those that are of no interest.
fn names() -> Vec<&'static str> {
    calls().into_iter().map(|call| call.name).filter(|name| *name != "time").collect()
}

/// A connection, and a request on it that gets the last answer.
fn last_answer(root: u32, protocol: &str) -> (u32, Vec<Call>) {
    let (connection, stream) = (next_context(), next_context());
    let number = (OK, Some(7_u64.to_le_bytes().to_vec()));
    proxy_on_context_create(connection, root);
    answer_with([number.clone()]);
    assert_eq!(proxy_on_new_connection(connection), CONTINUE);
    proxy_on_context_create(stream, root);
    let speaks = (OK, Some(protocol.as_bytes().to_vec()));
    answer_with([lines(&[("x-last", "1")]), (OK, None), speaks, (OK, None), (OK, None), number]);
    assert_eq!(proxy_on_request_headers(stream, 0, true), PAUSE);
    (connection, calls())
}

#[test]
fn a_connection_ends_that_had_its_last_answer() {
    let root = root();
    let (connection, made) = last_answer(root, "HTTP/1.1");
    let names_made: Vec<_> = made.iter().map(|call| call.name).collect();
    assert_eq!(names_made, ["pairs", "time", "property", "set", "set", "property", "respond"]);
    let answered = made.last().map(|call| call.arguments.concat()).unwrap_or_default();
    let answered = String::from_utf8_lossy(&answered).into_owned();
    assert!(answered.contains("connection\0upgrade, close\0upgrade\0HTTP/1.1"), "{answered}");
    proxy_on_tick(root);
    assert_eq!(names(), ["turn", "close"]);
    // Once is enough.
    proxy_on_tick(root);
    assert_eq!(names(), Vec::<&str>::new());
    proxy_on_delete(connection);
}

#[test]
fn one_that_others_may_use_too_goes_on() {
    let root = root();
    let (_, made) = last_answer(root, "HTTP/2");
    assert!(made.iter().all(|call| call.name != "set"), "{made:?}");
    proxy_on_tick(root);
    assert_eq!(names(), Vec::<&str>::new());
}

#[test]
fn one_that_is_closed_by_then_is_let_alone() {
    let root = root();
    let (connection, _) = last_answer(root, "HTTP/1.1");
    proxy_on_delete(connection);
    calls();
    proxy_on_tick(root);
    assert_eq!(names(), Vec::<&str>::new());
}

#[test]
fn a_plugin_that_goes_is_told_so() {
    let root = root();
    calls();
    proxy_on_delete(root);
    assert_eq!(told(), ["close="]);
}

#[test]
fn what_a_request_asks_for_is_its_answer() {
    let root = root();
    let stream = next_context();
    proxy_on_context_create(stream, root);
    answer_with([lines(&[("x-ask", "1")])]);
    assert_eq!(proxy_on_request_headers(stream, 0, true), PAUSE);
    let respond = calls().pop();
    let Some(Call { name: "respond", arguments, .. }) = respond else { panic!("{respond:?}") };
    assert!(arguments.contains(&b"following.told".to_vec()), "{arguments:?}");
    assert!(arguments.contains(&b"told".to_vec()), "{arguments:?}");
    // If even that is refused, the request ends.
    answer_with([lines(&[("x-ask", "1")]), (OK, None), (BAD_ARGUMENT, None)]);
    assert_eq!(proxy_on_request_headers(stream, 0, true), PAUSE);
    assert_eq!(calls().pop().map(|call| call.name), Some("close"));
}

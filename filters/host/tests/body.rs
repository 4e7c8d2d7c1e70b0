//! The host, and bodies that a filter wants to see before a request goes on.

#![cfg(not(target_family = "wasm"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod envoy_double;

use std::convert::Infallible;
use std::time::Duration;

use proptest::prelude::*;
use tollgate_core::{CallId, Cx, Edit, Edits, Filter, Problem, Reply, RequestHead, Seed, Verdict};

use envoy_double::module::{
    proxy_on_configure, proxy_on_context_create, proxy_on_http_call_response,
    proxy_on_request_body, proxy_on_request_headers, proxy_on_request_trailers,
};
use envoy_double::{Answer, Call, answer_with, calls, next_context};

const CONTINUE: u32 = 0;
const PAUSE: u32 = 1;
const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const BAD_ARGUMENT: u32 = 2;

const REFUSED: Problem = Problem { status: 403, name: "refused", title: "Refused" };

/// Wants every body, of up to eight bytes, and admits `good`. With a header
/// `x-ask` it asks another server as well, before it wants the body.
struct Reading {
    answered: bool,
}

impl Filter for Reading {
    const NAME: &'static str = "reading";
    type Spec = ();
    type Error = Infallible;

    fn compile((): (), _: Seed) -> Result<Self, Infallible> {
        Ok(Self { answered: false })
    }

    fn on_request(&mut self, head: &RequestHead<'_>, cx: &mut Cx<'_>) -> Verdict {
        if head.headers.get("x-ask").is_some() && !self.answered {
            let timeout = Duration::from_secs(1);
            let call = tollgate_core::Call { cluster: "c", headers: &[], body: b"", timeout };
            return cx.host.call(&call).map_or_else(
                |_| Verdict::Reply(Reply::new(REFUSED, "nobody to ask")),
                Verdict::Wait,
            );
        }
        Verdict::Body { bytes_max: 8 }
    }

    fn on_whole_request(&mut self, _: &RequestHead<'_>, body: &[u8], _: &mut Cx<'_>) -> Verdict {
        match body {
            b"good" | b"" => Verdict::Continue(Edits {
                request: vec![Edit::set("x-read", "1")],
                ..Edits::default()
            }),
            _ => Verdict::Reply(Reply::new(REFUSED, "a bad body")),
        }
    }

    fn on_answer(&mut self, _: CallId, _: &tollgate_core::Answer, _: &mut Cx<'_>) {
        self.answered = true;
    }
}

/// A root context that took its configuration.
fn root() -> u32 {
    tollgate_host::start::<Reading>();
    let root = next_context();
    proxy_on_context_create(root, 0);
    answer_with([(OK, Some(b"null".to_vec())), (NOT_FOUND, None)]);
    assert!(proxy_on_configure(root, 4), "{:?}", calls());
    root
}

fn stream_of(root: u32) -> u32 {
    let stream = next_context();
    proxy_on_context_create(stream, root);
    stream
}

fn stream() -> u32 {
    stream_of(root())
}

/// No lines, in the host's encoding.
fn no_lines() -> Answer {
    (OK, Some(vec![0; 4]))
}

/// The clock, and an answer without lines and body.
fn answered() -> [Answer; 3] {
    [(OK, None), no_lines(), (OK, None)]
}

fn names(calls: &[Call]) -> Vec<&'static str> {
    calls.iter().map(|call| call.name).collect()
}

/// One header line, in the host's encoding.
fn line(name: &str, value: &str) -> Answer {
    let mut bytes = vec![1, 0, 0, 0];
    for part in [name, value] {
        bytes.extend(u32::try_from(part.len()).unwrap().to_le_bytes());
    }
    for part in [name, value] {
        bytes.extend(part.bytes());
        bytes.push(0);
    }
    (OK, Some(bytes))
}

fn body(bytes: &str) -> Answer {
    (OK, Some(bytes.as_bytes().to_vec()))
}

/// What was answered, if the last call was an answer: its details.
fn refusal() -> Option<String> {
    let last = calls().pop()?;
    (last.name == "respond").then(|| String::from_utf8(last.arguments[0].clone()).unwrap())
}

/// A request whose head has come, and waits for the rest.
fn held() -> u32 {
    let stream = stream();
    answer_with([no_lines()]);
    assert_eq!(proxy_on_request_headers(stream, 0, false), PAUSE);
    assert_eq!(names(&calls()), ["pairs", "time"]);
    stream
}

#[test]
fn a_request_without_a_body_is_judged_once_and_at_once() {
    let stream = stream();
    answer_with([no_lines()]);
    assert_eq!(proxy_on_request_headers(stream, 0, true), CONTINUE);
    assert_eq!(names(&calls()), ["pairs", "time", "set"]);
}

#[test]
fn a_head_waits_for_its_body_and_passes_with_it() {
    let stream = held();
    assert_eq!(proxy_on_request_body(stream, 2, false), PAUSE);
    assert_eq!(names(&calls()), Vec::<&str>::new());
    answer_with([no_lines(), body("good")]);
    assert_eq!(proxy_on_request_body(stream, 4, true), CONTINUE);
    assert_eq!(names(&calls()), ["pairs", "buffer", "time", "set"]);
}

#[test]
fn a_body_that_ends_with_trailers_or_with_an_empty_piece_is_judged_then() {
    let trailed = held();
    assert_eq!(proxy_on_request_body(trailed, 4, false), PAUSE);
    answer_with([no_lines(), no_lines(), body("good")]);
    assert_eq!(proxy_on_request_trailers(trailed, 0), CONTINUE);
    assert_eq!(names(&calls()), ["pairs", "pairs", "buffer", "time", "set"]);

    let only_trailers = held();
    answer_with([no_lines(), no_lines()]);
    assert_eq!(proxy_on_request_trailers(only_trailers, 0), CONTINUE);
    assert_eq!(names(&calls()), ["pairs", "pairs", "time", "set"]);

    let empty = held();
    answer_with([no_lines()]);
    assert_eq!(proxy_on_request_body(empty, 0, true), CONTINUE);

    let ended_late = held();
    assert_eq!(proxy_on_request_body(ended_late, 4, false), PAUSE);
    // Whether Envoy counts what it holds or the last piece alone.
    answer_with([no_lines(), body("good")]);
    assert_eq!(proxy_on_request_body(ended_late, 0, true), CONTINUE);
}

#[test]
fn a_body_that_is_refused_takes_nothing_along() {
    let stream = held();
    answer_with([no_lines(), body("evil")]);
    assert_eq!(proxy_on_request_body(stream, 4, true), PAUSE);
    assert_eq!(refusal().unwrap(), "tollgate.refused");
    assert_eq!(proxy_on_request_body(stream, 4, true), PAUSE);
}

#[test]
fn what_was_refused_because_it_could_not_be_read_is_not_judged_again() {
    let stream = held();
    answer_with([(BAD_ARGUMENT, None)]);
    assert_eq!(proxy_on_request_body(stream, 0, true), PAUSE);
    assert_eq!(refusal().unwrap(), "tollgate.headers-unreadable");
    answer_with([no_lines(), body("good")]);
    assert_eq!(proxy_on_request_body(stream, 4, true), PAUSE);

    let trailed = held();
    answer_with([(BAD_ARGUMENT, None)]);
    assert_eq!(proxy_on_request_trailers(trailed, 0), PAUSE);
    answer_with([no_lines(), body("good")]);
    assert_eq!(proxy_on_request_body(trailed, 4, true), PAUSE);
}

#[test]
fn a_body_that_is_too_long_or_says_so_is_not_waited_for() {
    let stream = held();
    assert_eq!(proxy_on_request_body(stream, 8, false), PAUSE);
    answer_with([no_lines()]);
    assert_eq!(proxy_on_request_body(stream, 9, false), PAUSE);
    assert_eq!(refusal().unwrap(), "tollgate.body-too-large");
    assert_eq!(proxy_on_request_body(stream, 4, true), PAUSE);

    let root = root();
    for (length, expected) in [
        ("8", None),
        ("9", Some("tollgate.body-too-large")),
        ("18446744073709551616", None),
        ("-1", None),
        ("nine", None),
    ] {
        let stream = stream_of(root);
        answer_with([line("content-length", length)]);
        assert_eq!(proxy_on_request_headers(stream, 0, false), PAUSE, "{length}");
        assert_eq!(refusal().as_deref(), expected, "{length}");
    }
}

#[test]
fn what_is_handed_over_must_be_what_came() {
    for handed in [body("good!"), body("goo"), body(""), (BAD_ARGUMENT, None)] {
        let stream = held();
        answer_with([no_lines(), handed]);
        assert_eq!(proxy_on_request_body(stream, 4, true), PAUSE);
        assert_eq!(refusal().unwrap(), "tollgate.host-failed");
    }
}

#[test]
fn a_body_may_end_before_the_answer_comes() {
    for (call, bytes, last) in [(1, "good", "continue"), (2, "evil", "respond")] {
        let root = root();
        let stream = stream_of(root);
        answer_with([line("x-ask", "1")]);
        assert_eq!(proxy_on_request_headers(stream, 0, false), PAUSE);
        assert_eq!(names(&calls()), ["pairs", "time", "call"]);
        assert_eq!(proxy_on_request_body(stream, 4, true), PAUSE);
        let again = [(OK, None), line("x-ask", "1"), (OK, None), body(bytes)];
        answer_with(answered().into_iter().chain(again));
        proxy_on_http_call_response(root, call, 1, 3, 0);
        assert_eq!(names(&calls()).last(), Some(&last), "{bytes}");
    }
}

#[test]
fn a_request_that_could_not_be_refused_does_not_pass_with_its_body() {
    let stream = stream();
    answer_with([(BAD_ARGUMENT, None), (BAD_ARGUMENT, None), (BAD_ARGUMENT, None)]);
    assert_eq!(proxy_on_request_headers(stream, 0, false), PAUSE);
    assert_eq!(names(&calls()), ["pairs", "respond", "close"]);
    assert_eq!(proxy_on_request_body(stream, 4, true), PAUSE);
    assert_eq!(proxy_on_request_body(next_context(), 4, true), PAUSE);
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let status = prop_oneof![3 => Just(OK), 1 => 0u32..14];
    let bytes = prop_oneof![
        Just(None),
        Just(Some(vec![0; 4])),
        Just(Some(b"good".to_vec())),
        prop::collection::vec(any::<u8>(), 0..16).prop_map(Some),
    ];
    (status, bytes)
}

proptest! {
    /// Whatever comes in whatever order, nothing passes but a good body.
    #[test]
    fn whatever_the_host_answers_only_a_body_that_was_read_passes(
        script in prop::collection::vec(any_answer(), 0..12),
        pieces in prop::collection::vec((0usize..12, any::<bool>()), 0..5),
    ) {
        let stream = stream();
        answer_with([no_lines()]);
        prop_assert_eq!(proxy_on_request_headers(stream, 0, false), PAUSE);
        answer_with(script);
        for (bytes, end) in pieces {
            if proxy_on_request_body(stream, bytes, end) == CONTINUE {
                let made = calls();
                prop_assert!(made.iter().all(|call| call.status == OK), "{made:?}");
                break;
            }
        }
    }
}

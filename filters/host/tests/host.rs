//! The host against an Envoy that does not do what it is asked.

#![cfg(not(target_family = "wasm"))]

mod envoy_double;

use std::convert::Infallible;
use std::time::Duration;

use proptest::prelude::*;
use tollgate_core::{
    CallId, Cx, Edit, Edits, Filter, Hash, Headers, Problem, Reply, RequestHead, Seed,
    SignatureCheck, Verdict, Version, property,
};

use envoy_double::module::{
    proxy_on_configure, proxy_on_context_create, proxy_on_delete, proxy_on_http_call_response,
    proxy_on_request_body, proxy_on_request_headers, proxy_on_request_trailers,
    proxy_on_response_headers,
};
use envoy_double::{Answer, Call, answer_with, calls, next_context};

const CONTINUE: u32 = 0;
const PAUSE: u32 = 1;
const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const BAD_ARGUMENT: u32 = 2;
const CAS_MISMATCH: u32 = 8;

/// Changes headers, and refuses requests that have a header `x-refuse`.
struct Amending;

const REFUSED: Problem = Problem { status: 403, name: "refused", title: "Refused" };

impl Filter for Amending {
    const NAME: &'static str = "amending";
    type Spec = ();
    type Error = Infallible;

    fn compile((): (), _: Seed) -> Result<Self, Infallible> {
        Ok(Self)
    }

    fn on_request(&mut self, head: &RequestHead<'_>, _: &mut Cx<'_>) -> Verdict {
        if head.headers.get("x-refuse").is_some() {
            return Verdict::Reply(Reply::new(REFUSED, "as asked").with("retry-after", "1"));
        }
        Verdict::Continue(Edits {
            request: vec![Edit::remove("x-a"), Edit::add("x-b", "1"), Edit::set("x-c", "2")],
            response: vec![Edit::set("x-d", "3")],
            ..Edits::default()
        })
    }

    fn on_request_trailers(&self, _: &Headers) -> Vec<Edit> {
        vec![Edit::remove("x-a")]
    }
}

/// Asks the host for everything there is, and passes every request.
struct Asking;

impl Filter for Asking {
    const NAME: &'static str = "asking";
    type Spec = ();
    type Error = Infallible;

    fn compile((): (), _: Seed) -> Result<Self, Infallible> {
        Ok(Self)
    }

    fn on_request(&mut self, _: &RequestHead<'_>, cx: &mut Cx<'_>) -> Verdict {
        let Cx { host, .. } = cx;
        let _ = host.property(property::CALLER_ADDRESS);
        host.set_property(b"p", b"\xff");
        let version = host.load(b"k").map_or(Version::Absent, |(_, version)| version);
        let _ = host.store(b"k", b"v", version);
        let _ = host.verify_signature(&SignatureCheck {
            hash: Hash::Sha256,
            public_key: &[7; 300],
            signature: b"s",
            message: b"",
        });
        Verdict::Continue(Edits::default())
    }
}

/// Asks another server about every request, until it has said 200.
struct Curious {
    call: Option<CallId>,
    answers: Vec<tollgate_core::Answer>,
}

impl Filter for Curious {
    const NAME: &'static str = "curious";
    type Spec = ();
    type Error = Infallible;

    fn compile((): (), _: Seed) -> Result<Self, Infallible> {
        Ok(Self { call: None, answers: Vec::new() })
    }

    fn on_request(&mut self, _: &RequestHead<'_>, cx: &mut Cx<'_>) -> Verdict {
        if self.answers.iter().any(|answer| answer.status() == 200 && answer.body == b"yes") {
            return Verdict::Continue(Edits::default());
        }
        let headers = &[(":method", &b"POST"[..]), (":path", b"/"), (":authority", b"a")];
        let timeout = Duration::from_secs(1);
        let call = || tollgate_core::Call { cluster: "c", headers, body: b"who?", timeout };
        let Some(id) = self.call.or_else(|| cx.host.call(&call()).ok()) else {
            return Verdict::Reply(Reply::new(REFUSED, "nobody to ask"));
        };
        self.call = Some(id);
        Verdict::Wait(id)
    }

    fn on_answer(&mut self, id: CallId, answer: &tollgate_core::Answer, _: &mut Cx<'_>) {
        assert_eq!(self.call.take(), Some(id));
        self.answers.push(answer.clone());
    }
}

/// `{}` for [`Filter::Spec`] and no seed yet.
fn configured() -> Vec<Answer> {
    vec![(OK, Some(b"null".to_vec())), (NOT_FOUND, None)]
}

/// A root context, and whether it took its configuration.
fn root<F: Filter + 'static>(script: Vec<Answer>) -> (u32, bool) {
    tollgate_host::start::<F>();
    let root = next_context();
    proxy_on_context_create(root, 0);
    answer_with(script);
    (root, proxy_on_configure(root, 4))
}

fn stream<F: Filter + 'static>() -> u32 {
    let (root, ok) = root::<F>(configured());
    assert!(ok, "{:?}", calls());
    let stream = next_context();
    proxy_on_context_create(stream, root);
    stream
}

/// No lines, in the host's encoding.
fn no_lines() -> Answer {
    (OK, Some(vec![0; 4]))
}

fn names(calls: &[Call]) -> Vec<&'static str> {
    calls.iter().map(|call| call.name).collect()
}

#[test]
fn an_admitted_request_costs_one_call_for_its_lines_one_for_the_clock_and_one_an_edit() {
    let stream = stream::<Amending>();
    answer_with([no_lines()]);
    assert_eq!(proxy_on_request_headers(stream, 0, true), CONTINUE);
    assert_eq!(names(&calls()), ["pairs", "time", "remove", "add", "set"]);
    assert_eq!(proxy_on_response_headers(stream, 0, true), CONTINUE);
    assert_eq!(names(&calls()), ["set"]);
    // A second response is not edited twice.
    assert_eq!(proxy_on_response_headers(stream, 0, true), CONTINUE);
    assert_eq!(names(&calls()), Vec::<&str>::new());
}

#[test]
fn whatever_is_refused_on_the_way_the_request_does_not_pass() {
    for (refused, expected) in [
        (0, "headers-unreadable"),
        (1, "host-failed"),
        (2, "host-failed"),
        (3, "host-failed"),
        (4, "host-failed"),
    ] {
        let stream = stream::<Amending>();
        let mut script = vec![no_lines(), (OK, None), (OK, None), (OK, None), (OK, None)];
        script[refused] = (BAD_ARGUMENT, None);
        answer_with(script);
        assert_eq!(proxy_on_request_headers(stream, 0, true), PAUSE, "call {refused}");
        let last = calls().pop().unwrap();
        assert_eq!(last.name, "respond", "call {refused}");
        let details = String::from_utf8(last.arguments[0].clone()).unwrap();
        assert_eq!(details, format!("tollgate.{expected}"), "call {refused}");
        answer_with([]);
        proxy_on_response_headers(stream, 0, true);
        assert_eq!(names(&calls()), Vec::<&str>::new(), "an answer of ours is edited");
    }
}

#[test]
fn a_refusal_that_cannot_be_sent_ends_the_request() {
    let stream = stream::<Amending>();
    answer_with([(BAD_ARGUMENT, None), (BAD_ARGUMENT, None)]);
    assert_eq!(proxy_on_request_headers(stream, 0, true), PAUSE);
    assert_eq!(names(&calls()), ["pairs", "respond", "close"]);
}

#[test]
fn trailers_and_responses_that_cannot_be_changed_do_not_pass() {
    let trailed = stream::<Amending>();
    answer_with([no_lines(), (BAD_ARGUMENT, None)]);
    assert_eq!(proxy_on_request_trailers(trailed, 0), PAUSE);
    assert_eq!(names(&calls()), ["pairs", "remove", "respond"]);

    let answered = stream::<Amending>();
    answer_with([no_lines()]);
    assert_eq!(proxy_on_request_headers(answered, 0, true), CONTINUE);
    answer_with([(BAD_ARGUMENT, None)]);
    assert_eq!(proxy_on_response_headers(answered, 0, true), PAUSE);
    assert_eq!(names(&calls()), ["set", "respond"]);
}

#[test]
fn a_plugin_without_configuration_or_seed_is_refused_and_says_why() {
    let short = (OK, Some(vec![0; 15]));
    let null = || (OK, Some(b"null".to_vec()));
    for (script, expected) in [
        (
            vec![(BAD_ARGUMENT, None)],
            "amending: the configuration cannot be read: the proxy refused with status 2",
        ),
        (
            vec![(OK, Some(b"{".to_vec())), (NOT_FOUND, None)],
            "amending: .: invalid type: map, expected unit at line 1 column 0",
        ),
        (
            vec![(OK, None), (NOT_FOUND, None)],
            "amending: .: EOF while parsing a value at line 1 column 0",
        ),
        (
            vec![null(), (BAD_ARGUMENT, None)],
            "amending: the seed cannot be kept: shared data is unavailable",
        ),
        (
            vec![null(), short],
            "amending: the shared value \"tollgate.seed\" has 15 bytes and is not a seed; give this filter a vm_id of its own",
        ),
    ] {
        let (root, ok) = root::<Amending>(script);
        let log = calls().pop().unwrap();
        assert_eq!(log.name, "log");
        assert_eq!(String::from_utf8(log.arguments[0].clone()).unwrap(), expected);
        assert!(!ok, "{expected}");

        let stream = next_context();
        proxy_on_context_create(stream, root);
        answer_with([no_lines()]);
        assert_eq!(proxy_on_request_headers(stream, 0, true), PAUSE, "{expected}");
    }
}

#[test]
fn a_worker_that_draws_a_seed_too_late_takes_the_one_that_is_there() {
    let lost = [(CAS_MISMATCH, None), (OK, Some(vec![7; 16]))];
    let (_, ok) = root::<Amending>(configured().into_iter().chain(lost).collect());
    assert!(ok);
    assert_eq!(names(&calls()), ["buffer", "load", "store", "load"]);
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let status = prop_oneof![3 => Just(OK), 1 => 0u32..14, 1 => any::<u32>()];
    let bytes = prop_oneof![
        Just(None),
        Just(Some(vec![0; 4])),
        Just(Some(b"null".to_vec())),
        Just(Some(vec![1; 16])),
        Just(Some(b"\x01\0\0\0\x08\0\0\0\x01\0\0\0x-refuse\0\xff\0".to_vec())),
        prop::collection::vec(any::<u8>(), 0..64).prop_map(Some),
    ];
    (status, bytes)
}

/// Everything that happens to a stream, in order.
fn live(root: u32) {
    let stream = next_context();
    proxy_on_context_create(stream, root);
    let passed = proxy_on_request_headers(stream, 0, false) == CONTINUE;
    let refused = calls().iter().any(|call| call.status != OK && call.name != "respond");
    assert!(!(passed && refused), "passed though the host refused something");
    proxy_on_request_body(stream, 1, false);
    proxy_on_request_trailers(stream, 0);
    proxy_on_http_call_response(root, 1, 0, 0, 0);
    proxy_on_response_headers(stream, 0, false);
    proxy_on_delete(stream);
}

/// `:status: 200`, in the host's encoding.
fn said_yes() -> [Answer; 3] {
    let ok = b"\x01\0\0\0\x07\0\0\0\x03\0\0\0:status\x00200\0";
    [(OK, None), (OK, Some(ok.to_vec())), (OK, Some(b"yes".to_vec()))]
}

fn streams_of(root: u32) -> [u32; 3] {
    [(); 3].map(|()| {
        let stream = next_context();
        proxy_on_context_create(stream, root);
        stream
    })
}

#[test]
fn a_request_waits_for_an_answer_and_nothing_of_it_passes_meanwhile() {
    let (root, _) = root::<Curious>(configured());
    let [stream, ..] = streams_of(root);
    answer_with([no_lines()]);
    assert_eq!(proxy_on_request_headers(stream, 0, false), PAUSE);
    let made = calls();
    assert_eq!(names(&made), ["pairs", "time", "call"]);
    assert_eq!(made[2].arguments[0], b"c");
    assert_eq!(made[2].arguments[2], b"who?");
    assert_eq!(proxy_on_request_body(stream, 1, false), PAUSE);
    answer_with([no_lines()]);
    assert_eq!(proxy_on_request_trailers(stream, 0), PAUSE);
    // Somebody else's answer is no reason to go on.
    answer_with([]);
    proxy_on_http_call_response(next_context(), 7_000, 0, 0, 0);
    assert_eq!(names(&calls()), Vec::<&str>::new());
    answer_with(said_yes().into_iter().chain([(OK, None), no_lines()]));
    proxy_on_http_call_response(root, 1, 1, 3, 0);
    assert_eq!(names(&calls()), ["time", "pairs", "buffer", "turn", "pairs", "time", "continue"]);
    assert_eq!(proxy_on_request_body(stream, 1, false), CONTINUE);
}

#[test]
fn one_answer_is_for_all_who_wait_for_it_and_are_still_there() {
    let (root, _) = root::<Curious>(configured());
    let [first, gone, last] = streams_of(root);
    for stream in [first, gone, last] {
        answer_with([no_lines()]);
        assert_eq!(proxy_on_request_headers(stream, 0, true), PAUSE);
    }
    proxy_on_delete(gone);
    let again = [(OK, None), no_lines(), (OK, None), (OK, None)];
    answer_with(said_yes().into_iter().chain(again.clone()).chain(again));
    proxy_on_http_call_response(root, 1, 1, 3, 0);
    let made = calls();
    assert_eq!(names(&made).iter().filter(|name| **name == "turn").count(), 2);
    assert_eq!(names(&made).iter().filter(|name| **name == "continue").count(), 2);
}

#[test]
fn a_request_does_not_wait_forever() {
    let (root, _) = root::<Curious>(configured());
    let [stream, ..] = streams_of(root);
    answer_with([no_lines()]);
    assert_eq!(proxy_on_request_headers(stream, 0, true), PAUSE);
    for call in 1..=8 {
        assert_eq!(names(&calls()).last(), Some(&"call"), "{call}");
        answer_with([(OK, None), no_lines(), (OK, None), (OK, None), no_lines()]);
        proxy_on_http_call_response(root, call, 0, 0, 0);
    }
    let made = calls();
    let respond = made.last().unwrap();
    assert_eq!(respond.name, "respond");
    let body = String::from_utf8_lossy(&respond.arguments[1]).into_owned();
    assert!(body.contains("the filter never had all the answers that it waited for"), "{body}");
}

#[test]
fn a_request_that_cannot_go_on_is_ended() {
    let (root, _) = root::<Curious>(configured());
    let [stream, ..] = streams_of(root);
    answer_with([no_lines()]);
    assert_eq!(proxy_on_request_headers(stream, 0, true), PAUSE);
    let refused = [(OK, None), no_lines(), (OK, None), (1, None)];
    answer_with(said_yes().into_iter().chain(refused));
    proxy_on_http_call_response(root, 1, 1, 3, 0);
    assert_eq!(names(&calls()).last(), Some(&"close"));
}

proptest! {
    /// A panic would cross `extern "C"` and end the whole test program.
    #[test]
    fn whatever_the_host_answers_nothing_panics_and_nothing_passes_that_it_refused(
        script in prop::collection::vec(any_answer(), 0..24),
        configured_first: bool,
    ) {
        let mut script = script;
        if configured_first {
            script.splice(0..0, configured().into_iter().chain([(OK, None)]));
        }
        let (root, _) = root::<Amending>(script);
        calls();
        live(root);
    }

    #[test]
    fn whatever_the_host_answers_a_filter_that_asks_gets_an_answer(
        script in prop::collection::vec(any_answer(), 0..24),
    ) {
        let (root, _) = root::<Asking>(configured());
        let stream = next_context();
        proxy_on_context_create(stream, root);
        answer_with([no_lines(), (OK, None)].into_iter().chain(script));
        prop_assert_eq!(proxy_on_request_headers(stream, 0, false), CONTINUE);
    }
}

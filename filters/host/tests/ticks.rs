//! What a filter does whether requests come or not.

#![cfg(not(target_family = "wasm"))]

mod envoy_double;

use std::convert::Infallible;
use std::time::Duration;

use proptest::prelude::*;
use tollgate_core::{
    Cx, Edits, Filter, GrpcAnswer, GrpcCall, GrpcCallId, RequestHead, Seed, Verdict,
};

use envoy_double::module::{
    proxy_on_configure, proxy_on_context_create, proxy_on_delete, proxy_on_grpc_close,
    proxy_on_grpc_receive, proxy_on_tick,
};
use envoy_double::{Answer, Call, answer_with, calls, next_context};

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const BAD_ARGUMENT: u32 = 2;

/// Calls a method at every tick, and shows how long the last answer was.
struct Polling {
    call: Option<GrpcCallId>,
}

impl Filter for Polling {
    const NAME: &'static str = "polling";
    type Spec = ();
    type Error = Infallible;

    fn compile((): (), _: Seed) -> Result<Self, Infallible> {
        Ok(Self { call: None })
    }

    fn tick_period(&self) -> Option<Duration> {
        Some(Duration::from_millis(250))
    }

    fn on_tick(&mut self, cx: &mut Cx<'_>) {
        let timeout = Duration::from_secs(1);
        let (cluster, service, method) = ("c", "pkg.S", "M");
        self.call =
            cx.host.call_grpc(&GrpcCall { cluster, service, method, message: b"m", timeout }).ok();
    }

    fn on_grpc_answer(&mut self, id: GrpcCallId, answer: &GrpcAnswer, cx: &mut Cx<'_>) {
        let known = u64::from(self.call == Some(id));
        cx.host.gauge("polling.known", known);
        let bytes = answer.as_ref().map_or(0, Vec::len);
        cx.host.gauge("polling.bytes", u64::try_from(bytes).unwrap_or(0));
    }

    fn on_request(&mut self, _: &RequestHead<'_>, _: &mut Cx<'_>) -> Verdict {
        Verdict::Continue(Edits::default())
    }
}

fn configured(tick: u32) -> bool {
    let mut script = vec![(OK, Some(b"null".to_vec())), (NOT_FOUND, None), (OK, None)];
    script.push((tick, None));
    answer_with(script);
    proxy_on_configure(root(), 4)
}

fn root() -> u32 {
    tollgate_host::start::<Polling>();
    let root = next_context();
    proxy_on_context_create(root, 0);
    root
}

fn live() -> u32 {
    let root = root();
    answer_with([(OK, Some(b"null".to_vec())), (NOT_FOUND, None)]);
    assert!(proxy_on_configure(root, 4));
    calls();
    root
}

fn names(calls: &[Call]) -> Vec<&'static str> {
    calls.iter().map(|call| call.name).collect()
}

#[test]
fn a_plugin_that_would_never_be_ticked_is_refused() {
    assert!(configured(OK));
    assert_eq!(names(&calls()), ["buffer", "load", "store", "tick"]);
    assert!(!configured(BAD_ARGUMENT));
    assert_eq!(calls().pop().unwrap().name, "log");
}

#[test]
fn a_tick_calls_and_the_message_comes_back() {
    let root = live();
    proxy_on_tick(root);
    let made = calls();
    assert_eq!(names(&made), ["time", "grpc call"]);
    assert_eq!(made[1].arguments, [&b"c"[..], b"pkg.S", b"M", b"m"]);
    answer_with([(OK, None), (OK, Some(b"four".to_vec()))]);
    proxy_on_grpc_receive(root, 1, 4);
    assert_eq!(names(&calls()), ["buffer", "time", "gauge", "record", "gauge", "record"]);
    // The gauges are there now.
    proxy_on_grpc_close(root, 1, 14);
    assert_eq!(names(&calls()), ["time", "record", "record"]);
}

#[test]
fn a_message_that_is_too_long_is_not_even_read() {
    let root = live();
    proxy_on_grpc_receive(root, 1, 1024 * 1024 + 1);
    assert!(!names(&calls()).contains(&"buffer"));
    proxy_on_grpc_receive(root, 1, 1024 * 1024);
    assert!(names(&calls()).contains(&"buffer"));
}

#[test]
fn numbers_that_nobody_knows_are_passed_over() {
    let root = live();
    proxy_on_delete(root);
    // It is told that it goes.
    assert_eq!(names(&calls()), ["time"]);
    for id in [root, 0, u32::MAX] {
        proxy_on_tick(id);
        proxy_on_grpc_receive(id, 7, 4);
        proxy_on_grpc_close(id, 7, 14);
    }
    assert_eq!(names(&calls()), Vec::<&str>::new());
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let bytes = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40));
    (prop_oneof![Just(OK), 0..12u32], bytes)
}

proptest! {
    #[test]
    fn whatever_the_host_answers_nothing_panics(
        script in proptest::collection::vec(any_answer(), 0..12),
        call: u32, bytes: usize, status: u32,
    ) {
        let root = live();
        answer_with(script);
        proxy_on_tick(root);
        proxy_on_grpc_receive(root, call, bytes);
        proxy_on_grpc_close(root, call, status);
    }
}

//! The fused module, but that its virtual machines end when they are told to:
//! what becomes of an Envoy then cannot be seen with one that never traps.
//!
//! A test's request with the header `x-trap` says which: `here`, that of the
//! worker which has the request, or `elected`, that of the thread which keeps
//! up with the control plane.

use std::process;
use std::time::Duration;

use tollgate_core::{
    Answer, CallId, Cx, Edit, Filter, GrpcAnswer, GrpcCallId, Headers, Host, RequestHead, Seed,
    Ticket, Verdict, Version,
};
use tollgate_gateway::{Gateway, GatewaySpec, InvalidGateway};

tollgate_host::serve!(Trapping);

struct Trapping(Gateway);

/// In shared data: whether the elected one is to trap.
const ORDER: &[u8] = b"trapping.order";

/// Where the workers agree on who is the elected one.
const LEASE: &[u8] = b"tollgate.sync.lease";

/// How many have trapped because they were elected.
const TRAPS: &str = "trapping.elected";
const TRAPS_KEY: &[u8] = b"trapping.elected";

// === impl Trapping ===

impl Filter for Trapping {
    const NAME: &'static str = Gateway::NAME;
    type Spec = GatewaySpec;
    type Error = InvalidGateway;

    fn compile(spec: GatewaySpec, seed: Seed) -> Result<Self, InvalidGateway> {
        Gateway::compile(spec, seed).map(Self)
    }

    fn prepare(&mut self, host: &mut dyn Host) {
        self.0.prepare(host);
    }

    fn tick_period(&self) -> Option<Duration> {
        self.0.tick_period()
    }

    fn on_tick(&mut self, cx: &mut Cx<'_>) {
        let lease = load(LEASE, cx.host);
        self.0.on_tick(cx);
        let is_elected = load(LEASE, cx.host) != lease;
        if is_elected && load(ORDER, cx.host).0 == Some(vec![1]) {
            store(ORDER, 0, cx.host);
            let traps = load(TRAPS_KEY, cx.host).0.and_then(|traps| traps.first().copied());
            let traps = traps.unwrap_or_default().wrapping_add(1);
            store(TRAPS_KEY, traps, cx.host);
            cx.host.gauge(TRAPS, traps.into());
            process::abort();
        }
    }

    fn on_request(&mut self, head: &RequestHead<'_>, cx: &mut Cx<'_>) -> Verdict {
        obey(head, cx.host);
        self.0.on_request(head, cx)
    }

    fn on_whole_request(
        &mut self,
        head: &RequestHead<'_>,
        body: &[u8],
        cx: &mut Cx<'_>,
    ) -> Verdict {
        obey(head, cx.host);
        self.0.on_whole_request(head, body, cx)
    }

    fn on_answer(&mut self, id: CallId, answer: &Answer, cx: &mut Cx<'_>) {
        self.0.on_answer(id, answer, cx);
    }

    fn on_grpc_answer(&mut self, id: GrpcCallId, answer: &GrpcAnswer, cx: &mut Cx<'_>) {
        self.0.on_grpc_answer(id, answer, cx);
    }

    fn on_response(&mut self, ticket: Ticket, headers: &Headers, cx: &mut Cx<'_>) {
        self.0.on_response(ticket, headers, cx);
    }

    fn on_end(&mut self, ticket: Ticket, cx: &mut Cx<'_>) {
        self.0.on_end(ticket, cx);
    }

    fn overdue(&mut self) -> Vec<Ticket> {
        self.0.overdue()
    }

    fn on_connection(&mut self, connection: u64) {
        self.0.on_connection(connection);
    }

    fn on_disconnection(&mut self, connection: u64, cx: &mut Cx<'_>) {
        self.0.on_disconnection(connection, cx);
    }

    fn on_close(&mut self, cx: &mut Cx<'_>) {
        self.0.on_close(cx);
    }

    fn on_request_trailers(&self, trailers: &Headers) -> Vec<Edit> {
        self.0.on_request_trailers(trailers)
    }
}

fn obey(head: &RequestHead<'_>, host: &mut dyn Host) {
    match head.headers.get("x-trap") {
        Some(b"here") => process::abort(),
        Some(b"elected") => store(ORDER, 1, host),
        _ => {}
    }
}

fn load(key: &[u8], host: &mut dyn Host) -> (Option<Vec<u8>>, Version) {
    host.load(key).unwrap_or((None, Version::Absent))
}

fn store(key: &[u8], value: u8, host: &mut dyn Host) {
    let (_, version) = load(key, host);
    host.store(key, &[value], version).ok();
}

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::{
    Answer, Call, CallId, CallRefused, CanonicalPath, Content, Edit, Edits, GrpcAnswer, GrpcCall,
    GrpcCallId, Headers, Reply, Seed, Ticket, Timestamp,
};

/// A policy that has been checked and compiled, ready to judge requests.
pub trait Filter: Sized {
    /// The name in configuration, metrics and logs, for example `rate-limit`.
    const NAME: &'static str;

    /// What is written in the plugin configuration, as JSON.
    type Spec: DeserializeOwned;

    /// Why a well-formed spec can still be refused.
    type Error: std::error::Error;

    /// Turns what was written into what is enforced.
    ///
    /// Runs once per configuration and worker, on the worker's event loop, so
    /// it decides and allocates early but must stay short. `seed` is random.
    fn compile(spec: Self::Spec, seed: Seed) -> Result<Self, Self::Error>;

    /// Creates what the filter keeps in shared data, and learns what is there.
    ///
    /// The host calls it after every successful [`Filter::compile`]: once on
    /// Envoy's main thread, before any worker does. Workers thus find
    /// everything in place, and none has to create it while requests wait.
    fn prepare(&mut self, host: &mut dyn Host) {
        let _ = host;
    }

    /// How often [`Filter::on_tick`] runs, in steps of a millisecond; never by
    /// default.
    fn tick_period(&self) -> Option<Duration> {
        None
    }

    /// Does what is to be done whether requests come or not. Runs on every
    /// worker and on Envoy's main thread.
    fn on_tick(&mut self, cx: &mut Cx<'_>) {
        let _ = cx;
    }

    /// Judges one request by its head. Runs again from the start for a request
    /// that waited.
    ///
    /// `&mut self` because a worker remembers: verified identities, compiled
    /// contracts. What it remembers never changes a verdict, only its cost.
    fn on_request(&mut self, head: &RequestHead<'_>, cx: &mut Cx<'_>) -> Verdict;

    /// Judges one request that is there as a whole: one without a body, at once,
    /// and one whose body was asked for by [`Verdict::Body`], once it has ended.
    fn on_whole_request(
        &mut self,
        head: &RequestHead<'_>,
        body: &[u8],
        cx: &mut Cx<'_>,
    ) -> Verdict {
        let _ = body;
        self.on_request(head, cx)
    }

    /// Learns what a call was answered that [`Filter::on_request`] made. The
    /// requests that wait for it are judged anew right after.
    fn on_answer(&mut self, id: CallId, answer: &Answer, cx: &mut Cx<'_>) {
        let _ = (id, answer, cx);
    }

    /// Learns what became of a call that [`Filter::on_tick`] made.
    fn on_grpc_answer(&mut self, id: GrpcCallId, answer: &GrpcAnswer, cx: &mut Cx<'_>) {
        let _ = (id, answer, cx);
    }

    /// Learns the head of the response to a request that it follows, as the
    /// backend or Envoy gave it, if it [asked for that](Edits::hears_response).
    fn on_response(&mut self, ticket: Ticket, headers: &Headers, cx: &mut Cx<'_>) {
        let _ = (ticket, headers, cx);
    }

    /// Learns that an exchange is over that it follows, however it ended. The
    /// stream's properties can still be read. Runs once for each ticket.
    fn on_end(&mut self, ticket: Ticket, cx: &mut Cx<'_>) {
        let _ = (ticket, cx);
    }

    /// Which of the exchanges that it follows are to end now; asked after each tick,
    /// of every filter in the virtual machine.
    fn overdue(&mut self) -> Vec<Ticket> {
        Vec::new()
    }

    /// Learns that a connection was made, before anything came on it, where Envoy
    /// has the module among the filters of connections too.
    fn on_connection(&mut self, connection: u64) {
        let _ = connection;
    }

    /// Learns that such a connection is closed.
    fn on_disconnection(&mut self, connection: u64, cx: &mut Cx<'_>) {
        let _ = (connection, cx);
    }

    /// Puts what a worker keeps back to where others find it: another
    /// configuration has taken the place of this one, and no request of it is
    /// left.
    fn on_close(&mut self, cx: &mut Cx<'_>) {
        let _ = cx;
    }

    /// What is done to trailers that follow a request's body.
    fn on_request_trailers(&self, trailers: &Headers) -> Vec<Edit> {
        let _ = trailers;
        Vec::new()
    }
}

/// The part of a request that is known before its body arrives.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// Every header line, pseudo-headers (`:path`) included.
    pub headers: &'a Headers,
}

impl<'a> RequestHead<'a> {
    /// The method; empty when the host knows none.
    pub fn method(&self) -> &'a [u8] {
        self.headers.get(":method").unwrap_or_default()
    }

    /// The path and query as Envoy routed by them.
    pub fn target(&self) -> &'a [u8] {
        self.headers.get(":path").unwrap_or_default()
    }

    /// The path in its one canonical form, or why it has none.
    pub fn path(&self) -> Result<CanonicalPath<'a>, crate::AmbiguousPath> {
        CanonicalPath::parse(self.target())
    }
}

/// The world while one request is judged.
pub struct Cx<'a> {
    /// When the request is judged.
    pub now: Timestamp,
    /// What else may be asked.
    pub host: &'a mut dyn Host,
}

/// What a filter may ask of the proxy it runs in. Each call costs 0.1 to 1 µs.
pub trait Host {
    /// A property of the stream or its route, by the path of [`property`].
    fn property(&mut self, path: &[u8]) -> Option<Vec<u8>>;

    /// Leaves bytes for filters that run after this one on the same stream.
    fn set_property(&mut self, path: &[u8], value: &[u8]);

    /// What is shared by all workers of this Envoy under `key`.
    fn load(&mut self, key: &[u8]) -> Result<(Option<Vec<u8>>, Version), SharedDataUnavailable>;

    /// Replaces what stands at `key`; false if it changed since `version`.
    fn store(
        &mut self,
        key: &[u8],
        value: &[u8],
        version: Version,
    ) -> Result<bool, SharedDataUnavailable>;

    /// Sends a request to another server. Its answer, or that there is none,
    /// comes to [`Filter::on_answer`] within `timeout`.
    fn call(&mut self, call: &Call<'_>) -> Result<CallId, CallRefused>;

    /// Calls a gRPC method of another server. Its answer, or that there is none,
    /// comes to [`Filter::on_grpc_answer`] within `timeout`.
    fn call_grpc(&mut self, call: &GrpcCall<'_>) -> Result<GrpcCallId, CallRefused>;

    /// Shows a number among Envoy's statistics, as `wasmcustom.NAME`, until
    /// another takes its place. Names are few: Envoy forgets none.
    fn gauge(&mut self, name: &str, value: u64);

    /// Counts one more of something among Envoy's statistics, as `wasmcustom.NAME`.
    fn count(&mut self, name: &'static str);

    /// Verifies an RSA (PKCS#1 v1.5) or ECDSA signature.
    fn verify_signature(
        &mut self,
        check: &SignatureCheck<'_>,
    ) -> Result<bool, SignatureUnsupported>;
}

/// Paths of properties that Envoy knows; parts are separated by a zero byte.
pub mod property {
    /// The address and port of the caller, after trusted hops were taken off.
    pub const CALLER_ADDRESS: &[u8] = b"source\0address";

    /// How many bytes the body of the request has, as far as it came: a number
    /// of eight bytes, little-endian.
    pub const REQUEST_BYTES: &[u8] = b"request\0size";

    /// How many bytes the body of the response has, as far as it was sent,
    /// likewise.
    pub const RESPONSE_BYTES: &[u8] = b"response\0size";

    /// Which of Envoy's connections the stream is on: a number of eight bytes,
    /// little-endian.
    pub const CONNECTION: &[u8] = b"connection\0id";

    /// What the stream speaks: `HTTP/1.1` or `HTTP/2`.
    pub const PROTOCOL: &[u8] = b"request\0protocol";

    /// Why the response is what it is, in Envoy's words.
    pub const DETAILS: &[u8] = b"response\0code_details";

    /// The cluster that Envoy chose.
    pub const CLUSTER: &[u8] = b"xds\0cluster_name";

    /// What was under way when the request was let in or refused, for the access
    /// log: `tenant=3/50 backend=17/500`.
    pub const IN_FLIGHT: &[u8] = b"tollgate.in_flight";

    /// The name of the route that Envoy took; empty when it has none.
    pub const ROUTE_NAME: &[u8] = b"xds\0route_name";

    /// Who is calling, in JSON, as the auth module leaves it for those after it.
    pub const PRINCIPAL: &[u8] = b"tollgate.principal";

    /// What would have refused the request, were it not that the stage is only
    /// reported: the response-code details of that refusal, for the access log.
    pub const SHADOW: &[u8] = b"tollgate.shadow";
}

/// Which state of a shared value was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Version {
    /// There was none.
    Absent,
    /// The host's number for it.
    Seen(u32),
}

/// Shared data could not be read or written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("shared data is unavailable")]
pub struct SharedDataUnavailable;

/// A signature to verify.
#[derive(Clone, Copy, Debug)]
pub struct SignatureCheck<'a> {
    /// The hash that was signed.
    pub hash: Hash,
    /// The public key: DER, `SubjectPublicKeyInfo`.
    pub public_key: &'a [u8],
    /// The signature: PKCS#1 v1.5 as it is, ECDSA as a DER sequence of r and s.
    pub signature: &'a [u8],
    /// What was signed.
    pub message: &'a [u8],
}

/// A hash function that goes with a signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// The host verifies no signatures; the filter has to do it itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the host verifies no signatures")]
pub struct SignatureUnsupported;

/// Enough for any contention that is not itself a fault.
const UPDATE_TRIES_MAX: u32 = 16;

/// Replaces what stands at `key` by what `step` makes of it, or leaves it if
/// `step` returns `None`. `step` runs again whenever another worker got in
/// first, so it must not do anything that counts twice.
pub fn update<T>(
    key: &[u8],
    host: &mut dyn Host,
    mut step: impl FnMut(Option<Vec<u8>>) -> (T, Option<Vec<u8>>),
) -> Result<T, SharedDataUnavailable> {
    for _ in 0..UPDATE_TRIES_MAX {
        let (old, version) = host.load(key)?;
        let (out, new) = step(old);
        let Some(new) = new else { return Ok(out) };
        if host.store(key, &new, version)? {
            return Ok(out);
        }
    }
    Err(SharedDataUnavailable)
}

/// What becomes of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It goes on, changed like this.
    Continue(Edits),
    /// It ends here, with this answer.
    Reply(Reply),
    /// It ends here, and is answered with what it asked the gateway for.
    Answer(Content),
    /// It waits for the answer to a call, and is then judged again.
    Wait(CallId),
    /// It waits for its whole body, and is then judged again, with it.
    Body {
        /// A longer body is not waited for: the request is answered 413.
        bytes_max: usize,
    },
}

impl From<Reply> for Verdict {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

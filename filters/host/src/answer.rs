use tollgate_core::{Content, Headers, Reply, is_header_value};

use crate::abi::{self, LocalResponse, Status};
use crate::connection;
use crate::pairs;

/// What an answer must know of the request it answers.
pub(crate) struct Asked<'a> {
    /// The id that Envoy gave the request, to be quoted to whoever can look it up.
    request_id: Option<&'a str>,
    /// Whether the caller reads `grpc-status` rather than a body.
    grpc: bool,
}

/// Longer ids are the caller's, not Envoy's, and are not repeated.
const REQUEST_ID_BYTES_MAX: usize = 128;

impl<'a> Asked<'a> {
    /// By the headers of the request.
    pub(crate) fn by(headers: &'a Headers) -> Self {
        let id = headers.get("x-request-id").filter(|id| id.len() <= REQUEST_ID_BYTES_MAX);
        Self {
            request_id: id.and_then(|id| str::from_utf8(id).ok()),
            grpc: headers.get("content-type").is_some_and(is_grpc),
        }
    }

    /// When the headers of the request cannot be read.
    pub(crate) const UNKNOWN: Self = Self { request_id: None, grpc: false };
}

/// As Envoy decides it (`Grpc::Common::hasGrpcContentType`).
fn is_grpc(content_type: &[u8]) -> bool {
    let suffix = content_type.strip_prefix(b"application/grpc");
    suffix.is_some_and(|suffix| suffix.is_empty() || suffix.starts_with(b"+"))
}

/// Ends a request with an answer; if even that is refused, without one.
pub(crate) fn send(reply: &Reply, asked: &Asked<'_>) {
    if respond(reply, asked).is_err() {
        // Whatever comes of it, the caller pauses the stream, so it ends by
        // Envoy's timeouts at the latest.
        let _ = abi::reset_request();
    }
}

/// Answers a request with what it asked for.
pub(crate) fn give(content: &Content) {
    let headers = [("content-type", content.media_type.as_bytes()), NOT_KEPT];
    let response = LocalResponse {
        status: 200,
        details: content.details.as_bytes(),
        body: content.body.as_bytes(),
        headers: &pairs::encode(&headers),
        grpc_status: 0,
    };
    if abi::send_local_response(&response).is_err() {
        let _ = abi::reset_request();
    }
}

/// It is about one caller, and true for a moment.
const NOT_KEPT: (&str, &[u8]) = ("cache-control", b"no-store");

fn respond(reply: &Reply, asked: &Asked<'_>) -> Result<(), Status> {
    abi::send_local_response(&LocalResponse {
        status: reply.problem.status,
        details: reply.details().as_bytes(),
        body: body(reply, asked).as_bytes(),
        headers: &headers(reply, asked),
        // Envoy uses it for callers of gRPC methods and for no others.
        grpc_status: reply.problem.grpc_status(),
    })
}

/// Envoy makes the body the `grpc-message` of a gRPC answer, which is read by
/// people and not parsed.
fn body(reply: &Reply, asked: &Asked<'_>) -> String {
    if asked.grpc { reply.detail.clone().into_owned() } else { reply.body(asked.request_id) }
}

fn headers(reply: &Reply, asked: &Asked<'_>) -> Vec<u8> {
    let mut headers: Vec<(&str, &[u8])> = Vec::with_capacity(2);
    if connection::ends_with(reply) {
        headers.extend(connection::LAST_ANSWER);
    }
    if asked.grpc {
        headers.extend(asked.request_id.map(|id| ("x-request-id", id.as_bytes())));
    } else {
        headers.push(("content-type", b"application/problem+json"));
    }
    let others = reply.headers.iter().filter(|(name, _)| *name != "connection");
    headers.extend(others.map(|(name, value)| (*name, value.as_bytes())));
    headers.retain(|(_, value)| is_header_value(value));
    pairs::encode(&headers)
}

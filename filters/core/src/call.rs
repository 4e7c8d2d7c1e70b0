use std::time::Duration;

use crate::Headers;

/// A request to another server.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The cluster to send it to, by its name in Envoy's configuration.
    pub cluster: &'a str,
    /// `:method`, `:path` and `:authority` first, then any others.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body.
    pub body: &'a [u8],
    /// How long to wait for the whole answer, in steps of a millisecond.
    pub timeout: Duration,
}

/// The host's number for a call under way. Numbers are not used twice.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CallId(pub u32);

/// What came of a call. Where there was no answer the host makes one up: 503
/// without a connection, 504 after the timeout, no status at all after a reset.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Answer {
    /// The headers; those that cannot be read are none.
    pub headers: Headers,
    /// The body, unless it is longer than 1 MiB: then it is cut off there.
    pub body: Vec<u8>,
}

// === impl Answer ===

impl Answer {
    /// The status code; 0 without an answer.
    pub fn status(&self) -> u16 {
        let text = self.headers.get(":status").and_then(|value| str::from_utf8(value).ok());
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

/// The call was not made: the host does not know the cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the call could not be made")]
pub struct CallRefused;

/// A call of a gRPC method that has one request and one answer.
#[derive(Clone, Copy, Debug)]
pub struct GrpcCall<'a> {
    /// The cluster to send it to, by its name in Envoy's configuration; it must
    /// speak HTTP/2.
    pub cluster: &'a str,
    /// The service, with its package: `tollgate.sync.v1.Sync`.
    pub service: &'a str,
    /// The method.
    pub method: &'a str,
    /// The request, encoded.
    pub message: &'a [u8],
    /// How long to wait for the whole answer, in steps of a millisecond.
    pub timeout: Duration,
}

/// The host's number for a gRPC call under way. Apart from [`CallId`], because
/// Envoy counts the two apart.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct GrpcCallId(pub u32);

/// What came of a gRPC call: the message, or the status (`google.rpc.Code`)
/// that stands for it. Without a connection that is 14, after the timeout 4.
pub type GrpcAnswer = Result<Vec<u8>, GrpcFailed>;

/// A gRPC call that was not answered with a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the call ended with gRPC status {0}")]
pub struct GrpcFailed(pub u32);

// === impl GrpcFailed ===

impl GrpcFailed {
    /// The message is longer than 1 MiB, or could not be read.
    pub const RESOURCE_EXHAUSTED: Self = Self(8);
}

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
    /// The body, unless it is longer than 64 KiB: then it is cut off there.
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

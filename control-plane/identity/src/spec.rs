use std::collections::BTreeMap;
use std::time::Duration;

use crate::Secret;

/// Whom to ask about tokens.
#[derive(Clone, Debug)]
pub struct FrontSpec {
    /// Identity providers, by the name that callers ask for.
    pub sources: BTreeMap<String, SourceSpec>,

    /// How many bytes of memory the claims of good tokens may take.
    pub memory_bytes_max: usize,
}

/// One identity provider's introspection endpoint (RFC 7662).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceSpec {
    /// Where it is: `https`, or `http` on loopback.
    pub url: String,

    /// As whom we ask.
    pub client_id: String,

    /// What proves that.
    pub client_secret: Secret,

    /// How long an active token is believed without asking again, at most. A
    /// revocation is noticed this much later. 0 asks every time.
    pub ttl: Duration,

    /// How long an inactive token is.
    pub negative_ttl: Duration,

    /// How long a call may take, connecting included. Whoever asked waits as
    /// long, and is told to try again then.
    pub timeout: Duration,

    /// The value that `iss` must have, if any.
    pub issuer: Option<String>,

    /// Values of which `aud` must have one, if any.
    pub audiences: Vec<String>,

    /// Certificates in PEM that are trusted instead of the public ones.
    pub ca: Option<Vec<u8>>,

    /// How many calls are made a second, at most. Half of them are kept for
    /// tokens that were good before.
    pub calls_per_second: u32,

    /// How many calls are outstanding at a time, at most. Half of them are kept
    /// likewise.
    pub calls_in_flight: u32,
}

/// A Redis or Valkey that replicas share.
#[derive(Clone, Debug)]
pub struct RedisSpec {
    /// `redis://[USER:PASSWORD@]HOST:PORT[/DATABASE]`, or `rediss://` for TLS.
    pub url: Secret,

    /// Certificates in PEM that are trusted instead of the public ones.
    pub ca: Option<Vec<u8>>,

    /// What entries are sealed with: the same on all that share them, and
    /// unknown to whoever else can reach the cache. At least 32 random bytes.
    pub secret: Secret,
}

/// The largest answer that is taken from a provider.
pub(crate) const CLAIMS_BYTES_MAX: usize = 64 << 10;

// === impl FrontSpec ===

impl FrontSpec {
    /// With so many bytes of memory as do for about 100,000 tokens.
    pub fn new(sources: BTreeMap<String, SourceSpec>) -> Self {
        Self { sources, memory_bytes_max: 64 << 20 }
    }
}

// === impl SourceSpec ===

impl SourceSpec {
    /// With the defaults: 30 s for active tokens, 10 s for others, 400 ms for
    /// an answer; 500 calls a second, which renew 15,000 tokens; 64 at a time.
    pub fn new(url: &str, client_id: &str, client_secret: Secret) -> Self {
        Self {
            url: url.to_owned(),
            client_id: client_id.to_owned(),
            client_secret,
            ttl: Duration::from_secs(30),
            negative_ttl: Duration::from_secs(10),
            timeout: Duration::from_millis(400),
            issuer: None,
            audiences: Vec::new(),
            ca: None,
            calls_per_second: 500,
            calls_in_flight: 64,
        }
    }
}

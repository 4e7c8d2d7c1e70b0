use std::time::{Duration, Instant};

use bytes::Bytes;

/// What is known about a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// It is good.
    Active {
        /// The provider's answer, byte for byte: a JSON object whose `active`
        /// is true (RFC 7662, section 2.2).
        claims: Bytes,
        /// Until when this may be remembered. It is never later than the
        /// token's `exp` and the source's `ttl`, counted from when the provider
        /// said it.
        expires_at: Instant,
    },
    /// It is not good: unknown, expired, revoked, or meant for others.
    Inactive {
        /// Until when this may be remembered.
        expires_at: Instant,
    },
    /// Nobody can say just now. Whoever asked must be refused, and may try again.
    Unavailable {
        /// After this much time.
        retry_after: Duration,
    },
}

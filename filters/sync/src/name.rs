use std::num::NonZeroU64;

use tollgate_core::Seed;

/// What a denial can name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Name<'a> {
    /// One token.
    Token {
        /// Its `iss`.
        issuer: &'a str,
        /// Its `jti`.
        jti: &'a str,
    },
    /// All tokens of a subject that were issued until then.
    Subject {
        /// Their `iss`.
        issuer: &'a str,
        /// Their `sub`.
        subject: &'a str,
    },
    /// One API key, by its public name.
    ApiKey(&'a str),
    /// One key that requests are signed with, by its public name.
    SigningKey(&'a str),
    /// All tokens of a tenant that were issued until then.
    Tenant(&'a str),
    /// A tenant and all that it has, until further notice.
    Suspended(&'a str),
}

/// A name as it is kept and looked for: 64 bits under the seed of this Envoy,
/// so that nobody outside can make one caller pass for another.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Mark(pub(crate) NonZeroU64);

// === impl Name ===

impl Name<'_> {
    /// Its mark in this Envoy.
    pub fn mark(&self, seed: Seed) -> Mark {
        let (kind, issuer, name) = match *self {
            Self::Token { issuer, jti } => (b"token".as_slice(), issuer, jti),
            Self::Subject { issuer, subject } => (b"subject".as_slice(), issuer, subject),
            Self::ApiKey(id) => (b"api key".as_slice(), "", id),
            Self::SigningKey(id) => (b"signing key".as_slice(), "", id),
            Self::Tenant(id) => (b"tenant".as_slice(), "", id),
            Self::Suspended(id) => (b"suspended".as_slice(), "", id),
        };
        let hash = seed.fingerprint(&[b"denial", kind, issuer.as_bytes(), name.as_bytes()]).0;
        // The lower half of a hash is as good as the whole.
        let half = u64::try_from(hash & u128::from(u64::MAX)).unwrap_or_default();
        Mark(NonZeroU64::new(half).unwrap_or(NonZeroU64::MIN))
    }
}

use std::fmt;
use std::str::FromStr;

use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};
use tollgate_core::Timestamp;
use tollgate_signatures::KeyAlgorithm;

use crate::KeyState;
use crate::time::from_seconds;

/// A way of signing requests, and what a key is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SigningKind {
    /// Tollgate's own HMAC.
    Hmac,
    /// AWS Signature Version 4.
    SigV4,
    /// HTTP Message Signatures (RFC 9421).
    HttpSignature,
}

/// What requests are verified with.
#[derive(Clone, Eq, PartialEq)]
pub enum SigningMaterial {
    /// What the caller and the gateway share.
    Secret(String),
    /// The caller's public key, in PEM.
    PublicKey(String),
}

/// A signing key as it is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewSigningKey {
    /// What callers name it by, unlike any other's.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// The one way of signing that it is for.
    pub kind: SigningKind,
    /// The one algorithm that it is for.
    pub algorithm: KeyAlgorithm,
    /// What requests are verified with.
    pub material: SigningMaterial,
    /// What a caller with it may do.
    pub scopes: Vec<String>,
    /// The tier whose limits apply instead of the tenant's.
    pub tier: Option<String>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// A signing key as it is kept: all but what requests are verified with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SigningKeyRecord {
    /// What callers name it by.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// The one way of signing that it is for, as it is written on the command line.
    pub kind: String,
    /// The name of its algorithm (RFC 9421, section 6.2).
    pub algorithm: String,
    /// What a caller with it may do, sorted, each once.
    pub scopes: Vec<String>,
    /// The tier whose limits apply instead of the tenant's.
    pub tier: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
    /// The number of its last change.
    pub sequence: u64,
}

/// A record with its material, as it lies in the store.
pub(crate) struct KeptSigningKey {
    pub(crate) record: SigningKeyRecord,
    pub(crate) is_sealed: bool,
    pub(crate) material: String,
}

/// The text names no way of signing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no way of signing; write hmac, sigv4 or http-signature")]
pub struct UnknownSigningKind(String);

/// The algorithm of a key; a shared secret by default.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SigningAlgorithm(pub KeyAlgorithm);

/// The text names no algorithm of public keys.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{0:?} is no algorithm; write ed25519, ecdsa-p256-sha256, ecdsa-p384-sha384, rsa-pss-sha512 \
     or rsa-v1_5-sha256"
)]
pub struct UnknownSigningAlgorithm(String);

const PUBLIC: [KeyAlgorithm; 5] = [
    KeyAlgorithm::Ed25519,
    KeyAlgorithm::EcdsaP256Sha256,
    KeyAlgorithm::EcdsaP384Sha384,
    KeyAlgorithm::RsaPssSha512,
    KeyAlgorithm::RsaV15Sha256,
];

// === impl SigningAlgorithm ===

impl Default for SigningAlgorithm {
    fn default() -> Self {
        Self(KeyAlgorithm::HmacSha256)
    }
}

impl FromStr for SigningAlgorithm {
    type Err = UnknownSigningAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownSigningAlgorithm> {
        let found = PUBLIC.into_iter().find(|algorithm| algorithm.name() == text);
        found.map(Self).ok_or_else(|| UnknownSigningAlgorithm(text.to_owned()))
    }
}

// === impl SigningKind ===

impl fmt::Display for SigningKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Hmac => "hmac",
            Self::SigV4 => "sigv4",
            Self::HttpSignature => "http-signature",
        })
    }
}

impl FromStr for SigningKind {
    type Err = UnknownSigningKind;

    fn from_str(text: &str) -> Result<Self, UnknownSigningKind> {
        let mut kinds = [Self::Hmac, Self::SigV4, Self::HttpSignature].into_iter();
        let found = kinds.find(|kind| kind.to_string() == text);
        found.ok_or_else(|| UnknownSigningKind(text.to_owned()))
    }
}

// === impl SigningMaterial ===

/// Without the secret.
impl fmt::Debug for SigningMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(_) => f.write_str("Secret([redacted])"),
            Self::PublicKey(pem) => f.debug_tuple("PublicKey").field(pem).finish(),
        }
    }
}

// === impl SigningKeyRecord ===

impl SigningKeyRecord {
    /// What it is good for. At the very moment of its end it works no more.
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.revoked_at.is_some() {
            KeyState::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            KeyState::Expired
        } else {
            KeyState::Valid
        }
    }
}

impl FromRow<'_, AnyRow> for SigningKeyRecord {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let time =
            |name| row.try_get::<Option<i64>, _>(name).map(|seconds| seconds.map(from_seconds));
        let scopes: String = row.try_get("scopes")?;
        Ok(Self {
            id: row.try_get("id")?,
            tenant: row.try_get("tenant")?,
            kind: row.try_get("kind")?,
            algorithm: row.try_get("algorithm")?,
            scopes: scopes.split_terminator(' ').map(str::to_owned).collect(),
            tier: row.try_get("tier")?,
            created_at: from_seconds(row.try_get("created_at")?),
            expires_at: time("expires_at")?,
            revoked_at: time("revoked_at")?,
            sequence: row.try_get::<i64, _>("seq")?.cast_unsigned(),
        })
    }
}

impl FromRow<'_, AnyRow> for KeptSigningKey {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            record: SigningKeyRecord::from_row(row)?,
            is_sealed: row.try_get::<i64, _>("sealed")? != 0,
            material: row.try_get("material")?,
        })
    }
}

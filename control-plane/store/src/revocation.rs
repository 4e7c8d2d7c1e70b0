use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};
use tollgate_core::Timestamp;

use crate::time::from_seconds;

/// What is no longer accepted although it looks good.
///
/// Named rather than hashed: the same token can be written in several ways.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Revoked {
    /// One token.
    Token {
        /// Its `iss`.
        issuer: String,
        /// Its `jti`.
        jti: String,
    },
    /// All tokens of a subject that were issued at that time or before.
    Subject {
        /// Their `iss`.
        issuer: String,
        /// Their `sub`.
        subject: String,
    },
    /// One API key, by its public name. It need not be one of the store's.
    ApiKey(String),
    /// All tokens of a tenant that were issued at that time or before. Its API
    /// keys are not meant; they are revoked by themselves.
    Tenant(String),
}

/// An entry of the denylist.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Revocation {
    /// What is meant.
    pub what: Revoked,
    /// When it was revoked.
    pub at: Timestamp,
    /// When it may be forgotten, because what is meant has ended by then;
    /// nothing is never.
    pub until: Option<Timestamp>,
    /// The number of its last change.
    pub sequence: u64,
}

// === impl Revoked ===

impl Revoked {
    /// How it is kept: kind, issuer, name.
    pub(crate) fn parts(&self) -> (&'static str, &str, &str) {
        match self {
            Self::Token { issuer, jti } => ("token", issuer, jti),
            Self::Subject { issuer, subject } => ("subject", issuer, subject),
            Self::ApiKey(id) => ("api_key", "", id),
            Self::Tenant(id) => ("tenant", "", id),
        }
    }

    fn from_parts(kind: &str, issuer: String, name: String) -> Option<Self> {
        match kind {
            "token" => Some(Self::Token { issuer, jti: name }),
            "subject" => Some(Self::Subject { issuer, subject: name }),
            "api_key" => Some(Self::ApiKey(name)),
            "tenant" => Some(Self::Tenant(name)),
            _ => None,
        }
    }
}

// === impl Revocation ===

impl Revocation {
    /// Whether it may be forgotten.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

impl FromRow<'_, AnyRow> for Revocation {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let kind: String = row.try_get("kind")?;
        let what = Revoked::from_parts(&kind, row.try_get("issuer")?, row.try_get("name")?);
        Ok(Self {
            what: what.ok_or_else(|| sqlx::Error::Decode(format!("kind {kind:?}").into()))?,
            at: from_seconds(row.try_get("at")?),
            until: row.try_get::<Option<_>, _>("until")?.map(from_seconds),
            sequence: row.try_get::<i64, _>("seq")?.cast_unsigned(),
        })
    }
}

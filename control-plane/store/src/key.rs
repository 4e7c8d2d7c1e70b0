use std::fmt;

use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};
use tollgate_auth::KeyFingerprint;
use tollgate_core::Timestamp;

use crate::time::from_seconds;

/// An API key as it is asked for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NewKey {
    /// Its public name, unlike any other key's; made from the key if absent.
    pub id: Option<String>,
    /// Whose it is.
    pub tenant: String,
    /// What a caller with it may do.
    pub scopes: Vec<String>,
    /// The tier whose limits apply instead of the tenant's.
    pub tier: Option<String>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// An API key as it is kept: all but the key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyRecord {
    /// Its public name, which logs and limits show.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// How it begins, for its owner to recognise it.
    pub hint: String,
    /// What gateways are told of it.
    pub fingerprint: KeyFingerprint,
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
    /// The key that it was rotated to.
    pub replaced_by: Option<String>,
    /// When it ends because another took its place.
    pub overlap_until: Option<Timestamp>,
    /// The number of its last change.
    pub sequence: u64,
}

/// What an API key is good for at one moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyState {
    /// It works.
    Valid,
    /// It has ended by itself.
    Expired,
    /// Another has taken its place, and the overlap is over.
    Replaced,
    /// It was ended.
    Revoked,
}

// === impl KeyRecord ===

impl KeyRecord {
    /// What it is good for. At the very moment of its end it works no more.
    pub fn state(&self, now: Timestamp) -> KeyState {
        let is_over = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
        if self.revoked_at.is_some() {
            KeyState::Revoked
        } else if is_over(self.expires_at) {
            KeyState::Expired
        } else if is_over(self.overlap_until) {
            KeyState::Replaced
        } else {
            KeyState::Valid
        }
    }

    /// Whether it works.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.state(now) == KeyState::Valid
    }

    /// When it stops to work if nobody does anything; nothing is never.
    pub fn valid_until(&self) -> Option<Timestamp> {
        [self.expires_at, self.overlap_until].into_iter().flatten().min()
    }
}

impl FromRow<'_, AnyRow> for KeyRecord {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let time =
            |name| row.try_get::<Option<i64>, _>(name).map(|seconds| seconds.map(from_seconds));
        let number = |name| row.try_get::<i64, _>(name).map(i64::cast_unsigned);
        let scopes: String = row.try_get("scopes")?;
        Ok(Self {
            id: row.try_get("id")?,
            tenant: row.try_get("tenant")?,
            hint: row.try_get("hint")?,
            fingerprint: KeyFingerprint(number("fingerprint")?),
            scopes: scopes.split_terminator(' ').map(str::to_owned).collect(),
            tier: row.try_get("tier")?,
            created_at: from_seconds(row.try_get("created_at")?),
            expires_at: time("expires_at")?,
            revoked_at: time("revoked_at")?,
            replaced_by: row.try_get("replaced_by")?,
            overlap_until: time("overlap_until")?,
            sequence: number("seq")?,
        })
    }
}

// === impl KeyState ===

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Replaced => "replaced",
            Self::Revoked => "revoked",
        })
    }
}

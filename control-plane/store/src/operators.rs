//! Who may use the admin API, and what they did.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};
use tollgate_core::Timestamp;

use crate::tenants::check_id;
use crate::time::{from_seconds, to_seconds};
use crate::{ChangeFailed, Store, StoreUnavailable};

/// What an operator may do. Each may do what those before it may.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// See everything that is no secret.
    Viewer,
    /// Change the configuration, tenants and keys.
    Editor,
    /// Say who may.
    Admin,
}

/// There is no such role.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("is no role; write viewer, editor or admin")]
pub struct UnknownRole;

/// Who may use the admin API.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operator {
    /// How the audit log calls it.
    pub id: String,
    /// What it may do.
    pub role: Role,
    /// Where it may write APIs, and nothing else then; none if it may do all that its
    /// role may.
    pub sites: Vec<String>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When its token ended.
    pub revoked_at: Option<Timestamp>,
}

/// Who is to be an operator: see [`Operator`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "they are an operator's")]
pub struct NewOperator<'a> {
    pub id: &'a str,
    pub role: Role,
    pub sites: &'a [String],
}

/// By what an operator is recognised. Of 32 random bytes, of which the store
/// keeps only the hash: too many to try.
pub struct OperatorToken(String);

/// What was done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Deed {
    /// The number of the entry.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: String,
    /// What was asked for: method and path.
    pub action: String,
    /// What it was answered.
    pub status: u16,
}

/// How many deeds are kept; the oldest go.
const KEPT: i64 = 100_000;

impl Store {
    /// Adds an operator.
    pub async fn create_operator(
        &self,
        NewOperator { id, role, sites }: NewOperator<'_>,
        token: &OperatorToken,
        now: Timestamp,
    ) -> Result<(), ChangeFailed> {
        check_id("operator", id)?;
        // Texts alone: nothing in them can fail.
        let sites = (!sites.is_empty()).then(|| serde_json::to_string(sites).unwrap_or_default());
        let mut change = self.change().await?;
        let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM operators WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *change.transaction)
            .await?;
        if found.is_some() {
            return Err(ChangeFailed::OperatorExists(id.to_owned()));
        }
        sqlx::query(
            "INSERT INTO operators (id, role, hash, created_at, sites) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(id)
        .bind(role.to_string())
        .bind(token.hash())
        .bind(to_seconds(now))
        .bind(sites)
        .execute(&mut *change.transaction)
        .await?;
        Ok(change.commit().await?)
    }

    /// Ends an operator's token. The id stays taken, for the audit log's sake.
    pub async fn revoke_operator(&self, id: &str, now: Timestamp) -> Result<(), ChangeFailed> {
        let mut change = self.change().await?;
        let ended = sqlx::query(
            "UPDATE operators SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL",
        )
        .bind(to_seconds(now))
        .bind(id)
        .execute(&mut *change.transaction)
        .await?;
        if ended.rows_affected() == 0 {
            return Err(ChangeFailed::UnknownOperator(id.to_owned()));
        }
        Ok(change.commit().await?)
    }

    /// All operators, by id.
    pub async fn operators(&self) -> Result<Vec<Operator>, StoreUnavailable> {
        sqlx::query_as("SELECT * FROM operators ORDER BY id")
            .fetch_all(&self.pool)
            .await
            .map_err(StoreUnavailable::from)
    }

    /// Whose token this is, unless it has ended.
    pub async fn find_operator(
        &self,
        token: &OperatorToken,
    ) -> Result<Option<Operator>, StoreUnavailable> {
        sqlx::query_as("SELECT * FROM operators WHERE hash = $1 AND revoked_at IS NULL")
            .bind(token.hash())
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreUnavailable::from)
    }

    /// Writes down what was done.
    pub async fn record(
        &self,
        actor: &str,
        action: &str,
        status: u16,
        now: Timestamp,
    ) -> Result<(), StoreUnavailable> {
        let mut change = self.change().await?;
        let number = change.next().await?;
        sqlx::query(
            "INSERT INTO audit (number, at, actor, action, status) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(number)
        .bind(to_seconds(now))
        .bind(actor)
        .bind(action)
        .bind(i64::from(status))
        .execute(&mut *change.transaction)
        .await?;
        sqlx::query(
            "DELETE FROM audit WHERE number <= (SELECT number FROM audit ORDER BY number DESC \
             LIMIT 1 OFFSET $1)",
        )
        .bind(KEPT)
        .execute(&mut *change.transaction)
        .await?;
        change.commit().await?;
        Ok(())
    }

    /// At most `limit` deeds, the newest first, from before `before` on.
    pub async fn deeds(
        &self,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Deed>, StoreUnavailable> {
        let before = before.and_then(|number| i64::try_from(number).ok()).unwrap_or(i64::MAX);
        sqlx::query_as("SELECT * FROM audit WHERE number < $1 ORDER BY number DESC LIMIT $2")
            .bind(before)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(StoreUnavailable::from)
    }
}

// === impl Role ===

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
        })
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        match text {
            "viewer" => Ok(Self::Viewer),
            "editor" => Ok(Self::Editor),
            "admin" => Ok(Self::Admin),
            _ => Err(UnknownRole),
        }
    }
}

// === impl Operator ===

impl FromRow<'_, AnyRow> for Operator {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let role: String = row.try_get("role")?;
        let sites: Option<String> = row.try_get("sites")?;
        let sites = sites.map_or(Ok(Vec::new()), |text| serde_json::from_str(&text));
        Ok(Self {
            id: row.try_get("id")?,
            sites: sites.map_err(|error| sqlx::Error::Decode(error.into()))?,
            role: role
                .parse()
                .map_err(|unknown: UnknownRole| sqlx::Error::Decode(unknown.into()))?,
            created_at: from_seconds(row.try_get("created_at")?),
            revoked_at: row.try_get::<Option<_>, _>("revoked_at")?.map(from_seconds),
        })
    }
}

// === impl OperatorToken ===

impl OperatorToken {
    /// Made of random bytes.
    pub fn generate(entropy: [u8; 32]) -> Self {
        Self(format!("tga_{}", URL_SAFE_NO_PAD.encode(entropy)))
    }

    /// As it was shown, whatever it is.
    pub fn shown(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The token itself, to be told once.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn hash(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.as_bytes()))
    }
}

/// Without the token.
impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken([redacted])")
    }
}

// === impl Deed ===

impl FromRow<'_, AnyRow> for Deed {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let status: i64 = row.try_get("status")?;
        Ok(Self {
            number: row.try_get::<i64, _>("number")?.cast_unsigned(),
            at: from_seconds(row.try_get("at")?),
            actor: row.try_get("actor")?,
            action: row.try_get("action")?,
            status: u16::try_from(status).unwrap_or_default(),
        })
    }
}

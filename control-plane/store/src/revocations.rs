//! Reading and changing the denylist.

use tollgate_core::Timestamp;

use crate::store::Change;
use crate::tenants::check_id;
use crate::time::to_seconds;
use crate::{ChangeFailed, Revocation, Revoked, Store, StoreUnavailable};

/// Longer ones are nobody's.
const ISSUER_BYTES_MAX: usize = 1024;

impl Store {
    /// All that is to be refused, the oldest first.
    pub async fn revocations(&self, now: Timestamp) -> Result<Vec<Revocation>, StoreUnavailable> {
        sqlx::query_as(
            "SELECT * FROM revocations WHERE until IS NULL OR until > $1 ORDER BY at, seq",
        )
        .bind(to_seconds(now))
        .fetch_all(&self.pool)
        .await
        .map_err(StoreUnavailable::from)
    }

    /// At most `limit` entries that were added or changed after change
    /// `sequence`, in the order of their changes. That one is gone is not told:
    /// it says itself until when it counts.
    pub async fn revocations_since(
        &self,
        sequence: u64,
        limit: u32,
    ) -> Result<Vec<Revocation>, StoreUnavailable> {
        sqlx::query_as("SELECT * FROM revocations WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(sequence.cast_signed())
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(StoreUnavailable::from)
    }

    /// Has something refused from now on. `until` says when it may be
    /// forgotten. A key of the store is revoked with it.
    pub async fn revoke(
        &self,
        what: &Revoked,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), ChangeFailed> {
        check(what)?;
        if until.is_some_and(|until| to_seconds(until) <= to_seconds(now)) {
            return Err(ChangeFailed::Past { what: "the revocation" });
        }
        let mut change = self.change().await?;
        if let Revoked::ApiKey(id) = what
            && change.find_key(id).await?.is_some_and(|key| key.revoked_at.is_none())
        {
            change.revoke_key(id, now).await?;
        }
        change.revoke(what, until, now).await?;
        change.forget(now).await?;
        Ok(change.commit().await?)
    }
}

impl Change {
    /// Of two entries for the same, one stays that counts at least as long and
    /// as far as either.
    pub(crate) async fn revoke(
        &mut self,
        what: &Revoked,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let (kind, issuer, name) = what.parts();
        sqlx::query(
            "INSERT INTO revocations (kind, issuer, name, at, until, seq) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kind, issuer, name) DO UPDATE SET \
             at = CASE WHEN excluded.at > revocations.at \
                  THEN excluded.at ELSE revocations.at END, \
             until = CASE WHEN excluded.until IS NULL OR excluded.until > revocations.until \
                     THEN excluded.until ELSE revocations.until END, \
             seq = excluded.seq",
        )
        .bind(kind)
        .bind(issuer)
        .bind(name)
        .bind(to_seconds(now))
        .bind(until.map(to_seconds))
        .bind(self.next().await?)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    async fn forget(&mut self, now: Timestamp) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM revocations WHERE until <= $1")
            .bind(to_seconds(now))
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }
}

fn check(what: &Revoked) -> Result<(), ChangeFailed> {
    match what {
        Revoked::Token { issuer, jti } => check_issuer(issuer).and_then(|()| check_id("jti", jti)),
        Revoked::Subject { issuer, subject } => {
            check_issuer(issuer).and_then(|()| check_id("subject", subject))
        }
        Revoked::ApiKey(id) => check_id("API key", id),
        Revoked::Tenant(id) => check_id("tenant", id),
    }
}

fn check_issuer(issuer: &str) -> Result<(), ChangeFailed> {
    let is_one = (1..=ISSUER_BYTES_MAX).contains(&issuer.len());
    if is_one && !issuer.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(ChangeFailed::InvalidIssuer(issuer.to_owned()))
    }
}

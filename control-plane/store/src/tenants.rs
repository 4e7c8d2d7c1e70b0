//! Reading and changing tenants.

use tollgate_auth::is_id;
use tollgate_core::Timestamp;

use crate::store::Change;
use crate::time::to_seconds;
use crate::{ChangeFailed, Store, StoreUnavailable, Tenant};

impl Store {
    /// A tenant by its id.
    pub async fn tenant(&self, id: &str) -> Result<Option<Tenant>, StoreUnavailable> {
        sqlx::query_as("SELECT * FROM tenants WHERE id = $1 AND deleted_at IS NULL")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreUnavailable::from)
    }

    /// All tenants, by id.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, StoreUnavailable> {
        let mut tenants: Vec<Tenant> =
            sqlx::query_as("SELECT * FROM tenants WHERE deleted_at IS NULL")
                .fetch_all(&self.pool)
                .await?;
        // Databases disagree about the order of letters.
        tenants.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(tenants)
    }

    /// At most `limit` tenants that changed after change `sequence`, in the
    /// order of their changes: as they are now, deleted ones among them.
    pub async fn tenants_since(
        &self,
        sequence: u64,
        limit: u32,
    ) -> Result<Vec<Tenant>, StoreUnavailable> {
        sqlx::query_as("SELECT * FROM tenants WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(sequence.cast_signed())
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(StoreUnavailable::from)
    }

    /// Adds a tenant, which had better not be there.
    pub async fn create_tenant(
        &self,
        id: &str,
        tier: Option<&str>,
        now: Timestamp,
    ) -> Result<(), ChangeFailed> {
        check_id("tenant", id)?;
        check_tier(tier)?;
        let mut change = self.change().await?;
        if change.has_tenant(id).await? {
            return Err(ChangeFailed::TenantExists(id.to_owned()));
        }
        // A tenant of this id may have been deleted before.
        sqlx::query(
            "INSERT INTO tenants (id, tier, suspended, created_at, seq) VALUES ($1, $2, 0, $3, $4) \
             ON CONFLICT (id) DO UPDATE SET tier = excluded.tier, suspended = 0, \
             created_at = excluded.created_at, deleted_at = NULL, seq = excluded.seq",
        )
        .bind(id)
        .bind(tier)
        .bind(to_seconds(now))
        .bind(change.next().await?)
        .execute(&mut *change.transaction)
        .await?;
        Ok(change.commit().await?)
    }

    /// Moves a tenant to another tier, or to the default one.
    pub async fn set_tier(&self, id: &str, tier: Option<&str>) -> Result<(), ChangeFailed> {
        check_tier(tier)?;
        let mut change = self.change().await?;
        change.needs_tenant(id).await?;
        sqlx::query("UPDATE tenants SET tier = $1, seq = $2 WHERE id = $3")
            .bind(tier)
            .bind(change.next().await?)
            .bind(id)
            .execute(&mut *change.transaction)
            .await?;
        Ok(change.commit().await?)
    }

    /// Turns a tenant's callers away from now on, or lets them in again.
    pub async fn suspend(&self, id: &str, suspended: bool) -> Result<(), ChangeFailed> {
        let mut change = self.change().await?;
        change.needs_tenant(id).await?;
        sqlx::query("UPDATE tenants SET suspended = $1, seq = $2 WHERE id = $3")
            .bind(i64::from(suspended))
            .bind(change.next().await?)
            .bind(id)
            .execute(&mut *change.transaction)
            .await?;
        Ok(change.commit().await?)
    }

    /// Takes a tenant away and revokes its keys. How many there were.
    pub async fn delete_tenant(&self, id: &str, now: Timestamp) -> Result<usize, ChangeFailed> {
        let mut change = self.change().await?;
        change.needs_tenant(id).await?;
        let keys = change.keys_to_revoke(id).await?;
        for key in &keys {
            change.revoke_key(key, now).await?;
        }
        for key in change.signing_keys_to_revoke(id).await? {
            change.revoke_signing_key(&key, now).await?;
        }
        sqlx::query("UPDATE tenants SET deleted_at = $1, seq = $2 WHERE id = $3")
            .bind(to_seconds(now))
            .bind(change.next().await?)
            .bind(id)
            .execute(&mut *change.transaction)
            .await?;
        change.commit().await?;
        Ok(keys.len())
    }
}

impl Change {
    async fn has_tenant(&mut self, id: &str) -> Result<bool, sqlx::Error> {
        let found: Option<i64> =
            sqlx::query_scalar("SELECT seq FROM tenants WHERE id = $1 AND deleted_at IS NULL")
                .bind(id)
                .fetch_optional(&mut *self.transaction)
                .await?;
        Ok(found.is_some())
    }

    pub(crate) async fn needs_tenant(&mut self, id: &str) -> Result<(), ChangeFailed> {
        if self.has_tenant(id).await? {
            Ok(())
        } else {
            Err(ChangeFailed::UnknownTenant(id.to_owned()))
        }
    }
}

pub(crate) fn check_id(what: &'static str, id: &str) -> Result<(), ChangeFailed> {
    if is_id(id) { Ok(()) } else { Err(ChangeFailed::InvalidId { what, id: id.to_owned() }) }
}

pub(crate) fn check_tier(tier: Option<&str>) -> Result<(), ChangeFailed> {
    tier.map_or(Ok(()), |tier| check_id("tier", tier))
}

use std::time::Duration;

use tollgate_auth::{ApiKey, KeyFingerprint, is_scope};
use tollgate_core::Timestamp;

use crate::store::Change;
use crate::tenants::{check_id, check_tier};
use crate::time::to_seconds;
use crate::{ChangeFailed, KeyHasher, KeyRecord, KeyState, NewKey, Revoked, Store};

/// How one key takes another's place.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rotation<'a> {
    /// How long the old key goes on to work.
    pub overlap: Duration,
    /// The new key's public name; made from the key if absent.
    pub id: Option<&'a str>,
    /// When the new key ends by itself. By default it lives as long as the old
    /// one was meant to.
    pub expires_at: Option<Timestamp>,
}

/// For how long gateways are told of a revoked key, which is longer than they
/// remember anyone without asking again.
const REVOKED_KEY_TOLD: Duration = Duration::from_hours(24);

impl Store {
    /// Keeps a new key.
    pub async fn create_key(
        &self,
        new: NewKey,
        key: &ApiKey,
        hasher: &KeyHasher,
        now: Timestamp,
    ) -> Result<KeyRecord, ChangeFailed> {
        let new = checked(new, now)?;
        let mut change = self.change().await?;
        change.needs_tenant(&new.tenant).await?;
        let record = change.insert_key(new, key, hasher, now).await?;
        change.commit().await?;
        Ok(record)
    }

    /// Keeps a new key that takes the place of another: the same tenant, scopes
    /// and tier. The old one goes on to work for a while.
    pub async fn rotate_key(
        &self,
        id: &str,
        rotation: Rotation<'_>,
        key: &ApiKey,
        hasher: &KeyHasher,
        now: Timestamp,
    ) -> Result<KeyRecord, ChangeFailed> {
        let mut change = self.change().await?;
        let old = change.key(id).await?;
        check_rotatable(&old, now)?;
        let new = checked(successor(&old, rotation, now), now)?;
        let record = change.insert_key(new, key, hasher, now).await?;
        sqlx::query(
            "UPDATE api_keys SET replaced_by = $1, overlap_until = $2, seq = $3 WHERE id = $4",
        )
        .bind(record.id.as_str())
        .bind(to_seconds(now.plus(rotation.overlap)))
        .bind(change.next().await?)
        .bind(id)
        .execute(&mut *change.transaction)
        .await?;
        change.commit().await?;
        Ok(record)
    }

    /// Ends a key, and has gateways told that know it already.
    pub async fn revoke_key(&self, id: &str, now: Timestamp) -> Result<(), ChangeFailed> {
        let mut change = self.change().await?;
        if change.key(id).await?.revoked_at.is_some() {
            return Err(ChangeFailed::KeyRevoked(id.to_owned()));
        }
        change.revoke_key(id, now).await?;
        Ok(change.commit().await?)
    }
}

impl Change {
    async fn key(&mut self, id: &str) -> Result<KeyRecord, ChangeFailed> {
        self.find_key(id).await?.ok_or_else(|| ChangeFailed::UnknownKey(id.to_owned()))
    }

    pub(crate) async fn find_key(&mut self, id: &str) -> Result<Option<KeyRecord>, sqlx::Error> {
        sqlx::query_as("SELECT * FROM api_keys WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *self.transaction)
            .await
    }

    async fn insert_key(
        &mut self,
        new: NewKey,
        key: &ApiKey,
        hasher: &KeyHasher,
        now: Timestamp,
    ) -> Result<KeyRecord, ChangeFailed> {
        let NewKey { id, tenant, scopes, tier, expires_at } = new;
        let id = id.unwrap_or_else(|| key.id());
        if self.find_key(&id).await?.is_some() {
            return Err(ChangeFailed::KeyExists(id));
        }
        let bytes = key.as_str().as_bytes();
        let record = sqlx::query_as(
            "INSERT INTO api_keys (id, tenant, hash, fingerprint, hint, scopes, tier, created_at, \
             expires_at, seq) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING *",
        )
        .bind(id)
        .bind(tenant)
        .bind(hasher.hash(bytes).0)
        .bind(KeyFingerprint::of(bytes).0.cast_signed())
        .bind(key.hint())
        .bind(scopes.join(" "))
        .bind(tier)
        .bind(to_seconds(now))
        .bind(expires_at.map(to_seconds))
        .bind(self.next().await?)
        .fetch_one(&mut *self.transaction)
        .await?;
        Ok(record)
    }

    /// The keys of a tenant that are not revoked, by id.
    pub(crate) async fn keys_to_revoke(
        &mut self,
        tenant: &str,
    ) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar("SELECT id FROM api_keys WHERE tenant = $1 AND revoked_at IS NULL")
            .bind(tenant)
            .fetch_all(&mut *self.transaction)
            .await
    }

    pub(crate) async fn revoke_key(&mut self, id: &str, now: Timestamp) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE api_keys SET revoked_at = $1, seq = $2 WHERE id = $3")
            .bind(to_seconds(now))
            .bind(self.next().await?)
            .bind(id)
            .execute(&mut *self.transaction)
            .await?;
        self.revoke(&Revoked::ApiKey(id.to_owned()), Some(now.plus(REVOKED_KEY_TOLD)), now).await
    }
}

fn check_rotatable(old: &KeyRecord, now: Timestamp) -> Result<(), ChangeFailed> {
    let id = || old.id.clone();
    match (old.state(now), &old.replaced_by) {
        (KeyState::Revoked, _) => Err(ChangeFailed::KeyRevoked(id())),
        (KeyState::Expired, _) => Err(ChangeFailed::KeyExpired(id())),
        (_, Some(by)) => Err(ChangeFailed::KeyReplaced { id: id(), by: by.clone() }),
        (_, None) => Ok(()),
    }
}

fn successor(old: &KeyRecord, rotation: Rotation<'_>, now: Timestamp) -> NewKey {
    let lifetime = old.expires_at.map(|end| end.since(old.created_at));
    NewKey {
        id: rotation.id.map(str::to_owned),
        tenant: old.tenant.clone(),
        scopes: old.scopes.clone(),
        tier: old.tier.clone(),
        expires_at: rotation.expires_at.or_else(|| lifetime.map(|lifetime| now.plus(lifetime))),
    }
}

fn checked(mut new: NewKey, now: Timestamp) -> Result<NewKey, ChangeFailed> {
    check_id("tenant", &new.tenant)?;
    check_tier(new.tier.as_deref())?;
    if let Some(id) = &new.id {
        check_id("API key", id)?;
    }
    if let Some(scope) = new.scopes.iter().find(|scope| !is_scope(scope)) {
        return Err(ChangeFailed::InvalidScope(scope.clone()));
    }
    if new.expires_at.is_some_and(|end| to_seconds(end) <= to_seconds(now)) {
        return Err(ChangeFailed::Past { what: "the API key" });
    }
    new.scopes.sort_unstable();
    new.scopes.dedup();
    Ok(new)
}

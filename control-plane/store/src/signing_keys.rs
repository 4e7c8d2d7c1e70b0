//! Reading and changing the keys that requests are signed with.

use tollgate_auth::is_scope;
use tollgate_core::Timestamp;
use tollgate_signatures::{InvalidKey, Key, KeyAlgorithm};

use crate::signing_key::KeptSigningKey;
use crate::store::Change;
use crate::tenants::{check_id, check_tier};
use crate::time::to_seconds;
use crate::{
    ChangeFailed, NewSigningKey, SecretSeal, SigningKeyRecord, SigningKind, SigningMaterial, Store,
    StoreUnavailable,
};

/// Why a signing key cannot be told.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum SigningKeyUnavailable {
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
    #[error(
        "signing key {0:?} does not open under the store's secret; it was changed by somebody \
         else, or is a copy of another one"
    )]
    Sealed(String),
}

impl Store {
    /// A signing key, whatever it is good for, with what it verifies.
    pub async fn signing_key(
        &self,
        id: &str,
        seal: &SecretSeal,
    ) -> Result<Option<(SigningKeyRecord, SigningMaterial)>, SigningKeyUnavailable> {
        let found: Option<KeptSigningKey> =
            sqlx::query_as("SELECT * FROM signing_keys WHERE id = $1")
                .bind(id)
                .fetch_optional(&self.pool)
                .await
                .map_err(StoreUnavailable::from)?;
        let Some(KeptSigningKey { record, is_sealed, material }) = found else { return Ok(None) };
        if !is_sealed {
            return Ok(Some((record, SigningMaterial::PublicKey(material))));
        }
        match seal.open(id, &material) {
            Some(secret) => Ok(Some((record, SigningMaterial::Secret(secret)))),
            None => Err(SigningKeyUnavailable::Sealed(id.to_owned())),
        }
    }

    /// All signing keys, or those of one tenant, the oldest first.
    pub async fn signing_keys(
        &self,
        tenant: Option<&str>,
    ) -> Result<Vec<SigningKeyRecord>, StoreUnavailable> {
        let mut keys: Vec<SigningKeyRecord> =
            sqlx::query_as("SELECT * FROM signing_keys WHERE tenant = $1 OR $1 IS NULL")
                .bind(tenant)
                .fetch_all(&self.pool)
                .await?;
        keys.sort_unstable_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(keys)
    }

    /// At most `limit` signing keys that changed after change `sequence`, in the
    /// order of their changes: as they are now, revoked ones among them.
    pub async fn signing_keys_since(
        &self,
        sequence: u64,
        limit: u32,
    ) -> Result<Vec<SigningKeyRecord>, StoreUnavailable> {
        sqlx::query_as("SELECT * FROM signing_keys WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(sequence.cast_signed())
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(StoreUnavailable::from)
    }

    /// Keeps a new signing key.
    pub async fn create_signing_key(
        &self,
        new: NewSigningKey,
        seal: &SecretSeal,
        now: Timestamp,
    ) -> Result<SigningKeyRecord, ChangeFailed> {
        let new = checked(new, now)?;
        let mut change = self.change().await?;
        change.needs_tenant(&new.tenant).await?;
        if change.has_signing_key(&new.id).await? {
            return Err(ChangeFailed::SigningKeyExists(new.id));
        }
        let record = change.insert_signing_key(new, seal, now).await?;
        change.commit().await?;
        Ok(record)
    }

    /// Ends a signing key.
    pub async fn revoke_signing_key(&self, id: &str, now: Timestamp) -> Result<(), ChangeFailed> {
        let mut change = self.change().await?;
        let found: Option<SigningKeyRecord> =
            sqlx::query_as("SELECT * FROM signing_keys WHERE id = $1")
                .bind(id)
                .fetch_optional(&mut *change.transaction)
                .await?;
        let key = found.ok_or_else(|| ChangeFailed::UnknownSigningKey(id.to_owned()))?;
        if key.revoked_at.is_some() {
            return Err(ChangeFailed::SigningKeyRevoked(id.to_owned()));
        }
        change.revoke_signing_key(id, now).await?;
        Ok(change.commit().await?)
    }
}

impl Change {
    async fn has_signing_key(&mut self, id: &str) -> Result<bool, sqlx::Error> {
        let found: Option<i64> = sqlx::query_scalar("SELECT seq FROM signing_keys WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *self.transaction)
            .await?;
        Ok(found.is_some())
    }

    async fn insert_signing_key(
        &mut self,
        new: NewSigningKey,
        seal: &SecretSeal,
        now: Timestamp,
    ) -> Result<SigningKeyRecord, ChangeFailed> {
        let NewSigningKey { id, tenant, kind, algorithm, material, scopes, tier, expires_at } = new;
        let (is_sealed, material) = match material {
            SigningMaterial::Secret(secret) => (true, seal.seal(&id, &secret)?),
            SigningMaterial::PublicKey(pem) => (false, pem),
        };
        let record = sqlx::query_as(
            "INSERT INTO signing_keys (id, tenant, kind, algorithm, sealed, material, scopes, tier, \
             created_at, expires_at, seq) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             RETURNING *",
        )
        .bind(id)
        .bind(tenant)
        .bind(kind.to_string())
        .bind(algorithm.name())
        .bind(i64::from(is_sealed))
        .bind(material)
        .bind(scopes.join(" "))
        .bind(tier)
        .bind(to_seconds(now))
        .bind(expires_at.map(to_seconds))
        .bind(self.next().await?)
        .fetch_one(&mut *self.transaction)
        .await?;
        Ok(record)
    }

    pub(crate) async fn revoke_signing_key(
        &mut self,
        id: &str,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE signing_keys SET revoked_at = $1, seq = $2 WHERE id = $3")
            .bind(to_seconds(now))
            .bind(self.next().await?)
            .bind(id)
            .execute(&mut *self.transaction)
            .await
            .map(drop)
    }

    /// The signing keys of a tenant that are not revoked, by id.
    pub(crate) async fn signing_keys_to_revoke(
        &mut self,
        tenant: &str,
    ) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar("SELECT id FROM signing_keys WHERE tenant = $1 AND revoked_at IS NULL")
            .bind(tenant)
            .fetch_all(&mut *self.transaction)
            .await
    }
}

fn checked(mut new: NewSigningKey, now: Timestamp) -> Result<NewSigningKey, ChangeFailed> {
    check_id("tenant", &new.tenant)?;
    check_tier(new.tier.as_deref())?;
    check_id("signing key", &new.id)?;
    if let Some(scope) = new.scopes.iter().find(|scope| !is_scope(scope)) {
        return Err(ChangeFailed::InvalidScope(scope.clone()));
    }
    if new.expires_at.is_some_and(|end| to_seconds(end) <= to_seconds(now)) {
        return Err(ChangeFailed::Past { what: "the signing key" });
    }
    check_material(&new)?;
    new.scopes.sort_unstable();
    new.scopes.dedup();
    Ok(new)
}

/// A key that gateways would refuse is not kept.
fn check_material(new: &NewSigningKey) -> Result<(), ChangeFailed> {
    let NewSigningKey { kind, algorithm, material, .. } = new;
    let (kind, algorithm) = (*kind, *algorithm);
    match material {
        SigningMaterial::PublicKey(_) if kind != SigningKind::HttpSignature => {
            Err(ChangeFailed::NeedsSecret { kind })
        }
        SigningMaterial::Secret(_) if algorithm != KeyAlgorithm::HmacSha256 => {
            Err(ChangeFailed::NeedsPublicKey { algorithm })
        }
        SigningMaterial::Secret(secret) => made("secret", Key::secret(secret.as_bytes())),
        SigningMaterial::PublicKey(pem) => made("public key", Key::public(algorithm, pem)),
    }
}

fn made(what: &'static str, made: Result<Key, InvalidKey>) -> Result<(), ChangeFailed> {
    made.map(drop).map_err(|why| ChangeFailed::InvalidSigningKey { what, why })
}

//! Reading API keys; `change` changes them.

mod change;

use tokio_stream::StreamExt as _;
use tollgate_auth::{KeyFilter, KeyFingerprint};
use tollgate_core::Timestamp;

pub use crate::keys::change::Rotation;
use crate::time::to_seconds;
use crate::{KeyHash, KeyRecord, Store, StoreUnavailable};

impl Store {
    /// The key that was presented, whatever it is good for.
    pub async fn find_key(&self, hash: &KeyHash) -> Result<Option<KeyRecord>, StoreUnavailable> {
        sqlx::query_as("SELECT * FROM api_keys WHERE hash = $1")
            .bind(hash.0.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreUnavailable::from)
    }

    /// All keys, or those of one tenant, the oldest first.
    pub async fn keys(&self, tenant: Option<&str>) -> Result<Vec<KeyRecord>, StoreUnavailable> {
        let mut keys: Vec<KeyRecord> =
            sqlx::query_as("SELECT * FROM api_keys WHERE tenant = $1 OR $1 IS NULL")
                .bind(tenant)
                .fetch_all(&self.pool)
                .await?;
        keys.sort_unstable_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(keys)
    }

    /// At most `limit` keys that changed after change `sequence`, in the order
    /// of their changes: as they are now.
    pub async fn keys_since(
        &self,
        sequence: u64,
        limit: u32,
    ) -> Result<Vec<KeyRecord>, StoreUnavailable> {
        sqlx::query_as("SELECT * FROM api_keys WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(sequence.cast_signed())
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(StoreUnavailable::from)
    }

    /// The filter of all keys that work now. Keys of suspended tenants are in
    /// it, so that they work at once when the tenant is back. `salt` is random.
    pub async fn key_filter(
        &self,
        salt: u64,
        now: Timestamp,
    ) -> Result<KeyFilter, StoreUnavailable> {
        // Read first: the filter may know of later changes, and of no fewer.
        let sequence = self.sequence().await?;
        let mut rows = sqlx::query_scalar::<_, i64>(
            "SELECT fingerprint FROM api_keys WHERE revoked_at IS NULL \
             AND (expires_at IS NULL OR expires_at > $1) \
             AND (overlap_until IS NULL OR overlap_until > $1)",
        )
        .bind(to_seconds(now))
        .fetch(&self.pool);
        let mut fingerprints = Vec::new();
        while let Some(row) = rows.next().await {
            fingerprints.push(KeyFingerprint(row?.cast_unsigned()));
        }
        Ok(KeyFilter::build(sequence, salt, fingerprints)?)
    }
}

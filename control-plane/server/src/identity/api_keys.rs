use std::time::Duration;

use tollgate_core::Timestamp;
use tollgate_store::{ApiKey, KeyHash, KeyHasher, KeyRecord, Store, StoreUnavailable};

use super::in_store::{Facts, Kind, Record};

/// API keys, which are found by their keyed hash.
pub(crate) struct ApiKeys(pub(crate) KeyHasher);

// === impl ApiKeys ===

impl Kind for ApiKeys {
    type Name = KeyHash;
    type Record = KeyRecord;

    /// A revoked key is refused this much later at most, and what it takes to
    /// notice the change: within 5 s in all.
    const TTL: Duration = Duration::from_secs(4);

    /// A key that was made a moment ago works within this.
    const NEGATIVE_TTL: Duration = Duration::from_secs(1);

    fn name(&self, credential: &str) -> Option<KeyHash> {
        let key = credential.as_bytes();
        ApiKey::is_well_formed(key).then(|| self.0.hash(key))
    }

    async fn find(
        &self,
        hash: &KeyHash,
        store: &Store,
    ) -> Result<Option<KeyRecord>, StoreUnavailable> {
        store.find_key(hash).await
    }

    async fn changed(
        since: u64,
        limit: u32,
        store: &Store,
    ) -> Result<Vec<String>, StoreUnavailable> {
        let keys = store.keys_since(since, limit).await?;
        Ok(keys.into_iter().map(|key| key.id).collect())
    }
}

// === impl KeyRecord ===

impl Record for KeyRecord {
    fn facts(&self) -> Facts<'_> {
        Facts {
            id: &self.id,
            tenant: &self.tenant,
            scopes: &self.scopes,
            tier: self.tier.as_deref(),
            until: self.valid_until(),
        }
    }

    fn is_valid(&self, now: Timestamp) -> bool {
        self.is_valid(now)
    }
}

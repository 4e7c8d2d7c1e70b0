use std::time::Duration;

use serde_json::{Map, Value};
use tollgate_auth::is_id;
use tollgate_core::Timestamp;
use tollgate_store::{
    KeyState, SecretSeal, SigningKeyRecord, SigningKeyUnavailable, SigningMaterial, Store,
    StoreUnavailable,
};

use super::in_store::{Facts, Kind, Record};
use crate::report;

/// Keys that requests are signed with, found by the id that callers name, with
/// what opens their secrets.
pub(crate) struct SigningKeys(pub(crate) SecretSeal);

/// A key, with what requests are verified with.
pub(crate) struct SigningKey {
    record: SigningKeyRecord,
    material: SigningMaterial,
}

// === impl SigningKeys ===

impl Kind for SigningKeys {
    type Name = String;
    type Record = SigningKey;

    /// Gateways learn within a second who is revoked, whatever they believe; this
    /// is for one that is not told.
    const TTL: Duration = Duration::from_secs(30);

    /// So that it costs little to sign with keys that nobody has, and tells
    /// little about which there are.
    const NEGATIVE_TTL: Duration = Duration::from_secs(5);

    fn name(&self, id: &str) -> Option<String> {
        is_id(id).then(|| id.to_owned())
    }

    /// One that does not open has been changed by somebody else: there is no
    /// such key.
    async fn find(
        &self,
        id: &String,
        store: &Store,
    ) -> Result<Option<SigningKey>, StoreUnavailable> {
        match store.signing_key(id, &self.0).await {
            Ok(found) => Ok(found.map(|(record, material)| SigningKey { record, material })),
            Err(SigningKeyUnavailable::Store(unavailable)) => Err(unavailable),
            Err(sealed) => {
                report::signing_key_sealed(&sealed);
                Ok(None)
            }
        }
    }

    async fn changed(
        since: u64,
        limit: u32,
        store: &Store,
    ) -> Result<Vec<String>, StoreUnavailable> {
        let keys = store.signing_keys_since(since, limit).await?;
        Ok(keys.into_iter().map(|key| key.id).collect())
    }
}

// === impl SigningKey ===

impl Record for SigningKey {
    fn facts(&self) -> Facts<'_> {
        let SigningKeyRecord { id, tenant, scopes, tier, expires_at, .. } = &self.record;
        Facts { id, tenant, scopes, tier: tier.as_deref(), until: *expires_at }
    }

    fn is_valid(&self, now: Timestamp) -> bool {
        self.record.state(now) == KeyState::Valid
    }

    fn add_claims(&self, claims: &mut Map<String, Value>) {
        let (member, material) = match &self.material {
            SigningMaterial::Secret(secret) => ("secret", secret),
            SigningMaterial::PublicKey(pem) => ("public_key", pem),
        };
        // As configuration calls it.
        let scheme = self.record.kind.replace('-', "_");
        for (name, value) in [
            ("scheme", scheme.as_str()),
            ("algorithm", self.record.algorithm.as_str()),
            (member, material.as_str()),
        ] {
            claims.insert(name.to_owned(), value.into());
        }
    }
}

use std::sync::Arc;

use crate::identity::{IdentityFailed, KeyStore};
use crate::limits::Limits;
use crate::report;
use crate::sync::Sync;
use crate::unary::Unary;

/// What Envoys ask for beside their configuration.
#[derive(Default)]
pub(crate) struct Services {
    /// Who is revoked; none without a store.
    pub(super) sync: Option<Unary<Sync>>,
    pub(super) limits: Option<Unary<Limits>>,
}

// === impl Services ===

impl Services {
    /// Starts what they need to follow.
    pub(super) fn start(keys: Option<KeyStore>) -> Result<Self, IdentityFailed> {
        let store = keys.as_ref().map(|keys| keys.store().clone());
        match &keys {
            Some(keys) => report::store(&keys.address),
            None => report::no_store(),
        }
        let mut dealer = [0; 8];
        getrandom::fill(&mut dealer)?;
        let limits = Limits::start(store.clone(), u64::from_le_bytes(dealer));
        if let Some(keys) = keys {
            tokio::spawn(async move { keys.follow().await });
        }
        let sync = store.map(|store| Unary::new(Arc::new(Sync::following(store))));
        Ok(Self { sync, limits: Some(Unary::new(limits)) })
    }
}

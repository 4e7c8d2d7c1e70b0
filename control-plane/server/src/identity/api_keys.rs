use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::time::timeout;
use tollgate_core::Timestamp;
use tollgate_identity::{Answer, Clock, InHouse, Later};
use tollgate_store::{ApiKey, KeyHash, KeyHasher, KeyRecord, Store, StoreUnavailable};

use super::known::{Found, Known, NotKnown};
use crate::report;

/// What the store's API keys are good for.
pub(crate) struct ApiKeys {
    pub(super) store: Store,
    hasher: KeyHasher,
    pub(super) clock: Arc<dyn Clock>,
    known: Mutex<Known>,
    is_failing: AtomicBool,
}

/// For how long a gateway may believe it. A revoked key is refused this much
/// later at most, and what it takes to notice the change: within 5 s in all.
const TTL: Duration = Duration::from_secs(4);

/// A key that was made a moment ago works within this.
const NEGATIVE_TTL: Duration = Duration::from_secs(1);

/// A look into an index takes less than a millisecond.
const ANSWER_WITHIN: Duration = Duration::from_millis(800);

/// When to ask again after nobody could say.
const RETRY_AFTER: Duration = Duration::from_secs(1);

// === impl ApiKeys ===

impl ApiKeys {
    pub(crate) fn new(store: Store, hasher: KeyHasher, clock: Arc<dyn Clock>) -> Self {
        let (known, is_failing) = (Mutex::new(Known::new()), AtomicBool::new(false));
        Self { store, hasher, clock, known, is_failing }
    }

    /// Where they stand, with everything else that is followed.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn judge(&self, credential: &str) -> Answer {
        // Whatever is mistyped or made up without care is not looked up.
        if !ApiKey::is_well_formed(credential.as_bytes()) {
            return self.inactive();
        }
        let hash = self.hasher.hash(credential.as_bytes());
        let remembered = self.known().get(&hash, self.clock.now());
        let found = match remembered {
            Ok(found) => Ok(found),
            Err(NotKnown) => self.look_up(hash).await,
        };
        match found {
            Ok(found) => found.map_or_else(|| self.inactive(), |found| self.answer(&found)),
            Err(Unknown) => Answer::Unavailable { retry_after: RETRY_AFTER },
        }
    }

    async fn look_up(&self, hash: KeyHash) -> Result<Option<Arc<Found>>, Unknown> {
        let generation = self.known().generation();
        let found = match timeout(ANSWER_WITHIN, self.find(&hash)).await {
            Ok(Ok(found)) => found.map(Arc::new),
            Ok(Err(error)) => return Err(self.failed(&error.to_string())),
            Err(_) => return Err(self.failed("the store does not answer")),
        };
        self.recovered();
        self.known().keep(hash, found.clone(), generation);
        Ok(found)
    }

    async fn find(&self, hash: &KeyHash) -> Result<Option<Found>, StoreUnavailable> {
        let Some(key) = self.store.find_key(hash).await? else { return Ok(None) };
        let tenant = self.store.tenant(&key.tenant).await?;
        Ok(Some(Found { key, tenant }))
    }

    fn answer(&self, Found { key, tenant }: &Found) -> Answer {
        let now = Timestamp::from_seconds(0).plus(self.clock.since_1970());
        let Some(tenant) = tenant.as_ref().filter(|tenant| !tenant.suspended) else {
            return self.inactive();
        };
        if !key.is_valid(now) {
            return self.inactive();
        }
        let left = key.valid_until().map_or(TTL, |end| end.since(now));
        let claims = claims(key, tenant.tier.as_deref()).into();
        Answer::Active { claims, expires_at: self.after(left.min(TTL)) }
    }

    fn inactive(&self) -> Answer {
        Answer::Inactive { expires_at: self.after(NEGATIVE_TTL) }
    }

    fn after(&self, span: Duration) -> Instant {
        let now = self.clock.now();
        now.checked_add(span).unwrap_or(now)
    }

    /// Told once, however many ask.
    pub(super) fn failed(&self, why: &str) -> Unknown {
        if !self.is_failing.swap(true, Ordering::Relaxed) {
            report::store_fails(why);
        }
        Unknown
    }

    pub(super) fn recovered(&self) {
        if self.is_failing.swap(false, Ordering::Relaxed) {
            report::store_again();
        }
    }
}

/// Nobody can say.
pub(super) struct Unknown;

impl InHouse for ApiKeys {
    fn answer<'a>(&'a self, credential: &'a str) -> Later<'a, Answer> {
        Box::pin(self.judge(credential))
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").finish_non_exhaustive()
    }
}

/// As a provider would say it (RFC 7662, section 2.2).
fn claims(key: &KeyRecord, tier: Option<&str>) -> String {
    let mut claims = Map::new();
    let mut say = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
    say("active", true.into());
    say("sub", key.id.as_str().into());
    say("jti", key.id.as_str().into());
    say("tenant", key.tenant.as_str().into());
    say("scope", key.scopes.join(" ").into());
    if let Some(tier) = key.tier.as_deref().or(tier) {
        say("tier", tier.into());
    }
    if let Some(end) = key.valid_until() {
        say("exp", end.as_seconds().into());
    }
    Value::Object(claims).to_string()
}

use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::time::timeout;
use tollgate_core::Timestamp;
use tollgate_identity::{Answer, Clock, InHouse, Later};
use tollgate_store::{Store, StoreUnavailable};

use super::known::{Found, Known, NotKnown};
use crate::report;

/// What the store's keys of one kind are good for.
pub(crate) struct InStore<K: Kind> {
    kind: K,
    pub(super) opened: Arc<Opened>,
    known: Mutex<Known<K::Name, K::Record>>,
}

/// A kind of key that stands in the store.
pub(crate) trait Kind: Send + Sync + 'static {
    /// What a key is found by, which does not tell the key if that is secret.
    type Name: Clone + Eq + Hash + Send + Sync;
    /// What is known of a key.
    type Record: Record;

    /// For how long a gateway may believe that a key is good.
    const TTL: Duration;
    /// For how long it may believe that there is none.
    const NEGATIVE_TTL: Duration;

    /// What a credential is found by; none if it cannot be one.
    fn name(&self, credential: &str) -> Option<Self::Name>;

    /// What stands in the store.
    fn find(
        &self,
        name: &Self::Name,
        store: &Store,
    ) -> impl Future<Output = Result<Option<Self::Record>, StoreUnavailable>> + Send;

    /// The ids of at most `limit` keys that have changed since.
    fn changed(
        since: u64,
        limit: u32,
        store: &Store,
    ) -> impl Future<Output = Result<Vec<String>, StoreUnavailable>> + Send;
}

/// What is known of a key.
pub(crate) trait Record: Send + Sync {
    /// What there is to say about every key.
    fn facts(&self) -> Facts<'_>;

    /// Whether it works now.
    fn is_valid(&self, now: Timestamp) -> bool;

    /// What else there is to say about it.
    fn add_claims(&self, _: &mut Map<String, Value>) {}
}

/// What there is to say about every key.
pub(crate) struct Facts<'a> {
    pub(crate) id: &'a str,
    pub(crate) tenant: &'a str,
    pub(crate) scopes: &'a [String],
    /// Instead of the tenant's.
    pub(crate) tier: Option<&'a str>,
    /// When it stops to work if nobody does anything.
    pub(crate) until: Option<Timestamp>,
}

/// A store that is open.
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    is_failing: AtomicBool,
}

/// A look into an index takes less than a millisecond.
const ANSWER_WITHIN: Duration = Duration::from_millis(800);

/// When to ask again after nobody could say.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Nobody can say.
pub(super) struct Unknown;

// === impl InStore ===

impl<K: Kind> InStore<K> {
    pub(crate) fn new(kind: K, opened: Arc<Opened>) -> Self {
        Self { kind, opened, known: Mutex::new(Known::new()) }
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known<K::Name, K::Record>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn judge(&self, credential: &str) -> Answer {
        // Whatever is mistyped or made up without care is not looked up.
        let Some(name) = self.kind.name(credential) else { return self.inactive() };
        let remembered = self.known().get(&name, self.opened.clock.now());
        let found = match remembered {
            Ok(found) => Ok(found),
            Err(NotKnown) => self.look_up(name).await,
        };
        match found {
            Ok(found) => found.map_or_else(|| self.inactive(), |found| self.say(&found)),
            Err(Unknown) => Answer::Unavailable { retry_after: RETRY_AFTER },
        }
    }

    async fn look_up(&self, name: K::Name) -> Result<Option<Arc<Found<K::Record>>>, Unknown> {
        let generation = self.known().generation();
        let found = match timeout(ANSWER_WITHIN, self.find(&name)).await {
            Ok(Ok(found)) => found.map(Arc::new),
            Ok(Err(error)) => return Err(self.opened.failed(&error.to_string())),
            Err(_) => return Err(self.opened.failed("the store does not answer")),
        };
        self.opened.recovered();
        self.known().keep(name, found.clone(), generation);
        Ok(found)
    }

    async fn find(&self, name: &K::Name) -> Result<Option<Found<K::Record>>, StoreUnavailable> {
        let store = &self.opened.store;
        let Some(key) = self.kind.find(name, store).await? else { return Ok(None) };
        let tenant = store.tenant(key.facts().tenant).await?;
        Ok(Some(Found { key, tenant }))
    }

    fn say(&self, Found { key, tenant }: &Found<K::Record>) -> Answer {
        let now = Timestamp::from_seconds(0).plus(self.opened.clock.since_1970());
        let Some(tenant) = tenant.as_ref().filter(|tenant| !tenant.suspended) else {
            return self.inactive();
        };
        if !key.is_valid(now) {
            return self.inactive();
        }
        let left = key.facts().until.map_or(K::TTL, |end| end.since(now));
        let claims = claims(key, tenant.tier.as_deref()).into();
        Answer::Active { claims, expires_at: self.after(left.min(K::TTL)) }
    }

    fn inactive(&self) -> Answer {
        Answer::Inactive { expires_at: self.after(K::NEGATIVE_TTL) }
    }

    fn after(&self, span: Duration) -> Instant {
        let now = self.opened.clock.now();
        now.checked_add(span).unwrap_or(now)
    }
}

impl<K: Kind> InHouse for InStore<K> {
    fn answer<'a>(&'a self, credential: &'a str) -> Later<'a, Answer> {
        Box::pin(self.judge(credential))
    }
}

impl<K: Kind> fmt::Debug for InStore<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InStore").finish_non_exhaustive()
    }
}

/// As a provider would say it (RFC 7662, section 2.2).
fn claims(key: &impl Record, tenants_tier: Option<&str>) -> String {
    let Facts { id, tenant, scopes, tier, until } = key.facts();
    let mut claims = Map::new();
    let mut say = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
    say("active", true.into());
    say("sub", id.into());
    say("jti", id.into());
    say("tenant", tenant.into());
    say("scope", scopes.join(" ").into());
    if let Some(tier) = tier.or(tenants_tier) {
        say("tier", tier.into());
    }
    if let Some(end) = until {
        say("exp", end.as_seconds().into());
    }
    key.add_claims(&mut claims);
    Value::Object(claims).to_string()
}

// === impl Opened ===

impl Opened {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, is_failing: AtomicBool::new(false) }
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

use std::collections::BTreeSet;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use lru::LruCache;
use tollgate_store::Tenant;

use super::in_store::{Facts, Record};

/// What was found in the store, as long as nothing has changed there.
///
/// It may be used up to a moment that those who follow the store's changes move
/// on. What is not known to be current is looked up again.
pub(crate) struct Known<N: Eq + Hash, R> {
    found: LruCache<N, Arc<Found<R>>>,
    /// Apart from the others, so that made-up keys drive out nobody.
    unknown: LruCache<N, ()>,
    current_until: Option<Instant>,
    /// Counts changes. What was looked up before one and arrives after it may be
    /// out of date, and is not kept.
    generation: u64,
}

/// A key, and whose it is. The tenant may have been deleted.
pub(crate) struct Found<R> {
    pub(crate) key: R,
    pub(crate) tenant: Option<Tenant>,
}

/// It has to be looked up.
pub(crate) struct NotKnown;

const FOUND_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);
const UNKNOWN_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

// === impl Known ===

impl<N: Clone + Eq + Hash, R: Record> Known<N, R> {
    pub(crate) fn new() -> Self {
        Self {
            found: LruCache::new(FOUND_MAX),
            unknown: LruCache::new(UNKNOWN_MAX),
            current_until: None,
            generation: 0,
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// What is known and current: a key, or that there is none.
    pub(crate) fn get(
        &mut self,
        name: &N,
        now: Instant,
    ) -> Result<Option<Arc<Found<R>>>, NotKnown> {
        if self.current_until.is_none_or(|end| end <= now) {
            return Err(NotKnown);
        }
        if let Some(found) = self.found.get(name) {
            return Ok(Some(Arc::clone(found)));
        }
        self.unknown.get(name).map(|()| None).ok_or(NotKnown)
    }

    /// Keeps what was looked up, unless something has changed since.
    pub(crate) fn keep(&mut self, name: N, found: Option<Arc<Found<R>>>, generation: u64) {
        if generation != self.generation {
            return;
        }
        match found {
            Some(found) => drop(self.found.put(name, found)),
            None => drop(self.unknown.put(name, ())),
        }
    }

    /// Nothing has changed: all of it holds on.
    pub(crate) fn holds(&mut self, until: Instant) {
        self.current_until = Some(until);
    }

    /// These keys and tenants have changed, and nothing else.
    pub(crate) fn changed(
        &mut self,
        keys: &BTreeSet<String>,
        tenants: &BTreeSet<String>,
        until: Instant,
    ) {
        self.generation = self.generation.wrapping_add(1);
        self.unknown.clear();
        let is_out = |found: &Found<R>| {
            let Facts { id, tenant, .. } = found.key.facts();
            keys.contains(id) || tenants.contains(tenant)
        };
        let out = self.found.iter().filter(|(_, found)| is_out(found));
        let out: Vec<N> = out.map(|(name, _)| name.clone()).collect();
        for name in &out {
            self.found.pop(name);
        }
        self.current_until = Some(until);
    }

    /// Too much has changed to tell what.
    pub(crate) fn forget(&mut self, until: Instant) {
        self.generation = self.generation.wrapping_add(1);
        self.unknown.clear();
        self.found.clear();
        self.current_until = Some(until);
    }
}

use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use crate::clock::after;
use crate::recent::Recent;
use crate::{Cache, Clock, Entry, Later, Name};

/// A cache in this process, of limited size.
#[derive(Debug)]
pub struct InProcess {
    clock: Arc<dyn Clock>,
    entries: Mutex<Recent<Name, Kept>>,
}

#[derive(Debug)]
struct Kept {
    claims: Bytes,
    expires_at: Instant,
}

/// What is there under a name.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Look {
    /// Something that holds, and until when.
    Fresh(Bytes, Instant),
    /// Something that held once. The token was good, so asking again is worthwhile.
    Stale,
    /// Nothing.
    Absent,
}

/// What an entry takes besides its claims: name, times, links, the allocator's share.
const OVERHEAD_BYTES: usize = 256;

// === impl InProcess ===

impl InProcess {
    /// Takes about so many bytes of memory at most.
    pub fn new(bytes_max: usize, clock: Arc<dyn Clock>) -> Self {
        Self { clock, entries: Mutex::new(Recent::new(bytes_max)) }
    }

    pub(crate) fn look(&self, name: &Name) -> Look {
        let now = self.clock.now();
        match self.entries().get(name) {
            Some(kept) if now < kept.expires_at => {
                Look::Fresh(kept.claims.clone(), kept.expires_at)
            }
            Some(_) => Look::Stale,
            None => Look::Absent,
        }
    }

    /// Keeps an entry, and says when it expires.
    pub(crate) fn keep(&self, name: Name, entry: Entry) -> Instant {
        let Entry { claims, lifetime } = entry;
        let expires_at = after(self.clock.now(), lifetime);
        let weight = claims.len().saturating_add(OVERHEAD_BYTES);
        self.entries().put(name, Kept { claims, expires_at }, weight);
        expires_at
    }

    pub(crate) fn forget(&self, name: &Name) {
        self.entries().forget(name);
    }

    /// How many entries there are, and about how many bytes they take.
    pub(crate) fn size(&self) -> (usize, usize) {
        let entries = self.entries();
        (entries.len(), entries.weight())
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Recent<Name, Kept>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache for InProcess {
    fn get<'a>(&'a self, name: &'a Name) -> Later<'a, Option<Entry>> {
        let entry = match self.look(name) {
            Look::Fresh(claims, expires_at) => {
                let lifetime = expires_at.saturating_duration_since(self.clock.now());
                Some(Entry { claims, lifetime })
            }
            Look::Stale | Look::Absent => None,
        };
        Box::pin(ready(entry))
    }

    fn put<'a>(&'a self, name: &'a Name, entry: Entry) -> Later<'a, ()> {
        self.keep(*name, entry);
        Box::pin(ready(()))
    }
}

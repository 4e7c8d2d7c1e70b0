use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::after;
use crate::recent::Recent;
use crate::{Clock, Name};

/// What is known about tokens that are not good, or could not be asked about.
///
/// A memory of its own: however many tokens are made up, no good one is
/// forgotten for them.
#[derive(Debug)]
pub(crate) struct Negatives {
    clock: Arc<dyn Clock>,
    entries: Mutex<Recent<Name, Negative>>,
}

/// Why there is no better answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Negative {
    pub(crate) why: Why,
    pub(crate) expires_at: Instant,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Why {
    /// The provider said so.
    Inactive,
    /// The provider said nothing.
    Failed,
}

/// About 8 MiB.
const ENTRIES_MAX: usize = 50_000;

// === impl Negatives ===

impl Negatives {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, entries: Mutex::new(Recent::new(ENTRIES_MAX)) }
    }

    pub(crate) fn get(&self, name: &Name) -> Option<Negative> {
        let now = self.clock.now();
        let mut entries = self.entries();
        let negative = *entries.get(name)?;
        if negative.expires_at <= now {
            entries.forget(name);
            return None;
        }
        Some(negative)
    }

    /// Keeps it, and says when it expires.
    pub(crate) fn keep(&self, name: Name, why: Why, lifetime: Duration) -> Instant {
        let expires_at = after(self.clock.now(), lifetime);
        self.entries().put(name, Negative { why, expires_at }, 1);
        expires_at
    }

    pub(crate) fn len(&self) -> usize {
        self.entries().len()
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Recent<Name, Negative>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

use std::sync::atomic::{AtomicU64, Ordering};

/// How questions about tokens of one source were answered since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// From this process's memory.
    pub remembered: u64,
    /// By waiting for somebody who asked the same a moment earlier.
    pub joined: u64,
    /// From the cache that replicas share.
    pub shared: u64,
    /// By the provider, or not even by it: calls that were made.
    pub called: u64,
    /// Calls without an answer.
    pub failed: u64,
    /// Not at all: no call could be made.
    pub refused: u64,
}

/// What happened to a question.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) remembered: AtomicU64,
    pub(crate) joined: AtomicU64,
    pub(crate) shared: AtomicU64,
    pub(crate) called: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) refused: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

// === impl Counters ===

impl Counters {
    pub(crate) fn read(&self) -> Counts {
        let Self { remembered, joined, shared, called, failed, refused } = self;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            remembered: read(remembered),
            joined: read(joined),
            shared: read(shared),
            called: read(called),
            failed: read(failed),
            refused: read(refused),
        }
    }
}

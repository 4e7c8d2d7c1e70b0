//! Tokens that one worker holds, to spend without asking the others.
//!
//! To read and write a count takes several microseconds, so a worker that serves
//! a caller more than a few times a second takes several tokens at once. What it
//! does not spend within a second goes back: nobody else can have it meanwhile,
//! and spent late it would add to what refilled since.
//!
//! So one worker never holds more than a 128th of an allowance, 32 at most, nor
//! an eighth of what is left of it; of a small allowance, one token at a time. In
//! any stretch of time, all workers together admit at most what the limit says
//! and what they held at its beginning.

use std::hash::BuildHasherDefault;
use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;
use tollgate_core::{Cx, Fingerprint, Prehashed, Timestamp};

use crate::account::Account;
use crate::gcra::JITTER;
use crate::meter::{Drawn, State};

/// What one worker holds.
#[derive(Debug)]
pub(crate) struct Leases(LruCache<Fingerprint, Lease, BuildHasherDefault<Prehashed>>);

/// Tokens of one account.
#[derive(Debug)]
struct Lease {
    account: Account,
    tokens: u64,
    /// How many were drawn at once.
    size: u64,
    drawn_at: Timestamp,
    /// What drawing them left.
    taken: State,
}

/// Tokens that were spent, and how the count stands as far as this worker knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    pub(crate) taken: State,
    /// How many more of them are held.
    pub(crate) held: u64,
}

/// As many as one worker can hold tokens of at once: less than 2 MB.
const ACCOUNTS_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(8_191);

/// How long tokens are held.
pub(crate) const SPAN: Duration = Duration::from_secs(1);

/// Tokens that are spent within this time were too few.
const SOON: Duration = Duration::from_millis(500);

/// As many as are drawn at once at most.
const TOKENS_MAX: u64 = 32;

// === impl Leases ===

impl Default for Leases {
    fn default() -> Self {
        Self(LruCache::with_hasher(ACCOUNTS_MAX, BuildHasherDefault::default()))
    }
}

impl Leases {
    /// Spends tokens that are held, if there are enough and they are still good.
    pub(crate) fn spend(&mut self, who: Fingerprint, tokens: u64, now: Timestamp) -> Option<Spent> {
        let lease = self.0.get_mut(&who).filter(|lease| lease.is_good(now))?;
        lease.tokens = lease.tokens.checked_sub(tokens)?;
        Some(Spent { taken: lease.taken, held: lease.tokens })
    }

    /// Undoes [`Leases::spend`]; false if they are no longer held.
    pub(crate) fn unspend(&mut self, who: Fingerprint, tokens: u64, taken: State) -> bool {
        let lease = self.0.peek_mut(&who).filter(|lease| lease.taken == taken);
        lease.map(|lease| lease.tokens = lease.tokens.saturating_add(tokens)).is_some()
    }

    /// How many tokens an account's next draw should be of: twice as many as the
    /// last one if those were all spent soon, one if that was long ago.
    pub(crate) fn wanted(&self, account: &Account, now: Timestamp) -> u64 {
        let Some(lease) = self.0.peek(&account.who) else { return 1 };
        let age = now.since(lease.drawn_at);
        let wanted = match lease.tokens {
            0 if age < SOON => lease.size.saturating_mul(2),
            0 if age < SPAN => lease.size,
            _ => 1,
        };
        wanted.min(held_max(account.meter.capacity(), account.meter.is_window()))
    }

    /// Holds what a request left of what was drawn, in place of what was held
    /// of the account before, which goes back.
    pub(crate) fn hold(
        &mut self,
        account: &Account,
        rest: u64,
        drawn: Drawn<State>,
        cx: &mut Cx<'_>,
    ) {
        let lease = Lease {
            account: account.clone(),
            tokens: rest,
            size: drawn.tokens,
            drawn_at: cx.now,
            taken: drawn.state,
        };
        if let Some((_, other)) = self.0.push(account.who, lease) {
            other.return_to(cx);
        }
    }

    /// Gives back what an account holds, so that a draw finds everything there.
    pub(crate) fn give_up(&mut self, who: Fingerprint, cx: &mut Cx<'_>) {
        if let Some(lease) = self.0.peek_mut(&who) {
            lease.give_back(cx);
        }
    }

    /// How many tokens of an account are held.
    pub(crate) fn held(&self, who: Fingerprint, now: Timestamp) -> u64 {
        self.0.peek(&who).filter(|lease| lease.is_good(now)).map_or(0, |lease| lease.tokens)
    }

    /// Gives back whatever is no longer good.
    pub(crate) fn give_back_idle(&mut self, cx: &mut Cx<'_>) {
        for (_, lease) in &mut self.0 {
            if !lease.is_good(cx.now) {
                lease.give_back(cx);
            }
        }
    }

    /// Gives back everything.
    pub(crate) fn give_back_all(&mut self, cx: &mut Cx<'_>) {
        while let Some((_, lease)) = self.0.pop_lru() {
            lease.return_to(cx);
        }
    }
}

/// How many tokens of an allowance one worker takes at once at most.
pub fn held_max(capacity: u64, is_window: bool) -> u64 {
    // What a worker that ends holds of a window comes back only with the next.
    let parts = if is_window { 4_096 } else { 128 };
    capacity.checked_div(parts).unwrap_or(0).clamp(1, TOKENS_MAX)
}

// === impl Lease ===

impl Lease {
    fn is_good(&self, now: Timestamp) -> bool {
        self.drawn_at <= now.plus(JITTER)
            && now < self.drawn_at.plus(SPAN)
            && self.taken.ends_at().is_none_or(|end| now < end)
    }

    fn give_back(&mut self, cx: &mut Cx<'_>) {
        let tokens = std::mem::take(&mut self.tokens);
        if 0 < tokens {
            self.account.give_back(tokens, self.taken, cx);
            // Demand fell: begin again with one.
            self.size = 1;
        }
    }

    fn return_to(mut self, cx: &mut Cx<'_>) {
        self.give_back(cx);
    }
}

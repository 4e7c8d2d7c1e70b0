//! Counts of windows, as far as they are lent by the control plane.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;
use std::time::Duration;

use tollgate_core::{Cx, Fingerprint, Prehashed, Timestamp};

use crate::deal::{Ask, Lent, PAGE, halves, key};

/// A window of a key that callers are counted in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Window {
    /// What all Envoys call the key.
    pub key: u128,
    /// When it begins.
    pub begins_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
    /// How much all Envoys may count in it.
    pub limit: u64,
}

/// Where this Envoy counts.
pub trait Accounts {
    /// How much was counted in the window that ends then, and up to where may be.
    fn counted(
        &mut self,
        who: Fingerprint,
        ends_at: Timestamp,
        cx: &mut Cx<'_>,
    ) -> Option<(u64, u64)>;

    /// Sets up to where may be counted; no lower than what was. What it is then.
    fn cap(
        &mut self,
        who: Fingerprint,
        ends_at: Timestamp,
        cap: u64,
        cx: &mut Cx<'_>,
    ) -> Option<u64>;
}

/// What the elected worker remembers of windows that are lent.
#[derive(Debug, Default)]
pub(crate) struct Leases(HashMap<Fingerprint, Lease, BuildHasherDefault<Prehashed>>);

#[derive(Debug)]
struct Lease {
    window: Window,
    spent: u64,
    /// How much is counted in a second, lately, in thousandths.
    rate: u64,
    looked_at: Timestamp,
    used_at: Timestamp,
}

/// As many as are remembered; the further ones keep what they were lent.
const LEASES_MAX: usize = 131_072;

/// What is not used for so long is returned.
const IDLE: Duration = Duration::from_secs(10);

/// So long a lease should last.
const LASTS: u64 = 2;

/// One part in so many of a limit is not too much for a beginning.
const LEAST: u64 = 10_000;

const THOUSAND: u64 = 1_000;

const SECOND: Duration = Duration::from_secs(1);

// === impl Leases ===

impl Leases {
    /// What is asked for of the windows that callers were counted in lately, and
    /// what is returned of others.
    pub(crate) fn asks(
        &mut self,
        used: BTreeMap<Fingerprint, Window>,
        accounts: &mut dyn Accounts,
        cx: &mut Cx<'_>,
    ) -> Vec<(Fingerprint, Ask)> {
        let mut asks = Vec::new();
        for (who, window) in used {
            if let Some(ask) = self.ask(who, window, accounts, cx) {
                asks.push((who, ask));
            }
        }
        asks.truncate(PAGE);
        let room = PAGE.saturating_sub(asks.len());
        let now = cx.now;
        let idle = self.0.iter().filter(|(_, lease)| IDLE < now.since(lease.used_at));
        let idle: Vec<_> = idle.map(|(who, lease)| (*who, lease.window)).take(room).collect();
        for (who, window) in idle {
            self.0.remove(&who);
            if let Some(spent) = accounts.cap(who, window.ends_at, 0, cx) {
                asks.push((who, told(&window, (spent, spent), 0)));
            }
        }
        asks
    }

    /// Takes over what was lent for these.
    pub(crate) fn take(
        &mut self,
        asked: &[(Fingerprint, Ask)],
        lent: &[Lent],
        accounts: &mut dyn Accounts,
        cx: &mut Cx<'_>,
    ) {
        let lent: BTreeMap<(u128, u64), u64> =
            lent.iter().map(|lent| ((key(lent.high, lent.low), lent.begins), lent.cap)).collect();
        for (who, ask) in asked {
            let Some(cap) = lent.get(&(key(ask.high, ask.low), ask.begins)) else { continue };
            let Some(lease) = self.0.get(who) else { continue };
            if ask.cap < *cap {
                accounts.cap(*who, lease.window.ends_at, *cap, cx);
            }
        }
    }

    fn ask(
        &mut self,
        who: Fingerprint,
        window: Window,
        accounts: &mut dyn Accounts,
        cx: &mut Cx<'_>,
    ) -> Option<Ask> {
        let (spent, cap) = accounts.counted(who, window.ends_at, cx)?;
        if LEASES_MAX <= self.0.len() && !self.0.contains_key(&who) {
            return None;
        }
        let new = Lease { window, spent: 0, rate: 0, looked_at: cx.now, used_at: cx.now };
        let lease = self.0.entry(who).or_insert(new);
        if lease.window != window {
            *lease = Lease { window, spent: 0, rate: 0, looked_at: cx.now, used_at: cx.now };
        }
        lease.look(spent, cx.now);
        let smallest = window.limit.checked_div(LEAST).unwrap_or(0).max(1);
        let wanted = lease.rate.saturating_mul(LASTS).div_ceil(THOUSAND).max(smallest);
        let left = cap.saturating_sub(spent);
        let wants = wanted.saturating_sub(left);
        (left <= wanted >> 1 && 0 < wants).then(|| told(&window, (spent, cap), wants))
    }
}

fn told(window: &Window, (spent, cap): (u64, u64), wants: u64) -> Ask {
    let Window { key, begins_at, ends_at, limit } = *window;
    let (high, low) = halves(key);
    let [begins, ends] = [begins_at, ends_at].map(Timestamp::as_seconds);
    Ask { high, low, begins, ends, limit, spent, cap, wants }
}

// === impl Lease ===

impl Lease {
    /// An average of about a second. One that was never looked at is taken to be
    /// used up in this second.
    fn look(&mut self, spent: u64, now: Timestamp) {
        let passed = now.since(self.looked_at).as_nanos();
        let second = SECOND.as_nanos();
        let counted = spent.saturating_sub(self.spent).saturating_mul(THOUSAND);
        let new = u128::from(counted).saturating_mul(second);
        let kept = u128::from(self.rate).saturating_mul(second);
        let rate = kept.saturating_add(new).checked_div(second.saturating_add(passed));
        self.rate = u64::try_from(rate.unwrap_or_default()).unwrap_or(u64::MAX);
        (self.spent, self.looked_at, self.used_at) = (spent, now, now);
    }
}

use std::collections::BTreeMap;
use std::time::Duration;

use tollgate_core::Timestamp;

use crate::Instance;

/// How much of one window of one key is spent, and what is lent of it.
///
/// What is lent counts as spent until the Envoy says otherwise: so the limit
/// holds whatever becomes of an Envoy, and one that dies costs callers what it
/// was lent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Balance {
    /// What is spent for good.
    pub settled: u64,
    /// What Envoys have of it.
    pub leases: BTreeMap<Instance, Lent>,
    /// What further ones have, who say nothing of it now.
    pub others: Others,
}

/// What several Envoys may spend of a window.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Others {
    /// How many Envoys that are.
    pub leases: u64,
    /// Up to where they may count, all together.
    pub caps: u64,
}

/// What one Envoy may spend of a window, since its beginning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lent {
    /// Up to where it may count.
    pub cap: u64,
    /// Up to where it has counted, as far as that is known.
    pub spent: u64,
    /// The exchange in which it said so.
    pub number: u64,
    /// When that was.
    pub heard_at: Timestamp,
}

/// What an Envoy says of a window, and what it asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ask {
    /// Which Envoy.
    pub instance: Instance,
    /// The how-manieth exchange this is, counted by the Envoy.
    pub number: u64,
    /// The limit of the window.
    pub limit: u64,
    /// Up to where it has counted.
    pub spent: u64,
    /// Up to where it will count, whatever happens, unless it is told otherwise:
    /// less than it was lent if it returns some.
    pub cap: u64,
    /// How much more it would like to have.
    pub wants: u64,
}

/// An Envoy that was silent for so long has forgotten what it was lent, and
/// would begin as another one. What it was lent is settled.
pub const LEASE_ENDS: Duration = Duration::from_mins(20);

/// No Envoy gets more at once than this part of what is left for each who asks,
/// so that there is some for all until the end.
const PARTS: u64 = 4;

// === impl Balance ===

impl Balance {
    /// Takes what an Envoy says, and lends it what it may have. The same answer
    /// again if it was said before or later.
    pub fn ask(&mut self, ask: &Ask, now: Timestamp) -> Lent {
        let Ask { instance, number, limit, spent, cap, wants } = *ask;
        let before = self.leases.get(&instance).copied();
        if let Some(late) = before.filter(|lent| number <= lent.number) {
            return late;
        }
        let spent = before.map_or(spent, |lent| lent.spent.max(spent));
        let kept = Lent { cap: cap.max(spent), spent, number, heard_at: now };
        self.leases.insert(instance, kept);
        let more = wants.min(self.portion(limit));
        let lent = Lent { cap: kept.cap.saturating_add(more), ..kept };
        self.leases.insert(instance, lent);
        lent
    }

    /// What is neither spent nor lent.
    pub fn left(&self, limit: u64) -> u64 {
        limit.saturating_sub(self.used())
    }

    /// What is spent or lent.
    pub fn used(&self) -> u64 {
        let lent = self.leases.values().map(|lent| lent.cap);
        lent.fold(self.settled.saturating_add(self.others.caps), u64::saturating_add)
    }

    /// Settles what was lent to Envoys that are silent for too long.
    pub fn settle(&mut self, now: Timestamp) {
        self.leases.retain(|_, lent| {
            let is_over = LEASE_ENDS < now.since(lent.heard_at);
            if is_over {
                self.settled = self.settled.saturating_add(lent.cap);
            }
            !is_over
        });
    }

    fn portion(&self, limit: u64) -> u64 {
        let left = self.left(limit);
        let askers = u64::try_from(self.leases.len()).unwrap_or(u64::MAX);
        let parts = askers.saturating_add(self.others.leases).saturating_mul(PARTS);
        left.checked_div(parts).unwrap_or(left).max(1).min(left)
    }
}

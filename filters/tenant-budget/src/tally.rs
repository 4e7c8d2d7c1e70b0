use std::collections::BTreeMap;

use tollgate_core::Timestamp;

use crate::demand::{Demand, kept_of, may_have};
use crate::local::{Local, Part};
use crate::record::{Mark, Record, Slot};
use crate::roll::Living;

/// What all workers have under way of one thing, at one moment.
pub(crate) struct Tally<'a> {
    /// Of the other workers that live.
    others: Vec<Record>,
    /// Of this one.
    local: &'a Local,
    now: Timestamp,
}

// === impl Tally ===

impl<'a> Tally<'a> {
    pub(crate) fn new(
        what: Mark,
        slot: &Slot,
        (me, living): (u32, &Living),
        local: &'a Local,
        now: Timestamp,
    ) -> Self {
        let counts = |record: &Record| record.owner != me && living.has(record.owner);
        Self { others: slot.of(what).filter(counts).collect(), local, now }
    }

    pub(crate) fn total(&self) -> u32 {
        let others = self.others.iter().map(|record| record.count);
        others.fold(self.local.total(), u32::saturating_add)
    }

    pub(crate) fn of(&self, part: Mark) -> u32 {
        let others = self.others.iter().filter(|record| record.part == part);
        others.map(|record| record.count).fold(self.local.part(part).count, u32::saturating_add)
    }

    /// Whether the next one of so many may be this tenant's.
    pub(crate) fn may_enter(&self, part: Mark, weight: u32, capacity: u32) -> bool {
        let left = capacity.saturating_sub(kept_of(capacity));
        if self.total().saturating_add(self.held_for_others(part)) < left {
            return true;
        }
        let mut demands = self.demands();
        let mine = demands.remove(&part).unwrap_or_default();
        let others: Vec<Demand> = demands.into_values().collect();
        may_have(Demand { weight, ..mine }, &others, capacity)
    }

    /// Whether anybody was refused lately.
    pub(crate) fn is_wanted(&self) -> bool {
        self.parts().any(|(_, part)| 0 < part.lately.wants(self.now))
    }

    /// What others may want besides what they have: at most, for each counts as if
    /// there were no other worker.
    fn held_for_others(&self, part: Mark) -> u32 {
        let others = self.parts().filter(|(mark, _)| *mark != part);
        let held = others.map(|(_, part)| {
            let more = part.lately.peak(self.now).saturating_sub(part.count);
            part.lately.wants(self.now).max(more)
        });
        held.fold(0, u32::saturating_add)
    }

    fn demands(&self) -> BTreeMap<Mark, Demand> {
        let mut demands = BTreeMap::<Mark, Demand>::new();
        for (mark, Part { count, weight, lately }) in self.parts() {
            if count == 0 && !lately.is_recent(self.now) {
                continue;
            }
            let demand = demands.entry(mark).or_default();
            demand.has = demand.has.saturating_add(count);
            demand.wants = demand.wants.saturating_add(lately.wants(self.now));
            demand.peak = demand.peak.max(lately.peak(self.now));
            demand.weight = demand.weight.max(weight);
        }
        demands
    }

    /// What is known of tenants, of each as often as there are workers.
    fn parts(&self) -> impl Iterator<Item = (Mark, Part)> {
        let others = self.others.iter().filter(|record| record.part != Mark::NONE);
        let others = others.map(|&Record { part, count, weight, lately, .. }| {
            (part, Part { count, weight, lately })
        });
        others.chain(self.local.parts())
    }
}

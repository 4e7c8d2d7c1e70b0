use std::collections::BTreeMap;

use tollgate_core::Timestamp;

use crate::demand::{Demand, may_have};
use crate::local::Local;
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
        if !self.is_wanted_by_others(part) {
            return true;
        }
        let mut demands = self.demands();
        let mine = demands.remove(&part).unwrap_or_default();
        let others: Vec<Demand> = demands.into_values().collect();
        may_have(Demand { weight, ..mine }, &others, capacity)
    }

    /// Whether anybody was refused lately.
    pub(crate) fn is_wanted(&self) -> bool {
        self.is_wanted_by_others(Mark::NONE)
    }

    fn is_wanted_by_others(&self, part: Mark) -> bool {
        let others = self.others.iter().map(|record| (record.part, record.wanted));
        let own = self.local.parts().map(|(mark, part)| (mark, part.wanted));
        others.chain(own).any(|(mark, wanted)| mark != part && 0 < wanted.at(self.now))
    }

    fn demands(&self) -> BTreeMap<Mark, Demand> {
        let mut demands = BTreeMap::<Mark, Demand>::new();
        let others = self.others.iter().filter(|record| record.part != Mark::NONE);
        let others = others.map(|one| (one.part, one.count, one.weight, one.wanted));
        let own = self.local.parts().map(|(mark, one)| (mark, one.count, one.weight, one.wanted));
        for (mark, count, weight, wanted) in others.chain(own) {
            let demand = demands.entry(mark).or_default();
            demand.has = demand.has.saturating_add(count);
            demand.wants = demand.wants.saturating_add(wanted.at(self.now));
            demand.weight = demand.weight.max(weight);
        }
        demands
    }
}

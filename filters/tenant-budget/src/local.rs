use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use tollgate_core::{Prehashed, Timestamp};

use crate::ask::Place;
use crate::record::{Mark, Record, Want};

/// What this worker has under way of one thing, whether others know or not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Local {
    parts: HashMap<Mark, Part, BuildHasherDefault<Prehashed>>,
    total: u32,
    /// So many of them others believe it to have, whoever they are for; nothing once
    /// others have to know for whom they are.
    pub(crate) credit: Option<u32>,
    /// How many there may be of all workers together.
    pub(crate) cap: u32,
}

/// For one tenant, or one backend.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Part {
    pub(crate) count: u32,
    pub(crate) weight: u32,
    pub(crate) wanted: Want,
}

// === impl Local ===

impl Local {
    /// Of what all share, so many of which there may be.
    pub(crate) fn shared(cap: u32) -> Self {
        Self { credit: Some(0), cap, ..Self::default() }
    }

    pub(crate) fn total(&self) -> u32 {
        self.total
    }

    pub(crate) fn part(&self, part: Mark) -> Part {
        self.parts.get(&part).copied().unwrap_or_default()
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = (Mark, Part)> {
        self.parts.iter().map(|(mark, part)| (*mark, *part))
    }

    /// One more, if others believe that there is.
    pub(crate) fn enter_on_credit(&mut self, part: Mark, weight: u32) -> bool {
        let has_credit = self.credit.is_some_and(|credit| self.total < credit);
        if has_credit {
            self.enter(part, weight);
        }
        has_credit
    }

    pub(crate) fn enter(&mut self, part: Mark, weight: u32) {
        self.total = self.total.saturating_add(1);
        let part = self.parts.entry(part).or_default();
        *part = part.entered(weight);
    }

    pub(crate) fn want(&mut self, part: Mark, weight: u32, now: Timestamp) {
        let part = self.parts.entry(part).or_default();
        *part = part.wanting(weight, now);
    }

    /// One fewer; false if there was none.
    pub(crate) fn leave(&mut self, mark: Mark, now: Timestamp) -> bool {
        let Some(part) = self.parts.get_mut(&mark).filter(|part| 0 < part.count) else {
            return false;
        };
        part.count = part.count.saturating_sub(1);
        self.total = self.total.saturating_sub(1);
        if part.count == 0 && part.wanted.at(now) == 0 {
            self.parts.remove(&mark);
        }
        true
    }

    /// Forgets what nobody wants any longer.
    pub(crate) fn tidy(&mut self, now: Timestamp) {
        self.parts.retain(|_, part| 0 < part.count || 0 < part.wanted.at(now));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// What others are to know of it.
    pub(crate) fn records(&self, what: Mark, owner: u32) -> Vec<Record> {
        let record = |(part, one): (Mark, Part)| one.record(Place { what, part }, owner);
        let credit = |count| vec![Record { what, owner, count, ..Record::default() }];
        self.credit.map_or_else(|| self.parts().map(record).collect(), credit)
    }
}

// === impl Part ===

impl Part {
    /// With one more.
    pub(crate) fn entered(self, weight: u32) -> Self {
        let (count, wanted) = (self.count.saturating_add(1), self.wanted.fewer());
        Self { count, weight, wanted }
    }

    /// With one more that was refused.
    pub(crate) fn wanting(self, weight: u32, now: Timestamp) -> Self {
        Self { weight, wanted: self.wanted.more(now), ..self }
    }

    pub(crate) fn record(self, Place { what, part }: Place, owner: u32) -> Record {
        let Self { count, weight, wanted } = self;
        Record { what, part, owner, count, weight, wanted }
    }
}

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use tollgate_core::{Prehashed, Timestamp};

use crate::ask::Place;
use crate::bears::Bears;
use crate::lately::Lately;
use crate::record::{Mark, Record};

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
    /// How many it bears, if it was found out a moment ago that it bears fewer.
    pub(crate) bears: Option<Bears>,
}

/// For one tenant, or one backend.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Part {
    pub(crate) count: u32,
    pub(crate) weight: u32,
    pub(crate) lately: Lately,
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
    pub(crate) fn enter_on_credit(&mut self, part: Mark, weight: u32, now: Timestamp) -> bool {
        let has_credit = self.credit.is_some_and(|credit| self.total < credit);
        if has_credit {
            self.enter(part, weight, 0, now);
        }
        has_credit
    }

    /// One more of a part, of which all workers have so many by now.
    pub(crate) fn enter(&mut self, mark: Mark, weight: u32, count: u32, now: Timestamp) {
        self.total = self.total.saturating_add(1);
        let part = self.entered(mark, weight, count, now);
        self.parts.insert(mark, part);
    }

    /// What a part is with one more.
    pub(crate) fn entered(&self, mark: Mark, weight: u32, count: u32, now: Timestamp) -> Part {
        let Part { count: before, lately, .. } = self.part(mark);
        let own = before.saturating_add(1);
        let lately = || lately.admitted(now).having(count.max(own), now);
        Part {
            count: own,
            weight,
            lately: if self.is_shared() { lately() } else { <_>::default() },
        }
    }

    pub(crate) fn want(&mut self, part: Mark, weight: u32, now: Timestamp) {
        let part = self.parts.entry(part).or_default();
        *part = part.wanting(weight, now);
    }

    /// One fewer; false if there was none.
    pub(crate) fn leave(&mut self, mark: Mark, now: Timestamp) -> bool {
        let is_shared = self.is_shared();
        let Some(part) = self.parts.get_mut(&mark).filter(|part| 0 < part.count) else {
            return false;
        };
        if is_shared {
            part.lately = part.lately.having(part.count, now);
        }
        part.count = part.count.saturating_sub(1);
        self.total = self.total.saturating_sub(1);
        if part.count == 0 && !is_shared {
            self.parts.remove(&mark);
        }
        true
    }

    /// Forgets who has nothing, and had and wanted nothing a moment ago; but for a
    /// minute whoever was there last of these: others leave it some room to return.
    pub(crate) fn tidy(&mut self, now: Timestamp) {
        let is_there = |part: &Part| 0 < part.count || part.lately.is_fresh(now);
        let gone = self.parts.iter().filter(|(_, part)| !is_there(part));
        let recent = gone.filter(|(_, part)| part.lately.is_recent(now));
        let last = recent.max_by_key(|(_, part)| part.lately.since_nanos).map(|(mark, _)| *mark);
        self.parts.retain(|mark, part| is_there(part) || Some(*mark) == last);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether tenants share it.
    fn is_shared(&self) -> bool {
        0 < self.cap
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
    /// With one more that was refused.
    pub(crate) fn wanting(self, weight: u32, now: Timestamp) -> Self {
        Self { weight, lately: self.lately.refused(now), ..self }
    }

    pub(crate) fn record(self, Place { what, part }: Place, owner: u32) -> Record {
        let Self { count, weight, lately } = self;
        Record { what, part, owner, count, weight, lately }
    }
}

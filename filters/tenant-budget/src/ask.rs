//! Whether there may be one more of something, and what others are to know of it.

use tollgate_core::Timestamp;

use crate::local::Local;
use crate::record::{Crowded, Mark, Slot};
use crate::tally::Tally;

/// Where something is counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    pub(crate) what: Mark,
    pub(crate) part: Mark,
}

/// One more of something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) place: Place,
    pub(crate) weight: u32,
    pub(crate) bound: Bound,
}

/// How many there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    /// In all, and of the part.
    Own { total: Option<u32>, part: Option<u32> },
    /// Of all tenants together, `open` of them to this one, by its share.
    Shared { cap: u32, open: u32 },
}

/// Why there can be no more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Full {
    /// There are as many as there may be.
    Total,
    /// Of the part.
    Part,
    /// Others are below their share, and this one is not.
    Share,
    /// What there is cannot be read or written.
    Unavailable,
}

/// How many there were, of how many.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Seen {
    pub(crate) count: u32,
    pub(crate) cap: u32,
}

/// How many of a shared bound one worker holds at most without having them under
/// way: one in so many, divided by the number of workers.
const CREDIT_SHARE: u32 = 64;

/// Of so many or more, the last is for a tenant that has none: at a backend that others
/// have filled, somebody new would have to wait for one of them.
const NEWCOMER_FROM: u32 = 50;

/// What becomes of the record of one worker.
pub(crate) enum Decision {
    /// It holds so many, whoever they are for.
    Credit(u32),
    /// All workers have so many of the part by then.
    Counted(u32),
    Refused(Full),
}

/// What one worker may hold without having it under way; of few, nothing.
pub(crate) fn credit_of(cap: u32, workers: u32) -> u32 {
    cap.checked_div(CREDIT_SHARE.saturating_mul(workers)).unwrap_or_default()
}

/// How many of so many there may be for one who has `has` of them.
fn open_to(has: u32, open: u32) -> u32 {
    let is_kept = 0 < has && NEWCOMER_FROM <= open;
    open.saturating_sub(u32::from(is_kept))
}

pub(crate) fn decide(
    ask: &Ask,
    tally: &Tally<'_>,
    workers: u32,
    local: &Local,
) -> (Seen, Decision) {
    let Ask { place: Place { part, .. }, weight, bound } = *ask;
    let count = tally.total();
    let seen = Seen { count, cap: bound.cap() };
    let decision = match bound {
        Bound::Own { total: Some(total), .. } if total <= count => Decision::Refused(Full::Total),
        Bound::Own { part: Some(cap), .. } if cap <= tally.of(part) => {
            Decision::Refused(Full::Part)
        }
        Bound::Own { .. } => Decision::Counted(0),
        Bound::Shared { cap, open } => {
            let more = credit_of(cap, workers);
            let credit = local.total().saturating_add(1).saturating_add(more);
            let is_roomy = count.saturating_add(1).saturating_add(more) <= open.min(cap) / 2;
            if 0 < more && is_roomy && local.credit.is_some() {
                Decision::Credit(credit)
            } else if open_to(tally.of(part), open) <= count {
                Decision::Refused(Full::Total)
            } else if tally.may_enter(part, weight, open) {
                Decision::Counted(tally.of(part).saturating_add(1))
            } else {
                Decision::Refused(Full::Share)
            }
        }
    };
    (seen, decision)
}

/// Writes what becomes of a worker's part: one record, or all of them if others
/// are to know more, or less, than before.
pub(crate) fn write(
    slot: &mut Slot,
    ask: &Ask,
    decision: &Decision,
    (me, local): (u32, &Local),
    now: Timestamp,
) -> Result<(), Crowded> {
    let Place { what, part } = ask.place;
    if local.credit.is_none() {
        let then = match decision {
            Decision::Credit(_) => local.entered(part, ask.weight, 0, now),
            Decision::Counted(count) => local.entered(part, ask.weight, *count, now),
            Decision::Refused(_) => local.part(part).wanting(ask.weight, now),
        };
        return slot.put(&then.record(ask.place, me));
    }
    let mut then = local.clone();
    then.follow(decision, ask, now);
    slot.keep(|record| (record.what, record.owner) != (what, me));
    then.records(what, me).iter().try_for_each(|record| slot.put(record))
}

// === impl Local ===

impl Local {
    pub(crate) fn follow(&mut self, decision: &Decision, ask: &Ask, now: Timestamp) {
        let Ask { place: Place { part, .. }, weight, bound } = *ask;
        match (decision, bound) {
            (Decision::Credit(credit), _) => {
                self.enter(part, weight, 0, now);
                self.credit = Some(*credit);
            }
            (Decision::Counted(count), _) => {
                self.enter(part, weight, *count, now);
                self.credit = None;
            }
            (Decision::Refused(_), Bound::Shared { .. }) => {
                self.want(part, weight, now);
                self.credit = None;
            }
            (Decision::Refused(_), Bound::Own { .. }) => {}
        }
    }

    pub(crate) fn most_credit(&self, workers: u32) -> u32 {
        self.total().saturating_add(credit_of(self.cap, workers).saturating_mul(2))
    }
}

// === impl Bound ===

impl Bound {
    pub(crate) fn cap(self) -> u32 {
        match self {
            Self::Own { total, part } => total.or(part).unwrap_or_default(),
            Self::Shared { cap, .. } => cap,
        }
    }

    /// Of what is shared, no more than it bears.
    pub(crate) fn within(self, bears: Option<u32>) -> Self {
        match (self, bears) {
            (Self::Shared { cap, open }, Some(bears)) => {
                Self::Shared { cap, open: open.min(bears) }
            }
            _ => self,
        }
    }

    pub(crate) fn local(self) -> Local {
        match self {
            Self::Own { .. } => Local::default(),
            Self::Shared { cap, .. } => Local::shared(cap),
        }
    }
}

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use foldhash::quality::RandomState;
use tollgate_core::Timestamp;

use crate::{Grant, Instance, Key, Report, Share};

/// An Envoy reports five times a second. Whoever did not for so long may have
/// begun to do without.
pub(crate) const SILENT: Duration = Duration::from_secs(2);

/// By then it enforces what is configured, also if its clock is a tenth slower.
pub(crate) const LAPSED: Duration = Duration::from_secs(11);

/// By then nobody waits for it any more.
pub(crate) const FORGET: Duration = Duration::from_mins(1);

/// Looked up for every key that is dealt, which the usual hash makes most of the work of.
pub(crate) type Members = HashMap<Instance, Member, RandomState>;

/// What is known of one Envoy.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) joined_at: Timestamp,
    pub(crate) number: u64,
    pub(crate) heard_at: Timestamp,
    pub(crate) turn: u32,
    /// What it enforces of what nothing was dealt of.
    pub(crate) share: Share,
    pub(crate) is_complete: bool,
    /// What it is to be told.
    pub(crate) news: BTreeSet<Key>,
    /// What it was told last, and by the answer to which exchange. It may not
    /// have got it.
    pub(crate) told: Vec<Grant>,
    pub(crate) told_at: u64,
    /// How it stood when it was last looked at.
    pub(crate) presence: Presence,
}

/// How much can be known of what an Envoy does.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Presence {
    /// It was heard a moment ago.
    Live,
    /// It does what it was told, or has begun to do without.
    Silent,
    /// It is dead, or enforces what is configured.
    Lapsed,
    /// It is dead, or so far away that nobody waits for it.
    Gone,
}

// === impl Member ===

impl Member {
    pub(crate) fn new(report: &Report<'_>, now: Timestamp) -> Self {
        Self {
            joined_at: now,
            number: 0,
            heard_at: now,
            turn: report.turn,
            share: report.share,
            is_complete: report.is_complete,
            news: BTreeSet::new(),
            told: Vec::new(),
            told_at: 0,
            presence: Presence::Live,
        }
    }

    pub(crate) fn presence(&self, now: Timestamp) -> Presence {
        let silence = now.since(self.heard_at);
        match () {
            () if silence <= SILENT => Presence::Live,
            () if silence <= LAPSED => Presence::Silent,
            () if silence <= FORGET => Presence::Lapsed,
            () => Presence::Gone,
        }
    }
}

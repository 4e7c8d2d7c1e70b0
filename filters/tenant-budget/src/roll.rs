//! Which workers there are, and what each of them shows.
//!
//! A worker that runs says so every second. One that has not for a while is gone:
//! its virtual machine has ended, and what it wrote counts no longer. Each worker
//! finds that out by its own heartbeats, so that no change of the clock makes
//! anybody seem dead.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tollgate_core::{Cx, SharedDataUnavailable, Timestamp, update};

use crate::show::Shown;

/// One worker among the others.
#[derive(Debug, Default)]
pub(crate) struct Membership {
    me: Option<u32>,
    /// How often it has said that it is there.
    beats: u32,
    beat_at: Option<Timestamp>,
    others: BTreeMap<u32, Heard>,
    living: Living,
}

/// Whose records count.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Living {
    numbers: Vec<u32>,
    /// Whoever has this number or a higher one came since it was last looked.
    next: u32,
}

/// When another was heard of last.
#[derive(Clone, Copy, Debug)]
struct Heard {
    /// What it said.
    beats: u32,
    /// How often this one had said something itself by then.
    at: u32,
}

/// What stands in shared data.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Roll {
    next: u32,
    members: BTreeMap<u32, Member>,
    /// The tenants that have numbers of their own among the statistics, for good.
    names: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Member {
    beats: u32,
    shown: Shown,
}

const ROLL: &[u8] = b"tollgate.budget.roll.1";

/// From one heartbeat to the next.
const PERIOD: Duration = Duration::from_secs(1);

/// A worker is gone once others have said so often that they are there.
const SILENT_BEATS: u32 = 15;

/// And its place is taken away once they have so often.
const FORGOTTEN_BEATS: u32 = 60;

/// A worker that was held up this long may have been taken for gone.
const LATE: Duration = Duration::from_secs(5);

/// What a worker finds at a heartbeat.
pub(crate) struct Beat {
    /// What all who live show together, if this one is to tell.
    pub(crate) shown: Option<(Shown, Vec<String>)>,
    /// Whether others may have dropped what this one wrote.
    pub(crate) is_late: bool,
}

// === impl Membership ===

impl Membership {
    /// Makes room, unless it is there. Has to run before any worker does.
    pub(crate) fn prepare(cx: &mut Cx<'_>) -> Result<(), SharedDataUnavailable> {
        match cx.host.load(ROLL)? {
            (None, version) => cx.host.store(ROLL, &Roll::default().encode(), version).map(|_| ()),
            (Some(_), _) => Ok(()),
        }
    }

    /// This worker's number, which no other had before.
    pub(crate) fn me(&mut self, cx: &mut Cx<'_>) -> Result<u32, SharedDataUnavailable> {
        match self.me {
            Some(me) => Ok(me),
            None => self.join(cx),
        }
    }

    pub(crate) fn living(&self) -> &Living {
        &self.living
    }

    fn join(&mut self, cx: &mut Cx<'_>) -> Result<u32, SharedDataUnavailable> {
        let (me, roll) = update(ROLL, cx.host, |bytes| {
            let mut roll = Roll::decode(bytes);
            let me = roll.next.max(1);
            roll.next = me.saturating_add(1);
            roll.members.insert(me, Member::default());
            let bytes = roll.encode();
            ((me, roll), Some(bytes))
        })?;
        self.me = Some(me);
        self.beat_at = Some(cx.now);
        self.look(&roll);
        Ok(me)
    }

    /// Says once a second that this worker is there. It begins with that before its
    /// first request: who came late would wait longer until others are gone.
    pub(crate) fn beat(&mut self, shown: &Shown, cx: &mut Cx<'_>) -> Option<Beat> {
        let me = self.me(cx).ok()?;
        let before = self.beat_at?;
        if before <= cx.now && cx.now.since(before) < PERIOD {
            return None;
        }
        let beats = self.beats.saturating_add(1);
        let forgotten: Vec<u32> = self.forgotten().collect();
        let roll = update(ROLL, cx.host, |bytes| {
            let mut roll = Roll::decode(bytes);
            roll.next = roll.next.max(me.saturating_add(1));
            roll.members.retain(|number, _| !forgotten.contains(number));
            let names = shown.named(std::mem::take(&mut roll.names));
            roll.names = names;
            let shown = shown.only(&roll.names);
            roll.members.insert(me, Member { beats, shown });
            let bytes = roll.encode();
            (roll, Some(bytes))
        });
        // The next one may succeed; until then nobody counts what it does not know.
        let roll = roll.ok()?;
        (self.beats, self.beat_at) = (beats, Some(cx.now));
        self.look(&roll);
        let is_late = cx.now < before || LATE <= cx.now.since(before);
        let tells = self.living.numbers.iter().min() == Some(&me);
        let shown = tells.then(|| {
            let living = roll.members.iter().filter(|(number, _)| self.living.has(**number));
            let mut sum = Shown::default();
            living.for_each(|(_, member)| sum.add(&member.shown));
            (sum, roll.names)
        });
        Some(Beat { shown, is_late })
    }

    fn look(&mut self, roll: &Roll) {
        let Self { me, beats, others, living, .. } = self;
        others.retain(|number, _| roll.members.contains_key(number));
        for (number, member) in &roll.members {
            let heard = Heard { beats: member.beats, at: *beats };
            let before = others.entry(*number).or_insert(heard);
            if before.beats != member.beats {
                *before = heard;
            }
        }
        let lives = |(number, heard): (&u32, &Heard)| {
            let silent = beats.saturating_sub(heard.at);
            (Some(*number) == *me || silent < SILENT_BEATS).then_some(*number)
        };
        *living = Living { numbers: others.iter().filter_map(lives).collect(), next: roll.next };
    }

    fn forgotten(&self) -> impl Iterator<Item = u32> {
        let Self { me, beats, others, .. } = self;
        let silent = |heard: &Heard| beats.saturating_sub(heard.at);
        let forgotten = others.iter().filter(move |(_, heard)| FORGOTTEN_BEATS <= silent(heard));
        forgotten.map(|(number, _)| *number).filter(|number| Some(*number) != *me)
    }
}

// === impl Living ===

impl Living {
    pub(crate) fn has(&self, owner: u32) -> bool {
        self.next <= owner || self.numbers.contains(&owner)
    }

    /// How many there are, this one included.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.numbers.len()).unwrap_or(u32::MAX).max(1)
    }
}

// === impl Roll ===

impl Roll {
    /// What nobody can have written is an empty one: numbers begin anew then, and
    /// whoever has one keeps it.
    fn decode(bytes: Option<Vec<u8>>) -> Self {
        let roll = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        roll.unwrap_or_default()
    }

    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

//! One caller's count of one limit, in the data that all workers share.
//!
//! Shared data is one table with one lock for the whole Envoy. Nothing can be
//! removed from it, and the first insert of a key is not protected from
//! another one. So there is a fixed number of slots, made before any worker
//! runs; a count belongs to the slot that its key hashes to.

use tollgate_core::{Cx, Fingerprint, Host, SharedDataUnavailable, Version, update};

use crate::gcra::{Decision, Level};
use crate::limit::Limit;
use crate::slot::{Crowded, Entry, Slot};

/// At 32 callers each, twice what 100,000 busy tenants with two limits each
/// need; 20 MiB if every one is used to the full, 2 MiB if none is.
const SLOTS: u32 = 16_384;

/// Stands in shared data once all slots do, and their names begin with it.
/// Another layout, or another number of slots, needs another name.
const READY: &[u8; 21] = b"tollgate.rate-limit.2";

/// As many as [`tollgate_core::update`] makes.
const TRIES_MAX: u32 = 16;

/// Where one caller's count of one limit is kept.
pub(crate) struct Count<'a> {
    pub(crate) limit: &'a Limit,
    who: Fingerprint,
    slot: u32,
}

/// A count as it was read, and what follows for the request.
pub(crate) struct Reading<'a> {
    pub(crate) count: Count<'a>,
    pub(crate) decision: Decision,
    state: State,
}

/// A slot as it was read.
struct State {
    slot: Slot,
    version: Version,
}

/// A count that this request was added to.
pub(crate) struct Taken<'a> {
    pub(crate) count: Count<'a>,
    /// What was written.
    pub(crate) level: Level,
}

/// Why a request was not added to a count.
pub(crate) enum NotTaken<'a> {
    /// Another worker took the last of the allowance meanwhile.
    Refused(Reading<'a>),
    /// The count could not be read or written.
    Unavailable(Count<'a>),
}

/// Makes the slots, unless they have been made.
pub(crate) fn prepare(host: &mut dyn Host) -> Result<(), SharedDataUnavailable> {
    if let (Some(_), _) = host.load(READY)? {
        return Ok(());
    }
    for number in 0..SLOTS {
        let name = slot_name(number);
        if let (None, version) = host.load(&name)? {
            host.store(&name, &[], version)?;
        }
    }
    // Written last: it says that all of the others are there.
    host.store(READY, b"ready", Version::Absent).map(|_| ())
}

fn slot_name(number: u32) -> [u8; 25] {
    let mut name = [0; 25];
    let parts = READY.iter().copied().chain(number.to_le_bytes());
    name.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
    name
}

fn slot_number(Fingerprint(who): Fingerprint) -> u32 {
    let [a, b, c, d, ..] = who.to_le_bytes();
    u32::from_le_bytes([a, b, c, d]).checked_rem(SLOTS).unwrap_or(0)
}

// === impl Count ===

impl<'a> Count<'a> {
    pub(crate) fn new(limit: &'a Limit, who: Fingerprint) -> Self {
        Self { limit, who, slot: slot_number(who) }
    }

    /// Judges the request without adding it to the count.
    pub(crate) fn read(self, cx: &mut Cx<'_>) -> Result<Reading<'a>, Count<'a>> {
        match self.load(cx) {
            Ok((decision, state)) => Ok(Reading { count: self, decision, state }),
            Err(SharedDataUnavailable) => Err(self),
        }
    }

    fn load(&self, cx: &mut Cx<'_>) -> Result<(Decision, State), SharedDataUnavailable> {
        // Workers that made a slot here could overwrite each other's counts.
        let (Some(bytes), version) = cx.host.load(&slot_name(self.slot))? else {
            return Err(SharedDataUnavailable);
        };
        let slot = Slot::new(bytes);
        let decision = self.limit.rate.decide(slot.level(self.who), cx.now);
        Ok((decision, State { slot, version }))
    }

    /// Writes the count into a slot that was read; false if the slot changed.
    fn store(
        &self,
        level: Level,
        state: &mut State,
        cx: &mut Cx<'_>,
    ) -> Result<bool, SharedDataUnavailable> {
        let State { slot, version } = state;
        slot.put(self.entry(level), cx.now).map_err(|Crowded| SharedDataUnavailable)?;
        cx.host.store(&slot_name(self.slot), slot.as_bytes(), *version)
    }

    fn entry(&self, level: Level) -> Entry {
        Entry { who: self.who, level, tolerance: self.limit.rate.tolerance() }
    }
}

// === impl Reading ===

impl<'a> Reading<'a> {
    /// Adds the request to the count, as it was read if nobody else wrote to
    /// the slot since, and otherwise as it is then.
    pub(crate) fn take(mut self, cx: &mut Cx<'_>) -> Result<Taken<'a>, NotTaken<'a>> {
        for _ in 0..TRIES_MAX {
            let Decision::Admit(level) = self.decision else {
                return Err(NotTaken::Refused(self));
            };
            match self.count.store(level, &mut self.state, cx) {
                Ok(true) => return Ok(Taken { count: self.count, level }),
                Ok(false) => self = self.count.read(cx).map_err(NotTaken::Unavailable)?,
                Err(SharedDataUnavailable) => break,
            }
        }
        Err(NotTaken::Unavailable(self.count))
    }

    /// Corrects a count that was written before the clock was set back, so that
    /// the caller's wait ends. If another worker gets in first, it does the same.
    pub(crate) fn repair(&mut self, cx: &mut Cx<'_>) {
        let Self { count, decision, state } = self;
        if let Decision::Refuse { level, .. } = *decision
            && Some(level) != state.slot.level(count.who)
        {
            let _ = count.store(level, state, cx);
        }
    }
}

// === impl Taken ===

impl Taken<'_> {
    /// Takes the request off the count again.
    pub(crate) fn give_back(self, cx: &mut Cx<'_>) {
        let Self { count, level: taken } = self;
        let now = cx.now;
        let step = |bytes: Option<Vec<u8>>| {
            let mut slot = Slot::new(bytes.unwrap_or_default());
            let level = slot.level(count.who).map(|level| count.limit.rate.give_back(level, taken));
            let written = level.and_then(|level| slot.put(count.entry(level), now).ok());
            ((), written.map(|()| slot.as_bytes().to_vec()))
        };
        // If it cannot be written, the request stays counted: that errs on the
        // strict side.
        let _ = update(&slot_name(count.slot), cx.host, step);
    }
}

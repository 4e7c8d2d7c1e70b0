//! One caller's count of one limit, in the data that all workers share.
//!
//! Shared data is one table with one lock for the whole Envoy. Nothing can be
//! removed from it, and the first insert of a key is not protected from
//! another one. So there is a fixed number of slots, made before any worker
//! runs; a count belongs to the slot that its key hashes to.

use tollgate_core::{Cx, Fingerprint, Host, SharedDataUnavailable, Timestamp, Version, update};
use tollgate_sync::{Accounts, Enforced};

use crate::gcra::Growth;
use crate::meter::{Drawn, Meter, Short, State};
use crate::quota::Used;
use crate::slot::{Crowded, Entry, Slot};

/// At 64 callers each, ten times what 100,000 busy tenants need; 45 MB if every
/// place is taken, 2 MB if none is.
const SLOTS: u32 = 16_384;

/// Stands in shared data once all slots do, and their names begin with it.
/// Another layout, or another number of slots, needs another name.
const READY: &[u8; 21] = b"tollgate.rate-limit.3";

/// As many as [`tollgate_core::update`] makes.
const TRIES_MAX: u32 = 16;

/// Where a count is kept, and what it is a count of.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) who: Fingerprint,
    pub(crate) meter: Meter,
    /// Whether whoever is forgotten loses something.
    pub(crate) saves: bool,
    /// What the meter hands out of the limit.
    pub(crate) enforced: Enforced,
}

/// A count as it was read, and what follows for the request.
pub(crate) struct Reading {
    pub(crate) outcome: Result<Drawn<State>, Short<State>>,
    tokens: (u64, u64),
    slot: Slot,
    version: Version,
}

/// Why tokens were not taken.
pub(crate) enum NotTaken {
    /// Another worker took the last of them meanwhile.
    Short(Short<State>),
    /// The count could not be read or written.
    Unavailable,
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

/// The windows that the control plane lends, where they are counted.
pub(crate) struct Windows;

// === impl Windows ===

impl Accounts for Windows {
    fn counted(
        &mut self,
        who: Fingerprint,
        ends_at: Timestamp,
        cx: &mut Cx<'_>,
    ) -> Option<(u64, u64)> {
        let (bytes, _) = cx.host.load(&slot_name(slot_number(who))).ok()?;
        let used = used_in(&Slot::new(bytes?), who, ends_at);
        Some((used.tokens, used.granted))
    }

    fn cap(
        &mut self,
        who: Fingerprint,
        ends_at: Timestamp,
        cap: u64,
        cx: &mut Cx<'_>,
    ) -> Option<u64> {
        let now = cx.now;
        let step = |bytes: Option<Vec<u8>>| {
            let Some(bytes) = bytes else { return (None, None) };
            let mut slot = Slot::new(bytes);
            let used = used_in(&slot, who, ends_at);
            let used = Used { granted: cap.max(used.tokens), ..used };
            let entry = Entry { who, state: State::Used(used), saves: false, share: 0 };
            let put = slot.put(entry, now).ok().map(|()| slot.as_bytes().to_vec());
            (put.is_some().then_some(used.granted), put)
        };
        update(&slot_name(slot_number(who)), cx.host, step).ok().flatten()
    }
}

/// What was counted in the window that ends then; nothing of another.
fn used_in(slot: &Slot, who: Fingerprint, ends_at: Timestamp) -> Used {
    match slot.state(who) {
        Some(State::Used(used)) if used.ends_at == ends_at => used,
        _ => Used { tokens: 0, granted: 0, ends_at },
    }
}

// === impl Account ===

impl Account {
    /// What would come of drawing `tokens`: so many at least, or as many as there
    /// are up to the second number. Nothing is written.
    pub(crate) fn read(
        &self,
        tokens: (u64, u64),
        cx: &mut Cx<'_>,
    ) -> Result<Reading, SharedDataUnavailable> {
        let (slot, version) = self.load(cx)?;
        let outcome = self.meter.draw(self.state_in(&slot, cx.now), tokens, cx.now);
        Ok(Reading { outcome, tokens, slot, version })
    }

    /// How the count stands.
    pub(crate) fn state(&self, cx: &mut Cx<'_>) -> Result<Option<State>, SharedDataUnavailable> {
        self.load(cx).map(|(slot, _)| self.state_in(&slot, cx.now))
    }

    /// Draws what was read about, as it was read if nobody else wrote to the slot
    /// since, and otherwise as it is then.
    pub(crate) fn take(
        &self,
        mut reading: Reading,
        cx: &mut Cx<'_>,
    ) -> Result<Drawn<State>, NotTaken> {
        for _ in 0..TRIES_MAX {
            let drawn = reading.outcome.map_err(NotTaken::Short)?;
            match self.store(drawn.state, &mut reading, cx) {
                Ok(true) => return Ok(drawn),
                Ok(false) => {
                    let again = self.read(reading.tokens, cx);
                    reading = again.map_err(|SharedDataUnavailable| NotTaken::Unavailable)?;
                }
                Err(SharedDataUnavailable) => break,
            }
        }
        Err(NotTaken::Unavailable)
    }

    /// Corrects a count that was written before the clock was set back, so that
    /// the caller's wait ends. If another worker gets in first, it does the same.
    pub(crate) fn repair(&self, mut reading: Reading, cx: &mut Cx<'_>) {
        if let Err(Short { state, .. }) = reading.outcome
            && reading.slot.state(self.who).is_some_and(|before| before != state)
        {
            let _ = self.store(state, &mut reading, cx);
        }
    }

    /// Gives back tokens of those that were drawn and have left `taken`. If that
    /// cannot be written, they stay counted: that errs on the strict side.
    pub(crate) fn give_back(&self, tokens: u64, taken: State, cx: &mut Cx<'_>) {
        let now = cx.now;
        // Whoever was forgotten meanwhile has everything.
        self.amend(cx, |state| Some(self.meter.give_back(state?, tokens, taken, now)));
    }

    /// Takes tokens that were spent already, whether they are there or not.
    pub(crate) fn charge(&self, tokens: u64, cx: &mut Cx<'_>) {
        let now = cx.now;
        self.amend(cx, |state| Some(self.meter.charge(state, tokens, now)));
    }

    /// How the count stands. Nobody gets tokens by it that this Envoy enforces a
    /// larger share than it did: another one has had them.
    fn state_in(&self, slot: &Slot, now: Timestamp) -> Option<State> {
        let Enforced { share: to, before, raised_at } = self.enforced;
        match slot.entry(self.who) {
            Some(Entry { state: State::Level(level), share, .. }) if 0 < share => {
                // Nobody has looked since the share was smaller.
                let from = if level.drawn_at < raised_at { share.min(before) } else { share };
                let state = State::Level(level);
                let growth = Growth { from, to };
                Some(if from < to { self.meter.grown(state, growth, now) } else { state })
            }
            Some(entry) => Some(entry.state),
            None if before < to => self.meter.unseen(Growth { from: before, to }, raised_at, now),
            None => None,
        }
    }

    fn amend(&self, cx: &mut Cx<'_>, change: impl Fn(Option<State>) -> Option<State>) {
        let now = cx.now;
        let step = |bytes: Option<Vec<u8>>| {
            // Workers that made a slot here could overwrite each other's counts.
            let mut slot = match bytes {
                Some(bytes) => Slot::new(bytes),
                None => return ((), None),
            };
            let changed = change(self.state_in(&slot, now));
            let put = changed.and_then(|state| slot.put(self.entry(state), now).ok());
            ((), put.map(|()| slot.as_bytes().to_vec()))
        };
        let _ = update(&slot_name(slot_number(self.who)), cx.host, step);
    }

    fn load(&self, cx: &mut Cx<'_>) -> Result<(Slot, Version), SharedDataUnavailable> {
        // Workers that made a slot here could overwrite each other's counts.
        let (Some(bytes), version) = cx.host.load(&slot_name(slot_number(self.who)))? else {
            return Err(SharedDataUnavailable);
        };
        Ok((Slot::new(bytes), version))
    }

    /// Writes the count into a slot that was read; false if the slot changed.
    fn store(
        &self,
        state: State,
        reading: &mut Reading,
        cx: &mut Cx<'_>,
    ) -> Result<bool, SharedDataUnavailable> {
        let Reading { slot, version, .. } = reading;
        slot.put(self.entry(state), cx.now).map_err(|Crowded| SharedDataUnavailable)?;
        cx.host.store(&slot_name(slot_number(self.who)), slot.as_bytes(), *version)
    }

    fn entry(&self, state: State) -> Entry {
        let share = match state {
            State::Level(_) => self.enforced.share,
            State::Used(_) => 0,
        };
        Entry { who: self.who, state, saves: self.saves, share }
    }
}

//! What this virtual machine has under way, and its part of what all have.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::rc::Rc;
use std::time::Duration;

use tollgate_core::{Cx, Host, Prehashed, SharedDataUnavailable, Timestamp, Version, update};

use crate::ask::{Ask, Bound, Decision, Full, Place, Seen, credit_of, decide, write};
use crate::bears::Bears;
use crate::local::Local;
use crate::record::{Crowded, Mark, Slot};
use crate::roll::{Beat, Membership};
use crate::show::Shown;
use crate::tally::Tally;

/// What the requests of one virtual machine hold. Configurations come and go in it
/// while requests go on, so they share one.
#[derive(Debug, Default)]
pub struct Ledger {
    membership: Membership,
    ticked_at: Option<Timestamp>,
    locals: Locals,
    /// What could not be written when it changed.
    unwritten: BTreeSet<Mark>,
    /// By tenant, for operators.
    pub(crate) tenants: HashMap<Rc<str>, u32>,
    pub(crate) streams: u32,
    /// Open connections, each with what it counts as once it is known whose it is.
    pub(crate) connections: BTreeMap<u64, Option<Place>>,
}

type Locals = HashMap<Mark, Local, BuildHasherDefault<Prehashed>>;

/// At a record or two for each tenant and worker, room for 100,000 busy tenants in
/// slots that are read in half a microsecond.
const SLOTS: u32 = 4096;

/// Stands in shared data once all slots do, and their names begin with it. Another
/// layout, or another number of slots, needs another name.
const READY: &[u8] = b"tollgate.budget.2";

/// Half of what lies between two ticks.
const SOON: Duration = Duration::from_millis(50);

// === impl Ledger ===

impl Ledger {
    /// Makes the slots, unless they have been made.
    pub(crate) fn prepare(host: &mut dyn Host) -> Result<(), SharedDataUnavailable> {
        Membership::prepare(&mut Cx { now: Timestamp::EPOCH, host })?;
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

    /// Counts one more, if there may be.
    pub(crate) fn enter(&mut self, ask: &Ask, cx: &mut Cx<'_>) -> (Seen, Result<(), Full>) {
        let Ask { place: Place { what, part }, weight, bound } = *ask;
        let local = self.locals.entry(what).or_insert_with(|| bound.local());
        if let Bound::Shared { cap, .. } = bound {
            local.cap = cap;
        }
        if local.enter_on_credit(part, weight, cx.now) {
            return (Seen { count: local.total(), cap: bound.cap() }, Ok(()));
        }
        let entered = self.enter_shared(ask, cx);
        if let (_, Err(Full::Unavailable)) = entered
            && let Bound::Shared { .. } = bound
        {
            // Envoy's own cap holds all the same: let requests through.
            let local = self.locals.entry(what).or_insert_with(|| bound.local());
            local.enter(part, weight, 0, cx.now);
            return (entered.0, Ok(()));
        }
        self.forget(what);
        entered
    }

    fn enter_shared(&mut self, ask: &Ask, cx: &mut Cx<'_>) -> (Seen, Result<(), Full>) {
        let Ask { place: Place { what, .. }, bound, .. } = *ask;
        let Ok(me) = self.membership.me(cx) else { return unavailable(bound) };
        let (living, now) = (self.membership.living(), cx.now);
        let Some(local) = self.locals.get_mut(&what) else { return unavailable(bound) };
        let ask = &Ask { bound: bound.within(local.bears.map(|bears| bears.at(now))), ..*ask };
        let decided = update(&slot_name(what.slot(SLOTS)), cx.host, |bytes| {
            // Workers that made a slot here could overwrite each other's records.
            let Some(bytes) = bytes else { return (None, None) };
            let mut slot = Slot::new(bytes);
            slot.keep(|record| record.owner == me || living.has(record.owner));
            let tally = Tally::new(what, &slot, (me, living), local, now);
            let (seen, decision) = decide(ask, &tally, living.count(), local);
            let is_silent = matches!((&decision, bound), (Decision::Refused(_), Bound::Own { .. }));
            if is_silent {
                return (Some((seen, decision)), None);
            }
            match write(&mut slot, ask, &decision, (me, local), now) {
                Ok(()) => (Some((seen, decision)), Some(slot.into_bytes())),
                Err(Crowded) => (None, None),
            }
        });
        let Ok(Some((seen, decision))) = decided else { return unavailable(bound) };
        local.follow(&decision, ask, now);
        match decision {
            Decision::Credit(_) | Decision::Counted(_) => (seen, Ok(())),
            Decision::Refused(full) => (seen, Err(full)),
        }
    }

    /// Learns that one of those under way was refused by what knows how many there may
    /// be: shares are of fewer for a while.
    pub(crate) fn shed(&mut self, Place { what, .. }: Place, cx: &mut Cx<'_>) {
        let Ok(me) = self.membership.me(cx) else { return };
        let Ok((Some(bytes), _)) = cx.host.load(&slot_name(what.slot(SLOTS))) else { return };
        let Some(local) = self.locals.get_mut(&what) else { return };
        let living = self.membership.living();
        let total = Tally::new(what, &Slot::new(bytes), (me, living), local, cx.now).total();
        local.bears = Some(Bears::fewer_than(total, cx.now));
        let held_back = local.credit.take();
        if held_back.is_some() {
            self.write_all(what, cx);
        }
    }

    /// Counts one fewer.
    pub(crate) fn leave(&mut self, Place { what, part }: Place, cx: &mut Cx<'_>) {
        let workers = self.membership.living().count();
        let Some(local) = self.locals.get_mut(&what) else { return };
        if !local.leave(part, cx.now) {
            return;
        }
        match local.credit {
            // The next one will take its place.
            Some(credit) if credit <= local.most_credit(workers) => {}
            Some(_) => {
                local.credit = Some(local.total().saturating_add(credit_of(local.cap, workers)));
                self.write_all(what, cx);
            }
            None => self.write_one(what, part, cx),
        }
        self.forget(what);
    }

    /// What is done ten times a second: says that this virtual machine is there, and
    /// keeps what others know of it true.
    pub(crate) fn on_tick(&mut self, cx: &mut Cx<'_>) {
        // Each configuration ticks, and they share this.
        if self.ticked_at.is_some_and(|at| at <= cx.now && cx.now.since(at) < SOON) {
            return;
        }
        self.ticked_at = Some(cx.now);
        let shown = self.shown();
        let mut due = std::mem::take(&mut self.unwritten);
        if let Some(Beat { shown, is_late }) = self.membership.beat(&shown, cx) {
            if let Some((shown, names)) = shown {
                shown.show(&names, cx.host);
            }
            if is_late {
                due.extend(self.locals.keys());
            }
        }
        for what in due {
            self.write_all(what, cx);
        }
        let shared = self.locals.iter().filter(|(_, local)| 0 < local.cap).map(|(what, _)| *what);
        for what in shared.collect::<Vec<_>>() {
            self.settle(what, cx);
            self.forget(what);
        }
    }

    /// Goes over from credit to counting by tenant when there may be too little for
    /// all, and back.
    fn settle(&mut self, what: Mark, cx: &mut Cx<'_>) {
        let Ok(me) = self.membership.me(cx) else { return };
        let Ok((Some(bytes), _)) = cx.host.load(&slot_name(what.slot(SLOTS))) else { return };
        let (living, now) = (self.membership.living(), cx.now);
        let Some(local) = self.locals.get_mut(&what) else { return };
        let parts = local.parts().count();
        let mut then = local.clone();
        then.tidy(now);
        then.bears = then.bears.filter(|bears| bears.at(now) < then.cap);
        let tally = Tally::new(what, &Slot::new(bytes), (me, living), &then, now);
        let (total, is_wanted) = (tally.total(), tally.is_wanted());
        then.credit = match then.credit {
            _ if then.is_empty() => Some(0),
            Some(_) if then.cap / 2 < total => None,
            None if total <= then.cap / 4
                && !is_wanted
                && then.bears.is_none()
                && 0 < credit_of(then.cap, living.count()) =>
            {
                Some(then.total())
            }
            credit => credit,
        };
        let has_changed = then.credit != local.credit || then.parts().count() != parts;
        let is_empty = then.is_empty();
        *local = then;
        if has_changed || is_empty {
            self.write_all(what, cx);
        }
    }

    fn write_one(&mut self, what: Mark, part: Mark, cx: &mut Cx<'_>) {
        let (Some(local), Ok(me)) = (self.locals.get(&what), self.membership.me(cx)) else {
            return;
        };
        let record = local.part(part).record(Place { what, part }, me);
        self.amend(what, cx, |slot| slot.put(&record));
    }

    fn write_all(&mut self, what: Mark, cx: &mut Cx<'_>) {
        let Ok(me) = self.membership.me(cx) else { return };
        let records = self.locals.get(&what).map(|local| local.records(what, me));
        let records = records.unwrap_or_default();
        self.amend(what, cx, |slot| {
            slot.keep(|record| (record.what, record.owner) != (what, me));
            records.iter().try_for_each(|record| slot.put(record))
        });
    }

    /// What cannot be written now is written at the next tick.
    fn amend(
        &mut self,
        what: Mark,
        cx: &mut Cx<'_>,
        change: impl Fn(&mut Slot) -> Result<(), Crowded>,
    ) {
        let amended = update(&slot_name(what.slot(SLOTS)), cx.host, |bytes| {
            let mut slot = Slot::new(bytes.unwrap_or_default());
            let changed = change(&mut slot);
            (changed.is_ok(), changed.is_ok().then(|| slot.into_bytes()))
        });
        if amended != Ok(true) {
            self.unwritten.insert(what);
        }
    }

    /// Nothing under way and nothing believed to be: there is nothing to know.
    fn forget(&mut self, what: Mark) {
        let is_nothing = |local: &Local| local.is_empty() && local.credit.unwrap_or_default() == 0;
        if self.locals.get(&what).is_some_and(is_nothing) {
            self.locals.remove(&what);
        }
    }

    /// Notes for operators what was let in.
    pub(crate) fn note(&mut self, tenant: Option<&Rc<str>>, is_stream: bool) {
        if let Some(tenant) = tenant {
            let count = self.tenants.entry(Rc::clone(tenant)).or_default();
            *count = count.saturating_add(1);
        }
        self.streams = self.streams.saturating_add(u32::from(is_stream));
    }

    /// And what has ended.
    pub(crate) fn unnote(&mut self, tenant: Option<&Rc<str>>, was_stream: bool) {
        if let Some(tenant) = tenant
            && let Some(count) = self.tenants.get_mut(tenant)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.tenants.remove(tenant);
            }
        }
        self.streams = self.streams.saturating_sub(u32::from(was_stream));
    }

    fn shown(&self) -> Shown {
        let tenants = self.tenants.iter().map(|(tenant, count)| (tenant.to_string(), *count));
        let connections = self.connections.values().filter(|place| place.is_some()).count();
        Shown {
            tenants: tenants.collect(),
            other: 0,
            streams: self.streams,
            connections: u32::try_from(connections).unwrap_or(u32::MAX),
        }
    }
}

fn unavailable(bound: Bound) -> (Seen, Result<(), Full>) {
    (Seen { count: 0, cap: bound.cap() }, Err(Full::Unavailable))
}

fn slot_name(number: u32) -> Vec<u8> {
    [READY, b".", &number.to_le_bytes()].concat()
}

use std::collections::BTreeMap;
use std::time::Duration;

use tollgate_core::Timestamp;

use crate::fair::fair;
use crate::member::{Member, Members, Presence};
use crate::{Demand, Instance, Share};

/// One key, and what each Envoy has of it.
#[derive(Clone, Debug)]
pub(crate) struct Pot {
    seats: BTreeMap<Instance, Seat>,
    /// When callers last asked for so much that it is dealt by demand.
    pressed_at: Timestamp,
    /// Somebody was to get more than there was room for when it was dealt last.
    is_short: bool,
}

/// One Envoy's part of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Seat {
    wants: Share,
    /// The most that the Envoy may be enforcing, as far as it was told.
    holds: Share,
    /// What it is to enforce.
    granted: Share,
    /// The Envoy has not said yet what it enforces.
    is_guess: bool,
}

/// One Envoy's part of a key while that is dealt, and what is known of the Envoy.
struct Party<'a> {
    instance: Instance,
    seat: &'a mut Seat,
    member: Option<&'a Member>,
}

/// How a key is dealt at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    pub(crate) now: Timestamp,
    /// What there is to deal.
    pub(crate) total: Share,
    /// Nobody gets more than they have: what others have is not known yet.
    pub(crate) is_learning: bool,
}

/// Kept for those who want nothing yet, for all of them together: a fiftieth.
const RESERVE: Share = Share(20_000);

/// What changes by less stays as it is.
const WORTH_TELLING: Share = Share(15_000);

/// While callers want less, everybody may have what is configured.
const PRESSING: Share = Share(250_000);

/// A key that is not pressed for so long is dealt by demand no longer.
const COOL: Duration = Duration::from_secs(30);

// === impl Seat ===

impl Seat {
    /// The most that the Envoy can be enforcing.
    fn exposure(&self, member: Option<&Member>) -> Share {
        let dealt = self.holds.max(self.granted);
        match member.map(|member| (member.presence, member.share)) {
            Some((Presence::Live, _)) => dealt,
            // It comes down to its share, or up to it.
            Some((Presence::Silent, share)) => dealt.max(share),
            Some((Presence::Lapsed, share)) => share,
            Some((Presence::Gone, _)) | None => Share::NONE,
        }
    }
}

// === impl Pot ===

impl Pot {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { seats: BTreeMap::new(), pressed_at: now, is_short: false }
    }

    /// Gives a seat to an Envoy that has said nothing of the key.
    pub(crate) fn seat(&mut self, instance: Instance, share: Share) {
        let (wants, is_guess) = (Share::NONE, true);
        let unasked = Seat { wants, holds: share, granted: share, is_guess };
        self.seats.entry(instance).or_insert(unasked);
    }

    /// Whether the Envoy has to be told what to enforce: it is something else.
    pub(crate) fn take(&mut self, instance: Instance, demand: &Demand) -> bool {
        let Demand { key: _, wants, holds } = *demand;
        let new = Seat { wants, holds, granted: holds, is_guess: false };
        let seat = self.seats.entry(instance).or_insert(new);
        if seat.is_guess {
            // It has less than was thought: it must not get more by being told so.
            seat.granted = seat.granted.min(holds);
        }
        (seat.wants, seat.holds, seat.is_guess) = (wants, holds, false);
        seat.granted != holds
    }

    /// An Envoy has confirmed what it enforces. Whether others can get more by it.
    pub(crate) fn confirm(&mut self, instance: Instance, share: Share) -> bool {
        let Some(seat) = self.seats.get_mut(&instance) else { return false };
        let is_less = share < seat.holds;
        seat.holds = share;
        is_less && self.is_short
    }

    /// An Envoy has come to its share: what it was granted counts no longer, also if
    /// it never heard of it.
    pub(crate) fn lapse(&mut self, instance: Instance, share: Share) {
        if let Some(seat) = self.seats.get_mut(&instance) {
            *seat = Seat { holds: share, granted: share, is_guess: true, ..*seat };
        }
    }

    pub(crate) fn remove(&mut self, instance: Instance) {
        self.seats.remove(&instance);
    }

    /// What an Envoy is told, and may enforce from now on.
    pub(crate) fn tell(&mut self, instance: Instance) -> Option<Share> {
        let seat = self.seats.get_mut(&instance)?;
        seat.holds = seat.holds.max(seat.granted);
        Some(seat.granted)
    }

    pub(crate) fn instances(&self) -> impl Iterator<Item = Instance> {
        self.seats.keys().copied()
    }

    /// Whether everybody has what is configured, and nobody wants more.
    pub(crate) fn is_over(&mut self, members: &Members, now: Timestamp) -> bool {
        if !self.is_cool(now) {
            return false;
        }
        let (live, _) = parties(&mut self.seats, members);
        let mut settled = live.iter().zip(configured(&live));
        settled.all(|(party, target)| party.seat.granted == target && party.seat.holds == target)
    }

    /// Deals it anew. Those whose grant has changed.
    ///
    /// What is taken is taken at once; what is given must have been confirmed to
    /// be gone by whoever had it.
    pub(crate) fn deal(&mut self, members: &Members, how: How) -> Vec<Instance> {
        let (mut live, others) = parties(&mut self.seats, members);
        if PRESSING <= live.iter().map(|party| party.seat.wants).sum() {
            self.pressed_at = how.now;
        }
        let targets = if is_cool(self.pressed_at, how.now) {
            configured(&live)
        } else {
            by_demand(&live, &others, how.total)
        };
        let mut changed = lower(&mut live, &targets);
        let room = if how.is_learning { Share::NONE } else { room(&live, &others, how.total) };
        changed.extend(raise(&mut live, &targets, room));
        self.is_short =
            live.iter().zip(&targets).any(|(party, target)| party.seat.granted < *target);
        changed
    }

    pub(crate) fn is_cool(&self, now: Timestamp) -> bool {
        is_cool(self.pressed_at, now)
    }
}

fn is_cool(pressed_at: Timestamp, now: Timestamp) -> bool {
    COOL < now.since(pressed_at)
}

/// Those who are there, and those who may still have something.
fn parties<'a>(
    seats: &'a mut BTreeMap<Instance, Seat>,
    members: &'a Members,
) -> (Vec<Party<'a>>, Vec<Party<'a>>) {
    let parties = seats.iter_mut().map(|(instance, seat)| {
        let member = members.get(instance);
        Party { instance: *instance, seat, member }
    });
    parties.partition(Party::is_live)
}

// === impl Party ===

impl Party<'_> {
    fn is_live(&self) -> bool {
        self.member.is_some_and(|member| member.presence == Presence::Live)
    }

    fn configured(&self) -> Share {
        self.member.map_or(Share::NONE, |member| member.share)
    }

    fn exposure(&self) -> Share {
        self.seat.exposure(self.member)
    }
}

/// What is configured, as far as there are no more Envoys than that is made for.
fn configured(live: &[Party<'_>]) -> Vec<Share> {
    let most = Share::WHOLE.part(count(live));
    live.iter().map(|party| party.configured().min(most)).collect()
}

/// What each should have. Small changes are none.
fn by_demand(live: &[Party<'_>], others: &[Party<'_>], total: Share) -> Vec<Share> {
    let total = total.minus(others.iter().map(Party::exposure).sum());
    let reserve = RESERVE.part(count(live));
    let wants: Vec<Share> = live.iter().map(|party| party.seat.wants.max(reserve)).collect();
    let targets = fair(total, &wants);
    let is_small = live.iter().zip(&targets).all(|(Party { seat, .. }, target)| {
        target.minus(seat.granted).max(seat.granted.minus(*target)) < WORTH_TELLING
    });
    let granted = || live.iter().map(|party| party.seat.granted);
    if is_small && granted().sum::<Share>() <= total { granted().collect() } else { targets }
}

/// What is only thought to be had is not lowered: it could be a rise.
fn lower(live: &mut [Party<'_>], targets: &[Share]) -> Vec<Instance> {
    let mut lowered = Vec::new();
    for (Party { instance, seat, member }, target) in live.iter_mut().zip(targets) {
        let is_known = member.is_some_and(|member| member.is_complete);
        if *target < seat.granted && (is_known || !seat.is_guess) {
            seat.granted = *target;
            lowered.push(*instance);
        }
    }
    lowered
}

fn room(live: &[Party<'_>], others: &[Party<'_>], total: Share) -> Share {
    total.minus(live.iter().chain(others).map(Party::exposure).sum())
}

fn raise(live: &mut [Party<'_>], targets: &[Share], mut room: Share) -> Vec<Instance> {
    let mut raised = Vec::new();
    for (Party { instance, seat, .. }, target) in live.iter_mut().zip(targets) {
        let has = seat.holds.max(seat.granted);
        let gets = has.plus(room).min(*target);
        if seat.granted < gets {
            room = room.minus(gets.minus(has));
            seat.granted = gets;
            raised.push(*instance);
        }
    }
    raised
}

fn count(parties: &[Party<'_>]) -> u32 {
    u32::try_from(parties.len()).unwrap_or(u32::MAX)
}

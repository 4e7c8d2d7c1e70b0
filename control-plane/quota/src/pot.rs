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
        Self { seats: BTreeMap::new(), pressed_at: now }
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

    /// An Envoy has confirmed what it enforces.
    pub(crate) fn confirm(&mut self, instance: Instance, share: Share) {
        if let Some(seat) = self.seats.get_mut(&instance) {
            seat.holds = share;
        }
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
    pub(crate) fn is_over(&self, members: &Members, now: Timestamp) -> bool {
        let settled = |(instance, target): (Instance, Share)| {
            self.seats.get(&instance).is_some_and(|s| s.granted == target && s.holds == target)
        };
        self.is_cool(now) && self.configured(members).into_iter().all(settled)
    }

    /// Deals it anew. Those whose grant has changed.
    ///
    /// What is taken is taken at once; what is given must have been confirmed to
    /// be gone by whoever had it.
    pub(crate) fn deal(&mut self, members: &Members, how: How) -> Vec<Instance> {
        let wanted: Share = self.live(members).map(|(_, seat)| seat.wants).sum();
        if PRESSING <= wanted {
            self.pressed_at = how.now;
        }
        let targets = if self.is_cool(how.now) {
            self.configured(members)
        } else {
            self.by_demand(members, how.total)
        };
        let mut changed = self.lower(&targets, members);
        let room = if how.is_learning { Share::NONE } else { self.room(members, how.total) };
        changed.extend(self.raise(targets, room));
        changed
    }

    pub(crate) fn is_cool(&self, now: Timestamp) -> bool {
        COOL < now.since(self.pressed_at)
    }

    fn live(&self, members: &Members) -> impl Iterator<Item = (Instance, Seat)> {
        let is_live = |instance| {
            members.get(instance).is_some_and(|member| member.presence == Presence::Live)
        };
        let seats = self.seats.iter().filter(move |(instance, _)| is_live(instance));
        seats.map(|(instance, seat)| (*instance, *seat))
    }

    /// What is configured, as far as there are no more Envoys than that is made for.
    fn configured(&self, members: &Members) -> Vec<(Instance, Share)> {
        let live: Vec<_> = self.live(members).collect();
        let most = Share::WHOLE.part(u32::try_from(live.len()).unwrap_or(u32::MAX));
        let share = |instance| members.get(&instance).map_or(Share::NONE, |member| member.share);
        live.into_iter().map(|(instance, _)| (instance, share(instance).min(most))).collect()
    }

    /// What each should have. Small changes are none.
    fn by_demand(&self, members: &Members, total: Share) -> Vec<(Instance, Share)> {
        let live: Vec<_> = self.live(members).collect();
        let silent = self.seats.iter().filter_map(|(instance, seat)| {
            let member = members.get(instance).filter(|m| m.presence != Presence::Live);
            member.map(|member| seat.exposure(Some(member)))
        });
        let total = total.minus(silent.sum());
        let reserve = RESERVE.part(u32::try_from(live.len()).unwrap_or(u32::MAX));
        let wants: Vec<Share> = live.iter().map(|(_, seat)| seat.wants.max(reserve)).collect();
        let targets = fair(total, &wants);
        let is_small = live.iter().zip(&targets).all(|((_, seat), target)| {
            target.minus(seat.granted).max(seat.granted.minus(*target)) < WORTH_TELLING
        });
        let granted: Share = live.iter().map(|(_, seat)| seat.granted).sum();
        if is_small && granted <= total {
            return live.into_iter().map(|(instance, seat)| (instance, seat.granted)).collect();
        }
        live.into_iter().map(|(instance, _)| instance).zip(targets).collect()
    }

    /// What is only thought to be had is not lowered: it could be a rise.
    fn lower(&mut self, targets: &[(Instance, Share)], members: &Members) -> Vec<Instance> {
        let mut lowered = Vec::new();
        for (instance, target) in targets {
            let Some(seat) = self.seats.get_mut(instance) else { continue };
            let is_known = members.get(instance).is_some_and(|member| member.is_complete);
            if *target < seat.granted && (is_known || !seat.is_guess) {
                seat.granted = *target;
                lowered.push(*instance);
            }
        }
        lowered
    }

    fn room(&self, members: &Members, total: Share) -> Share {
        let exposures =
            self.seats.iter().map(|(instance, seat)| seat.exposure(members.get(instance)));
        total.minus(exposures.sum())
    }

    fn raise(&mut self, targets: Vec<(Instance, Share)>, mut room: Share) -> Vec<Instance> {
        let mut raised = Vec::new();
        for (instance, target) in targets {
            let Some(seat) = self.seats.get_mut(&instance) else { continue };
            let has = seat.holds.max(seat.granted);
            let gets = target.min(has.plus(room));
            if seat.granted < gets {
                room = room.minus(gets.minus(has));
                seat.granted = gets;
                raised.push(instance);
            }
        }
        raised
    }
}

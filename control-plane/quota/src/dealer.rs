use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use foldhash::quality::RandomState;
use tollgate_core::Timestamp;

use crate::member::{LAPSED, Member, Members, Presence, SILENT};
use crate::pot::{How, Pot};
use crate::{Deal, Grant, Instance, Key, Late, Report, Share};

/// Deals rates among the Envoys that report to it.
///
/// Times are those of a clock that is never set: only how much lies between
/// them counts.
#[derive(Clone, Debug)]
pub struct Dealer {
    began: Timestamp,
    members: Members,
    pots: HashMap<Key, Pot, RandomState>,
    /// Other dealers deal to other Envoys.
    has_others: bool,
    /// It is not known yet what everybody holds.
    is_learning: bool,
    /// Somebody has come since the last sweep, or has told all.
    has_grown: bool,
    /// What is to be dealt anew since then.
    due: Vec<Key>,
}

/// How long an Envoy enforces what it was told without being told anything new.
pub const HOLD: Duration = Duration::from_secs(5);

/// In which it then comes to the share that is configured.
pub const DECAY: Duration = Duration::from_secs(5);

/// How long a dealer that begins only learns what Envoys hold, unless it has heard
/// of all that the limits are configured for. By then whoever it has not heard of
/// has come to the configured share.
pub const LEARN: Duration = LAPSED;

/// How many keys are dealt by demand. Further ones stay as configured.
pub const KEYS_MAX: usize = 200_000;

/// How many Envoys are told what to enforce.
pub const MEMBERS_MAX: usize = 4_096;

/// How many grants one answer brings at most.
pub const PAGE: usize = 1_024;

/// What is configured for all Envoys together, which may be rounded.
const ALL: Share = Share(990_000);

/// In a fleet of so many, all are told of a key that is dealt by demand. In a
/// larger one only those who are asked for it: all would be too much to tell.
const EVERYBODY_MAX: usize = 32;

// === impl Dealer ===

impl Dealer {
    /// One of several dealers, each of which knows other Envoys: it deals what these
    /// have between them by what is configured, and no more.
    pub fn among_others(now: Timestamp) -> Self {
        Self { has_others: true, ..Self::new(now) }
    }

    /// A dealer that knows nobody yet, and deals all of every limit.
    pub fn new(now: Timestamp) -> Self {
        Self {
            began: now,
            members: Members::default(),
            pots: HashMap::default(),
            has_others: false,
            is_learning: true,
            has_grown: false,
            due: Vec::new(),
        }
    }

    /// Takes a report, and says what changes for the Envoy.
    pub fn exchange(&mut self, report: &Report<'_>, now: Timestamp) -> Result<Deal, Late> {
        self.join(report, now)?;
        let mut touched = self.settle(report);
        for demand in report.demands {
            let Some(pot) = self.pot(demand.key, now) else { continue };
            if pot.take(report.instance, demand) {
                tell(&mut self.members, demand.key, [report.instance]);
            }
            touched.insert(demand.key);
        }
        let how = self.how(now);
        for key in touched {
            self.deal(key, how);
        }
        Ok(self.page(report.instance))
    }

    /// Notices who has fallen silent and what is asked for no longer. To be done
    /// about once a second; then [`Dealer::deal_due`], until nothing is due.
    pub fn sweep(&mut self, now: Timestamp) {
        let mut changed = std::mem::take(&mut self.has_grown);
        let mut lapsed = Vec::new();
        for (instance, member) in &mut self.members {
            let presence = member.presence(now);
            changed |= presence != member.presence;
            if presence == Presence::Lapsed && member.presence < presence {
                lapsed.push((*instance, member.share));
            }
            member.presence = presence;
        }
        for (instance, share) in lapsed {
            self.pots.values_mut().for_each(|pot| pot.lapse(instance, share));
        }
        let gone: Vec<Instance> = self.gone().collect();
        for instance in gone {
            self.members.remove(&instance);
            self.pots.values_mut().for_each(|pot| pot.remove(instance));
        }
        let is_learning = self.is_learning(now);
        changed |= is_learning != self.is_learning;
        self.is_learning = is_learning;
        // All there is, or what is cool; that is found again if something is due still.
        if changed || self.due.is_empty() {
            let keys = self.pots.iter().filter(|(_, pot)| changed || pot.is_cool(now));
            self.due = keys.map(|(key, _)| *key).collect();
        }
    }

    /// Deals so many of the keys that are due. True if more are.
    ///
    /// In between, Envoys are to be heard: dealing a hundred thousand keys takes a
    /// while, and who is not heard meanwhile would be taken for silent, so that all
    /// would be due again.
    pub fn deal_due(&mut self, at_most: usize, now: Timestamp) -> bool {
        let how = self.how(now);
        let rest = self.due.len().saturating_sub(at_most);
        for key in self.due.split_off(rest) {
            self.end(key, now);
            self.deal(key, how);
        }
        !self.due.is_empty()
    }

    /// How many Envoys report.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// How many keys are dealt by demand.
    pub fn keys(&self) -> usize {
        self.pots.len()
    }

    fn gone(&self) -> impl Iterator<Item = Instance> {
        let gone = self.members.iter().filter(|(_, m)| m.presence == Presence::Gone);
        gone.map(|(instance, _)| *instance)
    }

    fn join(&mut self, report: &Report<'_>, now: Timestamp) -> Result<(), Late> {
        let is_new = !self.members.contains_key(&report.instance);
        if is_new && MEMBERS_MAX <= self.members.len() {
            return Err(Late);
        }
        let new = || Member::new(report, now);
        let member = self.members.entry(report.instance).or_insert_with(new);
        if report.number <= member.number {
            return Err(Late);
        }
        let has_forgotten = report.turn != member.turn;
        if has_forgotten {
            let joined_at = member.joined_at;
            *member = Member { joined_at, ..Member::new(report, now) };
        }
        self.has_grown |= report.is_complete && !member.is_complete;
        (member.heard_at, member.presence) = (now, Presence::Live);
        (member.share, member.is_complete) = (report.share, report.is_complete);
        member.number = report.number;
        self.is_learning |= !report.is_complete;
        if has_forgotten {
            self.pots.values_mut().for_each(|pot| pot.remove(report.instance));
        }
        if (is_new || has_forgotten) && self.members.len() <= EVERYBODY_MAX {
            self.pots.values_mut().for_each(|pot| pot.seat(report.instance, report.share));
            self.has_grown = true;
        }
        Ok(())
    }

    /// Learns whether the last answer came to anything. The keys of which others can
    /// get more by it.
    fn settle(&mut self, report: &Report<'_>) -> BTreeSet<Key> {
        let mut freed = BTreeSet::new();
        let Some(member) = self.members.get_mut(&report.instance) else { return freed };
        let (told, told_at) = (std::mem::take(&mut member.told), member.told_at);
        if report.applied != told_at {
            member.news.extend(told.into_iter().map(|grant| grant.key));
            return freed;
        }
        for Grant { key, share } in told {
            let (Some(pot), Some(share)) = (self.pots.get_mut(&key), share) else { continue };
            if pot.confirm(report.instance, share) {
                freed.insert(key);
            }
        }
        freed
    }

    fn pot(&mut self, key: Key, now: Timestamp) -> Option<&mut Pot> {
        if !self.pots.contains_key(&key) {
            if KEYS_MAX <= self.pots.len() {
                return None;
            }
            self.pots.insert(key, self.begun(now));
        }
        self.pots.get_mut(&key)
    }

    fn begun(&self, now: Timestamp) -> Pot {
        let mut pot = Pot::new(now);
        if self.members.len() <= EVERYBODY_MAX {
            self.members.iter().for_each(|(instance, member)| pot.seat(*instance, member.share));
        }
        pot
    }

    fn is_learning(&self, now: Timestamp) -> bool {
        let mut present = self.members.values().filter(|m| m.presence < Presence::Lapsed);
        let is_young = now.since(self.began) < LEARN && !self.has_heard_of_all(now);
        is_young || !present.all(|member| member.is_complete)
    }

    /// Whether it knows all that limits are configured for. One that has just come may
    /// be one that was known under another name, and has begun anew.
    fn has_heard_of_all(&self, now: Timestamp) -> bool {
        let known = self.members.values().filter(|member| {
            member.presence == Presence::Live && SILENT < now.since(member.joined_at)
        });
        ALL <= known.map(|member| member.share).sum()
    }

    /// How all keys are dealt at a moment: it takes a look at every Envoy.
    fn how(&self, now: Timestamp) -> How {
        How { now, total: self.total(), is_learning: self.is_learning }
    }

    fn deal(&mut self, key: Key, how: How) {
        let Some(pot) = self.pots.get_mut(&key) else { return };
        let changed = pot.deal(&self.members, how);
        tell(&mut self.members, key, changed);
    }

    /// What there is to deal of each limit.
    fn total(&self) -> Share {
        if self.has_others { self.configured().min(Share::WHOLE) } else { Share::WHOLE }
    }

    fn configured(&self) -> Share {
        self.members.values().map(|member| member.share).sum()
    }

    /// Ends what everybody has as configured.
    fn end(&mut self, key: Key, now: Timestamp) {
        if self.pots.get_mut(&key).is_some_and(|pot| pot.is_over(&self.members, now))
            && let Some(pot) = self.pots.remove(&key)
        {
            tell(&mut self.members, key, pot.instances());
        }
    }

    /// What an Envoy is to know next.
    fn page(&mut self, instance: Instance) -> Deal {
        let Some(member) = self.members.get_mut(&instance) else { return Deal::default() };
        let mut grants = Vec::new();
        while grants.len() < PAGE
            && let Some(key) = member.news.pop_first()
        {
            let share = self.pots.get_mut(&key).and_then(|pot| pot.tell(instance));
            grants.push(Grant { key, share });
        }
        (member.told, member.told_at) = (grants.clone(), member.number);
        Deal { grants, more: !member.news.is_empty() }
    }
}

fn tell(members: &mut Members, key: Key, instances: impl IntoIterator<Item = Instance>) {
    for instance in instances {
        if let Some(member) = members.get_mut(&instance) {
            member.news.insert(key);
        }
    }
}

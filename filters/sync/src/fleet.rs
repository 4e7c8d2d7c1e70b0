//! What an Envoy enforces of limits that it shares with others.
//!
//! Of every key an Envoy enforces the share that is configured, until callers ask
//! for so much of it that the control plane deals it by demand. Workers count
//! what is asked for and leave it in shared data; one of them, elected, tells the
//! control plane five times a second, and writes down what it is granted. Keys
//! that nobody asks much of cost a worker one addition each.

mod counts;
mod dealing;
mod demand;
mod head;
mod mail;
mod overrides;
mod shares;

use std::collections::BTreeMap;
use std::time::Duration;

use tollgate_core::{Cx, Fingerprint, GrpcAnswer, GrpcCallId, Host, Seed, Timestamp};

pub use self::counts::{Accounts, Window};
use self::dealing::Dealing;
use self::demand::Demands;
use self::head::Head;
use self::mail::Mailbox;
pub use self::overrides::Overriding;
pub use self::shares::Enforced;
use self::shares::Shares;
use crate::FleetSpec;

/// What one worker knows of the fleet, and its part in getting to know it.
#[derive(Debug)]
pub struct Fleet {
    spec: FleetSpec,
    head: Head,
    mail: Option<Mailbox>,
    demands: Demands,
    shares: Shares,
    /// Windows that callers were counted in since the last tick, and before.
    counted: [BTreeMap<Fingerprint, Window>; 2],
    overrides: Option<Vec<Overriding>>,
    overrides_read: u64,
    dealing: Dealing,
    ticked_at: Timestamp,
    /// How far the shares have come back to what is configured, in millionths.
    back: u32,
}

/// How often an Envoy asks the control plane.
const PERIOD: Duration = Duration::from_millis(200);

/// No two ticks are further apart.
const MOST: Duration = Duration::from_secs(1);

/// As many windows as a worker speaks of at once.
const WINDOWS_MAX: usize = 1_024;

/// How long what was granted holds without the control plane.
pub const HOLD: Duration = Duration::from_secs(5);

/// In which it then comes to what is configured.
pub const DECAY: Duration = Duration::from_secs(5);

/// The whole of a limit.
const WHOLE: u32 = 1_000_000;

// === impl Fleet ===

impl Fleet {
    /// A worker that knows nothing yet.
    pub fn new(spec: FleetSpec, seed: Seed) -> Self {
        Self {
            dealing: Dealing::new(seed),
            demands: Demands::new(spec.share),
            spec,
            head: Head::default(),
            mail: None,
            shares: Shares::default(),
            counted: [BTreeMap::new(), BTreeMap::new()],
            overrides: None,
            overrides_read: 0,
            ticked_at: Timestamp::EPOCH,
            back: 0,
        }
    }

    /// Makes room in shared data. Has to run once before any worker does anything
    /// else.
    pub fn prepare(&mut self, host: &mut dyn Host) {
        mail::prepare(host);
        if let Some((head, _)) = Head::load(host) {
            self.follow(head, host);
        }
    }

    /// What this Envoy enforces of a key. `name` is what all Envoys call the key
    /// that is `who` here; it is asked for seldom, and may cost something.
    pub fn share(&mut self, who: Fingerprint, name: impl FnOnce() -> u128) -> Enforced {
        if self.shares.is_empty() {
            return Enforced::always(self.spec.share);
        }
        let key = self.demands.key(who, name);
        let Some(granted) = self.shares.of(key) else { return Enforced::always(self.spec.share) };
        if self.back == 0 {
            return granted;
        }
        let share = between(granted.share, self.spec.share, self.back);
        let raised_at = self.head.heard_at().unwrap_or(Timestamp::EPOCH).plus(HOLD);
        if share <= granted.share {
            Enforced { share, ..granted }
        } else {
            Enforced { share, before: granted.share, raised_at }
        }
    }

    /// Callers have asked for as much of a key as its limit gives in `span`.
    pub fn asked(&mut self, who: Fingerprint, span: Duration, name: impl FnOnce() -> u128) {
        self.demands.add(who, span, name);
    }

    /// Callers are counted in a window that is lent.
    pub fn count(&mut self, who: Fingerprint, window: impl FnOnce() -> Window) {
        let [now, _] = &mut self.counted;
        if now.len() < WINDOWS_MAX {
            now.entry(who).or_insert_with(window);
        }
    }

    /// Whether the control plane has been gone for so long that what it said
    /// counts no longer.
    pub fn is_alone(&self) -> bool {
        self.back == WHOLE
    }

    /// The part of every limit that is enforced here by itself, in millionths.
    pub fn configured(&self) -> u32 {
        self.spec.share
    }

    /// What tenants get instead of what is configured, if that has changed.
    pub fn take_overrides(&mut self) -> Option<Vec<Overriding>> {
        self.overrides.take()
    }

    /// Tells what was asked for, learns what is granted, and asks the control
    /// plane if it is this worker's turn.
    pub fn on_tick(&mut self, accounts: &mut dyn Accounts, cx: &mut Cx<'_>) {
        let passed = cx.now.since(self.ticked_at);
        if passed < PERIOD && self.ticked_at <= cx.now {
            return;
        }
        self.ticked_at = cx.now;
        if let Some((head, _)) = Head::load(cx.host) {
            self.follow(head, cx.host);
        }
        let silence = self.head.heard_at().map(|at| cx.now.since(at));
        self.back = silence.map_or(0, back);
        let age = silence.map_or(u64::MAX >> 1, |silence| silence.as_secs());
        cx.host.gauge("tollgate.limits.seconds_since_exchange", age);
        // The first tick is after no other, and a clock may be set.
        self.demands.pass(passed.min(MOST));
        self.post(cx);
        let Some(mail) = &self.mail else { return };
        let turn = (mail.owner(), &self.spec, &self.shares);
        if let Some(head) = self.dealing.on_tick(turn, accounts, cx) {
            self.follow(head, cx.host);
        }
    }

    /// Learns what the control plane said. What cannot be read, and what answers
    /// a question that is no longer open, changes nothing.
    pub fn on_answer(
        &mut self,
        (id, answer): (GrpcCallId, &GrpcAnswer),
        accounts: &mut dyn Accounts,
        cx: &mut Cx<'_>,
    ) {
        let Some(mail) = &self.mail else { return };
        let turn = (mail.owner(), &self.spec, &self.shares);
        if let Some(head) = self.dealing.on_answer((id, answer), turn, accounts, cx) {
            self.follow(head, cx.host);
        }
    }

    /// Takes over what stands in shared data.
    fn follow(&mut self, head: Head, host: &mut dyn Host) {
        if head.shares != self.head.shares
            && let Some(shares) = Shares::load(host)
        {
            self.shares = shares;
        }
        if head.overrides != self.overrides_read
            && let Some(overrides) = overrides::load(host)
        {
            (self.overrides, self.overrides_read) = (Some(overrides), head.overrides);
        }
        self.head = head;
    }

    fn post(&mut self, cx: &mut Cx<'_>) {
        let mail = self.mail.take().filter(|mail| mail.is_ours(cx));
        self.mail = mail.or_else(|| Mailbox::claim(cx));
        if let Some(mail) = &self.mail {
            mail.write(&self.demands.rows(&self.shares), &self.counted, cx);
            let [now, before] = &mut self.counted;
            *before = std::mem::take(now);
        }
    }
}

/// How far shares have come back after so long a silence, in millionths.
fn back(silence: Duration) -> u32 {
    let beyond = silence.saturating_sub(HOLD).min(DECAY);
    let millionths = beyond.as_nanos().saturating_mul(u128::from(WHOLE));
    let back = millionths.checked_div(DECAY.as_nanos()).unwrap_or_default();
    u32::try_from(back).unwrap_or(WHOLE)
}

fn between(from: u32, to: u32, part: u32) -> u32 {
    let [from, to, part] = [from, to, part.min(WHOLE)].map(u64::from);
    let rest = u64::from(WHOLE).saturating_sub(part);
    let sum = from.saturating_mul(rest).saturating_add(to.saturating_mul(part));
    sum.checked_div(u64::from(WHOLE)).and_then(|share| u32::try_from(share).ok()).unwrap_or(WHOLE)
}

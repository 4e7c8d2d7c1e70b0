//! The exchange with the control plane, by the one worker that is elected.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use prost::Message as _;
use tollgate_core::{Cx, Fingerprint, GrpcAnswer, GrpcCall, GrpcCallId, Seed, Timestamp, Version};

use crate::deal::{Ask, Demand, METHOD, PAGE, Request, Response, SERVICE, halves};
use crate::fleet::counts::{Accounts, Leases};
use crate::fleet::head::Head;
use crate::fleet::shares::Shares;
use crate::fleet::{DECAY, HOLD, WHOLE, mail, overrides};
use crate::{FleetSpec, lease};

/// What the elected worker remembers between exchanges.
#[derive(Debug)]
pub(crate) struct Dealing {
    seed: Seed,
    call: Option<Asked>,
    asks_at: Timestamp,
    /// What the dealer was told of each key.
    said: BTreeMap<u128, u32>,
    /// Which dealer.
    said_to: u64,
    leases: Leases,
}

/// An exchange under way.
#[derive(Debug)]
struct Asked {
    id: GrpcCallId,
    number: u64,
    demands: Vec<(u128, u32)>,
    asks: Vec<(Fingerprint, Ask)>,
    /// When an answer is no longer waited for.
    until: Timestamp,
}

/// The worker, and what all workers know.
type Turn<'a> = (u64, &'a FleetSpec, &'a Shares);

/// How long an exchange may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// After one that failed. The control plane has better things to do.
const PAUSE: Duration = Duration::from_millis(500);

/// What changes by less than a hundredth of the limit, or an eighth of itself, is
/// not worth telling.
const LITTLE: u32 = WHOLE / 100;

/// By how much clocks of two workers may differ, and more.
const AHEAD: Duration = Duration::from_secs(1);

const LEASE: &[u8] = b"tollgate.fleet.lease";

// === impl Dealing ===

impl Dealing {
    pub(crate) fn new(seed: Seed) -> Self {
        let (said, said_to) = (BTreeMap::new(), 0);
        let leases = Leases::default();
        Self { seed, call: None, asks_at: Timestamp::EPOCH, said, said_to, leases }
    }

    /// Asks, if this worker is the one. What stands in shared data then.
    pub(crate) fn on_tick(
        &mut self,
        turn: Turn<'_>,
        accounts: &mut dyn Accounts,
        cx: &mut Cx<'_>,
    ) -> Option<Head> {
        let (me, _, shares) = turn;
        if !lease::held(LEASE, me, cx.now, cx.host) {
            return None;
        }
        let forgotten = self.forget(shares, cx);
        self.ask(turn, accounts, cx);
        forgotten
    }

    /// Takes over an answer. What stands in shared data then.
    pub(crate) fn on_answer(
        &mut self,
        (id, answer): (GrpcCallId, &GrpcAnswer),
        turn: Turn<'_>,
        accounts: &mut dyn Accounts,
        cx: &mut Cx<'_>,
    ) -> Option<Head> {
        let asked = self.call.take_if(|asked| asked.id == id)?;
        let response = answer.as_ref().ok().and_then(|bytes| Response::decode(&**bytes).ok());
        let taken = response.and_then(|response| self.take(asked, &response, turn, accounts, cx));
        if let Some((head, more)) = taken {
            self.asks_at = if more { Timestamp::EPOCH } else { self.asks_at };
            return Some(head);
        }
        self.asks_at = cx.now.plus(PAUSE);
        None
    }

    /// Whatever was granted so long ago counts no longer, and the control plane
    /// is not to take this Envoy for one that it knows.
    fn forget(&mut self, shares: &Shares, cx: &mut Cx<'_>) -> Option<Head> {
        let (head, version) = Head::load(cx.host)?;
        let heard_at = head.heard_at()?;
        if cx.now.plus(AHEAD) < heard_at {
            return Self::set_back(shares, (head, version), cx);
        }
        let silence = cx.now.since(heard_at);
        if shares.is_empty() || silence <= HOLD.saturating_add(DECAY) {
            return None;
        }
        Shares::default().store(cx.host)?;
        self.said.clear();
        let [turn, shares] = [head.turn, head.shares].map(|count| count.saturating_add(1));
        let head = Head { applied: 0, turn, shares, ..head };
        head.store(version, cx.host).then_some(head)
    }

    /// The clock was set back: what was granted in its future was granted now. Else
    /// nobody would notice that the control plane is gone, and callers would wait
    /// for tokens of a share until the clock is there again.
    fn set_back(
        shares: &Shares,
        (head, version): (Head, Version),
        cx: &mut Cx<'_>,
    ) -> Option<Head> {
        shares.by(cx.now).store(cx.host)?;
        let shares = head.shares.saturating_add(1);
        let head = Head { heard_at: cx.now.as_nanos(), shares, ..head };
        head.store(version, cx.host).then_some(head)
    }

    fn ask(&mut self, (_, spec, shares): Turn<'_>, accounts: &mut dyn Accounts, cx: &mut Cx<'_>) {
        // A clock that went back must not keep us waiting.
        let latest = cx.now.plus(TIMEOUT).plus(PAUSE);
        let is_open = |asked: &Asked| cx.now < asked.until && asked.until <= latest;
        let waits = self.call.as_ref().is_some_and(is_open);
        if waits || (cx.now < self.asks_at && self.asks_at <= cx.now.plus(PAUSE)) {
            return;
        }
        let Some((head, version)) = Head::load(cx.host) else { return };
        let head = Head { number: head.number.saturating_add(1), ..head };
        if !head.store(version, cx.host) {
            return;
        }
        if head.dealer != self.said_to {
            self.said.clear();
            self.said_to = head.dealer;
        }
        let mail::News { rates, counted } = mail::read_all(cx);
        let asks = self.leases.asks(counted, accounts, cx);
        let mut demands = self.news(rates, shares, spec.share);
        let complete = demands.len() <= PAGE;
        demands.truncate(PAGE);
        let mut request = self.request(&head, spec.share, (&demands, complete), shares);
        request.asks = asks.iter().map(|(_, ask)| *ask).collect();
        let message = request.encode_to_vec();
        let (cluster, timeout) = (&*spec.cluster, TIMEOUT);
        let (service, method) = (SERVICE, METHOD);
        let call = GrpcCall { cluster, service, method, message: &message, timeout };
        let id = cx.host.call_grpc(&call).ok();
        let until = latest;
        self.call = id.map(|id| Asked { id, number: head.number, demands, asks, until });
        if self.call.is_none() {
            self.asks_at = cx.now.plus(PAUSE);
        }
    }

    /// What the dealer does not know yet.
    fn news(
        &self,
        mut wants: BTreeMap<u128, u32>,
        shares: &Shares,
        share: u32,
    ) -> Vec<(u128, u32)> {
        let known: BTreeSet<u128> = self.said.keys().copied().chain(shares.keys()).collect();
        for key in known {
            wants.entry(key).or_default();
        }
        wants.retain(|key, wanted| match self.said.get(key) {
            Some(said) => {
                (said >> 3).max(LITTLE) < said.abs_diff(*wanted) || (*wanted == 0) != (*said == 0)
            }
            None => share >> 2 <= *wanted || shares.of(*key).is_some(),
        });
        wants.into_iter().collect()
    }

    fn request(
        &self,
        head: &Head,
        share: u32,
        (demands, complete): (&[(u128, u32)], bool),
        shares: &Shares,
    ) -> Request {
        let instance = self.seed.fingerprint(&[b"tollgate.fleet.instance"]).0;
        let demands = demands.iter().map(|(key, wants)| {
            let (high, low) = halves(*key);
            Demand {
                high,
                low,
                wants: *wants,
                holds: shares.of(*key).map_or(share, |held| held.share),
            }
        });
        Request {
            instance: instance.to_le_bytes().to_vec(),
            number: head.number,
            applied: head.applied,
            turn: u32::try_from(head.turn).unwrap_or(u32::MAX),
            dealer: head.dealer,
            complete,
            share,
            demands: demands.collect(),
            asks: Vec::new(),
            overrides: head.overrides,
        }
    }

    /// Writes down what is granted, for all workers to see. None if it came to
    /// nothing.
    fn take(
        &mut self,
        asked: Asked,
        response: &Response,
        (me, spec, shares): Turn<'_>,
        accounts: &mut dyn Accounts,
        cx: &mut Cx<'_>,
    ) -> Option<(Head, bool)> {
        let (mut head, version) = Head::load(cx.host)?;
        // Whoever is no longer the one, or was overtaken, says nothing.
        if head.number != asked.number || !lease::held(LEASE, me, cx.now, cx.host) {
            return None;
        }
        if !response.grants.is_empty() {
            shares.with(&response.grants, spec.share, cx.now).store(cx.host)?;
            head.shares = head.shares.saturating_add(1);
        }
        if let Some(overrides) = &response.overrides {
            overrides::store(overrides, cx.host)?;
            head.overrides = overrides.version;
        }
        let Response { dealer, more, .. } = *response;
        (head.applied, head.dealer) = (asked.number, dealer);
        head.heard_at = cx.now.as_nanos();
        if !head.store(version, cx.host) {
            return None;
        }
        self.leases.take(&asked.asks, &response.lent, accounts, cx);
        // What was said to another dealer is not known to this one.
        if dealer == self.said_to {
            self.said.extend(asked.demands);
            self.said.retain(|key, wants| *wants != 0 || shares.of(*key).is_some());
        }
        Some((head, more))
    }
}

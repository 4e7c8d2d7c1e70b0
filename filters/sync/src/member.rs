use std::time::Duration;

use prost::Message as _;
use tollgate_core::{Cx, GrpcAnswer, GrpcCall, GrpcCallId, Host, Seed, Timestamp, update};

use crate::denylist::{Denial, Denylist, Record, seconds};
use crate::head::Head;
use crate::keys::{Draft, Newer};
use crate::message::{self, Kind, METHOD, Request, Response, SERVICE};
use crate::name::Name;
use crate::{SyncSpec, WhenStale, keys, lease, log};

/// What one worker knows of what the control plane says, and its part in
/// getting to know it.
pub struct Member {
    spec: SyncSpec,
    seed: Seed,
    /// This worker among those of the Envoy; 0 if it has no number, and then it
    /// never asks.
    me: u64,
    head: Head,
    denylist: Denylist,
    /// The list as it is being told from the beginning, and how far that is.
    anew: Option<(Denylist, u64)>,
    /// The filter of API keys that was last handed over.
    filter: u64,
    /// A filter that has come and was not yet.
    came: Option<Vec<u8>>,
    newer: Newer,
    newer_read: u64,
    draft: Option<Draft>,
    call: Option<Asked>,
    asks_at: Timestamp,
    number: u64,
}

/// An exchange under way.
#[derive(Clone, Copy)]
struct Asked {
    id: GrpcCallId,
    /// What stood in shared data when it began.
    head: Head,
    /// What was said to be known.
    sequence: u64,
    /// When an answer is no longer waited for.
    until: Timestamp,
}

/// An answer was taken over.
struct Taken {
    /// There is more to be had at once.
    more: bool,
}

/// How often a worker looks whether there is anything new.
const TICK: Duration = Duration::from_millis(250);

/// How long an exchange may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// After one that failed. The control plane has better things to do.
const PAUSE: Duration = Duration::from_secs(1);

/// Time for many exchanges, one of which would have been good.
const BEHIND: Duration = Duration::from_secs(10);

const LEASE_KEY: &[u8] = b"tollgate.sync.lease";

const MEMBERS_KEY: &[u8] = b"tollgate.sync.members";

// === impl Member ===

impl Member {
    /// A worker that knows nothing yet.
    pub fn new(spec: SyncSpec, seed: Seed) -> Self {
        Self {
            spec,
            seed,
            me: 0,
            head: Head::default(),
            denylist: Denylist::default(),
            anew: None,
            filter: 0,
            came: None,
            newer: Newer::default(),
            newer_read: 0,
            draft: None,
            call: None,
            asks_at: Timestamp::EPOCH,
            number: 0,
        }
    }

    /// How often [`Member::on_tick`] is to run.
    pub fn tick_period(&self) -> Duration {
        TICK
    }

    /// Takes a number among the workers, and learns what the others know: a
    /// worker that begins must not accept what they refuse.
    pub fn join(&mut self, host: &mut dyn Host) {
        self.me = number(host).unwrap_or_default();
        if let Some((head, _)) = Head::load(host) {
            self.follow(head, 0, host);
        }
    }

    /// Looks for news, and asks for them if it is this worker's turn.
    pub fn on_tick(&mut self, cx: &mut Cx<'_>) {
        if let Some((head, _)) = Head::load(cx.host) {
            self.follow(head, cx.now.as_seconds(), cx.host);
        }
        let age = self.head.synced_at().map(|at| cx.now.since(at).as_secs());
        cx.host.gauge("tollgate.sync.seconds_since_exchange", age.unwrap_or(u64::MAX >> 1));
        if self.me != 0 && lease::held(LEASE_KEY, self.me, cx.now, cx.host) {
            self.ask(cx);
        }
    }

    /// Learns what the control plane said. What cannot be read, and what answers
    /// a question that is no longer open, changes nothing.
    pub fn on_answer(&mut self, id: GrpcCallId, answer: &GrpcAnswer, cx: &mut Cx<'_>) {
        let Some(asked) = self.call.take_if(|asked| asked.id == id) else { return };
        let response = answer.as_ref().ok().and_then(|bytes| Response::decode(&**bytes).ok());
        match response.and_then(|response| self.take(asked, &response, cx)) {
            Some(Taken { more: true }) => self.ask(cx),
            Some(Taken { more: false }) => {}
            None => self.asks_at = cx.now.plus(PAUSE),
        }
    }

    /// Who is refused.
    pub fn denylist(&self) -> &Denylist {
        &self.denylist
    }

    /// Whether callers are to be turned away because what is known is too old.
    /// Where `when_stale` says nothing, what is configured for all holds.
    pub fn is_closed(&self, when_stale: Option<WhenStale>, now: Timestamp) -> bool {
        when_stale.unwrap_or(self.spec.when_stale) == WhenStale::Closed && self.is_stale(now)
    }

    /// Whether the control plane has been silent for so long that it may well
    /// have said something else to others.
    pub fn is_behind(&self, now: Timestamp) -> bool {
        self.is_older_than(BEHIND, now)
    }

    fn is_stale(&self, now: Timestamp) -> bool {
        self.is_older_than(Duration::from_secs(self.spec.stale_after_seconds.into()), now)
    }

    fn is_older_than(&self, bound: Duration, now: Timestamp) -> bool {
        self.head.synced_at().is_none_or(|at| bound < now.since(at))
    }

    /// A filter of API keys that has come and was not taken yet: its number and
    /// its bytes.
    pub fn take_filter(&mut self) -> Option<(u64, Vec<u8>)> {
        self.came.take().map(|bytes| (self.filter, bytes))
    }

    /// Which filter of API keys counts; 0 for none.
    pub fn filter(&self) -> u64 {
        self.head.filter
    }

    /// Whether an API key that filter `filter` does not know may be one all the
    /// same: it is newer, or it is not known what is.
    pub fn may_be_newer(&self, filter: u64, fingerprint: u64) -> bool {
        let Newer { filter: of, fingerprints } = &self.newer;
        let Some(list) = fingerprints.as_ref().filter(|_| *of == filter) else { return true };
        list.binary_search(&fingerprint).is_ok()
    }

    /// Takes over what stands in shared data. What is being written is left for
    /// the next time.
    fn follow(&mut self, head: Head, now: u64, host: &mut dyn Host) {
        let same_log = head.epoch == self.head.epoch && self.head.records <= head.records;
        let from = if same_log { self.head.records } else { 0 };
        let Some(records) = log::read(&head, from, host) else { return };
        if !same_log {
            self.denylist = Denylist::default();
        }
        for record in records {
            self.denylist.take(record, now);
        }
        self.denylist.set_full_since(head.full_since);
        if head.newer != self.newer_read
            && let Some(newer) = Newer::load(host)
        {
            (self.newer, self.newer_read) = (newer, head.newer);
        }
        if head.filter != self.filter
            && let Some(bytes) = keys::filter(&head, host)
        {
            (self.filter, self.came) = (head.filter, Some(bytes));
        }
        self.head = head;
    }

    fn ask(&mut self, cx: &mut Cx<'_>) {
        let waits = self.call.is_some_and(|asked| cx.now < asked.until);
        // A clock that went back must not keep us waiting.
        if waits || (cx.now < self.asks_at && self.asks_at <= cx.now.plus(PAUSE)) {
            return;
        }
        // Denials that found no room are asked for again when there is some.
        if self.denylist.could_be_whole(cx.now.as_seconds()) && self.anew.is_none() {
            self.anew = Some((Denylist::default(), 0));
        }
        self.number = self.number.saturating_add(1);
        let message = self.request().encode_to_vec();
        let (cluster, timeout) = (&*self.spec.cluster, TIMEOUT);
        let (service, method) = (SERVICE, METHOD);
        let call = GrpcCall { cluster, service, method, message: &message, timeout };
        let asked = cx.host.call_grpc(&call).ok();
        let until = cx.now.plus(TIMEOUT).plus(PAUSE);
        let (head, sequence) = (self.head, self.sequence());
        self.call = asked.map(|id| Asked { id, head, sequence, until });
        if self.call.is_none() {
            self.asks_at = cx.now.plus(PAUSE);
        }
    }

    fn request(&self) -> Request {
        let instance = self.seed.fingerprint(&[b"instance", &self.me.to_le_bytes()]).0;
        Request {
            instance: instance.to_le_bytes().to_vec(),
            number: self.number,
            sequence: self.sequence(),
            filter: self.head.filter,
            filling: self.draft.map(Draft::filling),
        }
    }

    /// Up to where this worker knows the store.
    fn sequence(&self) -> u64 {
        self.anew.as_ref().map_or(self.head.sequence, |(_, sequence)| *sequence)
    }

    /// Takes over an answer and shows it to the other workers. None if it came
    /// to nothing.
    fn take(&mut self, asked: Asked, response: &Response, cx: &mut Cx<'_>) -> Option<Taken> {
        let (head, version) = Head::load(cx.host)?;
        let is_timely = head.epoch == asked.head.epoch && head.sequence == asked.head.sequence;
        // Whoever is no longer the one, or was overtaken, says nothing.
        if !is_timely || !lease::held(LEASE_KEY, self.me, cx.now, cx.host) {
            return None;
        }
        self.follow(head, cx.now.as_seconds(), cx.host);
        let head = self.take_denials(head, asked, response, cx)?;
        let Some(head) = head else { return Some(Taken { more: true }) };
        let head = self.take_keys(head, response, cx.host);
        let (full_since, synced_at) = (self.denylist.full_since(), cx.now.as_nanos());
        let head = Head { sequence: response.sequence, synced_at, full_since, ..head };
        if !head.store(version, cx.host) {
            // What stands there is read anew.
            self.head = Head::default();
            return None;
        }
        self.follow(head, cx.now.as_seconds(), cx.host);
        show_lag(asked, response, cx);
        Some(Taken { more: response.more })
    }

    /// The head with the denials of an answer. Nothing while the list is being
    /// told from the beginning: until it is whole, the one before it counts.
    #[expect(clippy::option_option, reason = "failed, not yet, and done")]
    fn take_denials(
        &mut self,
        head: Head,
        asked: Asked,
        response: &Response,
        cx: &mut Cx<'_>,
    ) -> Option<Option<Head>> {
        let now = cx.now.as_seconds();
        let told = response.denials.iter().filter_map(|told| self.record(told, now));
        let records: Vec<Record> = told.collect();
        if response.reset || asked.sequence == 0 {
            self.anew = Some((Denylist::default(), 0));
        }
        let Some((mut list, _)) = self.anew.take() else {
            for record in &records {
                self.denylist.take(*record, now);
            }
            return log::append(head, &records, &self.denylist, now, cx.host).map(Some);
        };
        for record in records {
            list.take(record, now);
        }
        if response.more {
            self.anew = Some((list, response.sequence));
            return Some(None);
        }
        self.denylist = list;
        let filter = if response.reset { 0 } else { head.filter };
        log::renew(Head { filter, ..head }, &self.denylist, now, cx.host).map(Some)
    }

    /// The head with what an answer says of API keys. A part that does not fit
    /// is dropped, and the filter comes from the beginning.
    fn take_keys(&mut self, mut head: Head, response: &Response, host: &mut dyn Host) -> Head {
        if let Some(chunk) = &response.chunk {
            self.draft = Draft::with(self.draft, chunk, &head, host);
            if let Some(published) = self.draft.and_then(|draft| draft.published(head)) {
                (head, self.draft) = (published, None);
            }
        }
        if let Some(newer) = &response.newer
            && Newer::of(newer).store(host).is_some()
        {
            head.newer = head.newer.saturating_add(1);
        }
        head
    }

    fn record(&self, told: &message::Denial, now: u64) -> Option<Record> {
        let message::Denial { issuer, name, .. } = told;
        let (name, issued_until) = match told.kind() {
            Kind::Unknown => return None,
            Kind::Token => (Name::Token { issuer, jti: name }, u32::MAX),
            Kind::Subject => (Name::Subject { issuer, subject: name }, seconds(told.at)),
            Kind::ApiKey => (Name::ApiKey(name), u32::MAX),
            Kind::SigningKey => (Name::SigningKey(name), u32::MAX),
            Kind::Tenant => (Name::Tenant(name), seconds(told.at)),
            Kind::Suspended => (Name::Suspended(name), u32::MAX),
        };
        let until = told.until.map_or(u32::MAX, |until| seconds(until.max(1)));
        let until =
            if told.lifted || until != u32::MAX && u64::from(until) <= now { 0 } else { until };
        Some(Record { mark: name.mark(self.seed), denial: Denial { issued_until, until } })
    }
}

/// How long the last denial took from the command to this Envoy, in whole
/// seconds. Of those that it is told at the beginning there is nothing to say.
fn show_lag(asked: Asked, response: &Response, cx: &mut Cx<'_>) {
    let last = response.denials.iter().map(|denial| denial.at).max();
    if let Some(at) = last.filter(|_| asked.sequence != 0) {
        let lag = cx.now.as_seconds().saturating_sub(at);
        cx.host.gauge("tollgate.sync.last_denial_seconds", lag);
    }
}

fn number(host: &mut dyn Host) -> Option<u64> {
    let next = |old: Option<Vec<u8>>| {
        let old = old.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
        let new = old.saturating_add(1);
        (new, Some(new.to_le_bytes().to_vec()))
    };
    update(MEMBERS_KEY, host, next).ok()
}

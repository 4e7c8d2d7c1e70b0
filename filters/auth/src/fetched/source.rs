use std::mem;
use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;
use tollgate_core::{Answer, Call, CallId, Cx, Fingerprint, Host, Seed, Timestamp};

use super::keys::Found;
use super::shared::{Head, Record, Shared, is_within};
use crate::issuer::Published;
use crate::jwks::{KeySet, Verification};
use crate::token::Token;

/// The keys of one issuer as one worker has them, and its part in getting them.
pub(super) struct Source {
    published: Published,
    seed: Seed,
    shared: Shared,
    /// As it was last seen.
    head: Head,
    looked_at: Timestamp,
    keys: Option<Known>,
    /// The keys are others than when that was last asked.
    has_changed: bool,
    call: Option<UnderWay>,
    /// Key ids that were not there when they were looked for.
    absent: LruCache<Fingerprint, Timestamp>,
}

/// Keys in use.
struct Known {
    set: KeySet,
    digest: Fingerprint,
    /// When they were asked for.
    as_of: Timestamp,
}

/// A question that has not been answered.
#[derive(Clone, Copy)]
struct UnderWay {
    id: CallId,
    since: Timestamp,
    /// The key that is looked for; none if it was time to ask.
    key_id: Option<Fingerprint>,
}

/// Why a signature cannot be verified.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unverifiable {
    /// Not yet: the answer to this call will tell.
    Waits(CallId),
    /// There are no keys, or maybe not all.
    NoKeys,
}

/// How old keys get before they are asked for again.
const FRESH_FOR: Duration = Duration::from_secs(20);

/// How old keys may be without anybody waiting for newer ones: a key that was
/// removed is good for no longer.
const BELIEVED_FOR: Duration = Duration::from_secs(30);

/// How long keys are kept that cannot be looked at: after that nobody knows
/// whether their owner has withdrawn them.
const KEPT_FOR: Duration = Duration::from_hours(24);

/// From one question to the next while there are keys to go on with.
const PAUSE: Duration = Duration::from_secs(10);

/// After a failure, while there are none.
const RETRY: Duration = Duration::from_secs(1);

/// From one question because of an unknown key to the next, whatever comes.
const SEARCH_EVERY: Duration = Duration::from_secs(30);

/// For how long a key that was not there is not asked for again.
const ABSENT_FOR: Duration = Duration::from_mins(5);
const ABSENT_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(127);

/// How often a worker looks what the others have found out: always, and while
/// tokens name keys that it does not know.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_FOR_KEY_EVERY: Duration = Duration::from_millis(100);

/// The host ends a call within its timeout; an answer that it could not hand
/// over is given up a little later.
const GRACE: Duration = Duration::from_secs(1);

// === impl Source ===

impl Source {
    pub(super) fn new(published: Published, seed: Seed) -> Self {
        let Published { endpoint, algorithms } = &published;
        let algorithms = algorithms.iter().map(|algorithm| algorithm.name().as_bytes());
        let parts: Vec<&[u8]> = endpoint.parts().into_iter().chain(algorithms).collect();
        let name = format!("tollgate.jwks.{:032x}", seed.fingerprint(&parts).0);
        Self {
            shared: Shared::new(name.into_bytes()),
            published,
            seed,
            head: Head::default(),
            looked_at: Timestamp::EPOCH,
            keys: None,
            has_changed: false,
            call: None,
            absent: LruCache::new(ABSENT_MAX),
        }
    }

    /// Whether the endpoint did not answer when it was last asked.
    pub(super) fn is_failing(&self, now: Timestamp) -> bool {
        self.head.is_failing(now)
    }

    /// Whether the keys are others than at the last call.
    pub(super) fn take_change(&mut self) -> bool {
        mem::take(&mut self.has_changed)
    }

    /// Sees to it that there are keys that may be believed now.
    pub(super) fn attend(&mut self, cx: &mut Cx<'_>) -> Result<(), Unverifiable> {
        self.look(LOOK_EVERY, cx);
        if self.is_within(FRESH_FOR, cx.now) {
            return Ok(());
        }
        let call = self.refresh(cx);
        match call.filter(|_| self.is_urgent(cx.now)) {
            Some(call) => Err(Unverifiable::Waits(call.id)),
            None if self.are_kept(cx.now) => Ok(()),
            None => Err(Unverifiable::NoKeys),
        }
    }

    /// What becomes of a token's signature by the keys there are. One that names
    /// a key that is not there may have to wait until it was looked for.
    pub(super) fn verify(
        &mut self,
        token: &Token<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Verification, Unverifiable> {
        let tried = self.tried(token, cx.host)?;
        match token.key_id.as_deref() {
            Some(key_id) if tried == Verification::NoKey && !self.has(key_id) => {
                self.search(key_id, cx)?;
                self.tried(token, cx.host)
            }
            _ => Ok(tried),
        }
    }

    /// Learns what a call was answered. Calls of others are passed over.
    pub(super) fn on_answer(&mut self, id: CallId, answer: &Answer, cx: &mut Cx<'_>) {
        let Some(call) = self.call.take_if(|call| call.id == id) else { return };
        match Found::answered(answer, &self.published.algorithms) {
            Some(found) => self.publish(found, call.since, cx.host),
            None => self.failed(cx),
        }
    }

    fn tried(&self, token: &Token<'_>, host: &mut dyn Host) -> Result<Verification, Unverifiable> {
        let known = self.keys.as_ref().ok_or(Unverifiable::NoKeys)?;
        Ok(known.set.verify(token.key_id.as_deref(), token.signed(), host))
    }

    fn has(&self, key_id: &str) -> bool {
        self.keys.as_ref().is_some_and(|known| known.set.has(key_id))
    }

    /// Looks for a key that a token names: it has come meanwhile or, as far as
    /// can be told, there is none. Whoever makes up names brings about no more
    /// than one question in a while, and has nobody else wait.
    fn search(&mut self, key_id: &str, cx: &mut Cx<'_>) -> Result<(), Unverifiable> {
        self.look(LOOK_FOR_KEY_EVERY, cx);
        let named = self.seed.fingerprint(&[key_id.as_bytes()]);
        let call = match self.under_way(cx.now) {
            _ if self.has(key_id) => return Ok(()),
            Some(call) => Some(call).filter(|call| call.key_id == Some(named)),
            None => self.ask_for(named, cx),
        };
        let is_asked = self.head.is_under_way(self.patience(), cx.now);
        match call {
            _ if self.has(key_id) => Ok(()),
            Some(call) => Err(Unverifiable::Waits(call.id)),
            None if is_asked || self.is_failing(cx.now) => Err(Unverifiable::NoKeys),
            None => Ok(()),
        }
    }

    /// Whether the keys were asked for less than `span` ago.
    fn is_within(&self, span: Duration, now: Timestamp) -> bool {
        self.keys.as_ref().is_some_and(|known| is_within(span, known.as_of, now))
    }

    fn are_kept(&self, now: Timestamp) -> bool {
        self.keys.as_ref().is_some_and(|known| now < known.as_of.plus(KEPT_FOR))
    }

    /// Whether callers rather wait for keys than be judged by those there are.
    /// If the endpoint has just failed, that would be in vain.
    fn is_urgent(&self, now: Timestamp) -> bool {
        let are_believed = self.is_within(BELIEVED_FOR, now) || self.is_failing(now);
        !(self.are_kept(now) && are_believed)
    }

    fn under_way(&self, now: Timestamp) -> Option<UnderWay> {
        self.call.filter(|call| is_within(self.patience(), call.since, now))
    }

    fn patience(&self) -> Duration {
        self.published.endpoint.timeout.saturating_add(GRACE)
    }

    /// The call that is under way, or one that is made now if it is time.
    fn refresh(&mut self, cx: &mut Cx<'_>) -> Option<UnderWay> {
        if let Some(call) = self.under_way(cx.now) {
            return Some(call);
        }
        let (now, is_urgent) = (cx.now, self.is_urgent(cx.now));
        let pause = if self.are_kept(now) { PAUSE } else { RETRY };
        let may_ask = |head: &Head| {
            let is_asked = !is_urgent && is_within(PAUSE, head.asked_at, now);
            let is_fresh = is_within(FRESH_FOR, head.as_of, now);
            !(is_asked || is_fresh || head.has_failed_within(pause, now))
        };
        self.ask(None, |head| may_ask(&head).then_some(Head { asked_at: now, ..head }), cx)
    }

    fn ask_for(&mut self, key_id: Fingerprint, cx: &mut Cx<'_>) -> Option<UnderWay> {
        let now = cx.now;
        let may_ask = |head: &Head| !is_within(SEARCH_EVERY, head.searched_at, now);
        let is_absent = self.absent.get(&key_id).is_some_and(|at| is_within(ABSENT_FOR, *at, now));
        if is_absent || !may_ask(&self.head) {
            return None;
        }
        let asked = |head| Head { asked_at: now, searched_at: now, ..head };
        let call = self.ask(Some(key_id), |head| may_ask(&head).then(|| asked(head)), cx)?;
        self.absent.put(key_id, now);
        Some(call)
    }

    /// Asks, if `step` still says so of what the workers share.
    fn ask(
        &mut self,
        key_id: Option<Fingerprint>,
        step: impl Fn(Head) -> Option<Head>,
        cx: &mut Cx<'_>,
    ) -> Option<UnderWay> {
        let step = |Record { head, keys }: &Record| {
            step(*head).map(|head| Record { head, keys: keys.clone() })
        };
        if !self.change(step, cx.host) {
            return None;
        }
        let endpoint = &self.published.endpoint;
        let (cluster, timeout) = (&*endpoint.cluster, endpoint.timeout);
        let call = Call { cluster, headers: &endpoint.fetch(), body: b"", timeout };
        let called = cx.host.call(&call);
        self.call = called.ok().map(|id| UnderWay { id, since: cx.now, key_id });
        if self.call.is_none() {
            self.failed(cx);
        }
        self.call
    }

    fn failed(&mut self, cx: &mut Cx<'_>) {
        let failed = |head| Head { failed_at: cx.now, ..head };
        let step = |Record { head, keys }: &Record| {
            Some(Record { head: failed(*head), keys: keys.clone() })
        };
        self.change(step, cx.host);
    }

    /// Shows keys to all workers.
    fn publish(&mut self, found: Found, as_of: Timestamp, host: &mut dyn Host) {
        let Found { keys: set, canonical } = found;
        let digest = self.seed.fingerprint(&[&canonical]);
        self.install(Known { set, digest, as_of });
        let newest = |head| Head { as_of, digest, failed_at: Timestamp::EPOCH, ..head };
        let step = |Record { head, .. }: &Record| {
            Some(Record { head: newest(*head), keys: canonical.clone() })
        };
        self.change(step, host);
    }

    /// Looks what the other workers have found out, unless that has just been done.
    fn look(&mut self, every: Duration, cx: &mut Cx<'_>) {
        if is_within(every, self.looked_at, cx.now) {
            return;
        }
        self.looked_at = cx.now;
        if let Some(record) = self.shared.load(cx.host) {
            self.follow(&record);
        }
    }

    /// Changes what all workers see or, where nothing is shared, what this one
    /// knows. False if `step` makes nothing of it.
    fn change(&mut self, step: impl Fn(&Record) -> Option<Record>, host: &mut dyn Host) -> bool {
        let own = |head| step(&Record { head, keys: Vec::new() });
        let changed = self.shared.change(host, &step);
        let (is_changed, record) = changed.unwrap_or_else(|_| match own(self.head) {
            Some(record) => (true, record),
            None => (false, Record { head: self.head, keys: Vec::new() }),
        });
        self.follow(&record);
        is_changed
    }

    /// Takes over what stands there.
    fn follow(&mut self, Record { head, keys }: &Record) {
        self.head = *head;
        let Head { as_of, digest, .. } = *head;
        match &mut self.keys {
            Some(known) if known.digest == digest => known.as_of = as_of,
            _ => {
                let found = Found::read(keys, &self.published.algorithms);
                if let Some(Found { keys: set, .. }) = found {
                    self.install(Known { set, digest, as_of });
                }
            }
        }
    }

    fn install(&mut self, known: Known) {
        let digest = known.digest;
        let before = self.keys.replace(known);
        self.has_changed |= before.is_none_or(|before| before.digest != digest);
    }
}

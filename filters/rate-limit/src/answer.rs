//! What callers are told: draft-ietf-httpapi-ratelimit-headers-11, RFC 9110
//! section 10.2.3 (Retry-After).

use std::cmp::Reverse;
use std::rc::Rc;
use std::time::Duration;

use tollgate_core::{Edit, Operation, Problem, Reply, Seed, Timestamp};

use crate::caller::Unknown;
use crate::cost::Unpriced;
use crate::gcra::Scale;
use crate::limit::Limit;
use crate::limiter::{Due, Taken};
use crate::meter::{Meter, Remainder};
use crate::spec::{FieldsSpec, TellingSpec};

/// A limit is used up.
const RATE_LIMITED: Problem =
    Problem { status: 429, name: "rate-limited", title: "Too many requests" };

/// A limit that is to protect something cannot be judged.
const COUNTERS_UNAVAILABLE: Problem = Problem {
    status: 503,
    name: "counters-unavailable",
    title: "The gateway cannot count requests at the moment",
};

/// What a request costs cannot be told from it.
const INVALID_COST: Problem =
    Problem { status: 400, name: "invalid-cost", title: "The cost of the request is unclear" };

const POLICY: &str = "ratelimit-policy";
const STATE: &str = "ratelimit";
const LIMIT: &str = "x-ratelimit-limit";
const REMAINING: &str = "x-ratelimit-remaining";
const RESET: &str = "x-ratelimit-reset";
const RETRY_AFTER: &str = "retry-after";

/// Tells callers about limits.
#[derive(Debug)]
pub(crate) struct Teller {
    ietf: bool,
    x: bool,
    jitter_seconds: u32,
    seed: Seed,
    /// The names of the fields, shared by all responses.
    names: Names,
}

#[derive(Debug)]
struct Names {
    policy: Rc<str>,
    state: Rc<str>,
    x: [Rc<str>; 3],
}

/// The limit that refuses a request, and for how long; for ever without a wait.
pub(crate) struct Refusing<'r, 'a> {
    pub(crate) due: &'r Due<'a>,
    pub(crate) wait: Option<Duration>,
}

// === impl Teller ===

impl Teller {
    pub(crate) fn new(spec: &TellingSpec, seed: Seed) -> Self {
        let TellingSpec { fields, retry_after_jitter_seconds } = *spec;
        Self {
            ietf: matches!(fields, FieldsSpec::Ietf | FieldsSpec::Both),
            x: matches!(fields, FieldsSpec::XRatelimit | FieldsSpec::Both),
            jitter_seconds: retry_after_jitter_seconds,
            seed,
            names: Names {
                policy: POLICY.into(),
                state: STATE.into(),
                x: [LIMIT, REMAINING, RESET].map(Rc::from),
            },
        }
    }

    /// Says which limits there are, and how the tightest stands.
    ///
    /// Both fields are lists, so what the backend says of its own limits stays.
    pub(crate) fn admitted(&self, taken: &[Taken<'_>], now: Timestamp) -> Vec<Edit> {
        let mut edits = Vec::new();
        let standing = taken.iter().map(|taken| (&taken.due, taken.remainder(now)));
        let tightest = standing
            .min_by_key(|(_, left)| (left.tokens, Reverse(left.grows_in.unwrap_or(Duration::MAX))));
        let Some((due, left)) = tightest else { return edits };
        if self.ietf {
            let policies = policies(taken.iter().map(|taken| &taken.due), now);
            edits.push(add(&self.names.policy, &policies));
            edits.push(add(&self.names.state, &state(due, left)));
        }
        if self.x {
            let values = x_values(due, left);
            let fields = self.names.x.iter().zip(values);
            edits.extend(fields.map(|(name, value)| Edit::set(Rc::clone(name), value.to_string())));
        }
        edits
    }

    /// The answer of a limit that is used up. All limits are named, and how the
    /// one that refuses stands.
    pub(crate) fn refused<'r, 'a: 'r>(
        &self,
        all: impl IntoIterator<Item = &'r Due<'a>>,
        refusing: &Refusing<'r, 'a>,
        now: Timestamp,
    ) -> Reply {
        let Refusing { due, wait } = *refusing;
        let name = due.limit.name.trim_matches('"');
        let mut reply = Reply::new(RATE_LIMITED, detail(due, wait))
            .with_member("violated-policies", vec![name]);
        if let Some(wait) = wait {
            reply = reply.with(RETRY_AFTER, self.retry_after(due, wait, now).to_string());
        }
        let left = Remainder { tokens: 0, grows_in: wait };
        if self.ietf {
            reply = reply.with(POLICY, policies(all, now)).with(STATE, state(due, left));
        }
        if self.x {
            let fields = [LIMIT, REMAINING, RESET].into_iter().zip(x_values(due, left));
            reply = fields.fold(reply, |reply, (name, value)| reply.with(name, value.to_string()));
        }
        reply
    }

    /// Never less than the wait: whoever waits as told is admitted, unless others
    /// come first.
    fn retry_after(&self, due: &Due<'_>, wait: Duration, now: Timestamp) -> u64 {
        let wait = seconds(wait);
        if self.jitter_seconds == 0 {
            return wait;
        }
        let parts = [&due.account.who.0.to_le_bytes()[..], &now.as_nanos().to_le_bytes()];
        let random = self.seed.fingerprint(&parts).0;
        let span = u128::from(self.jitter_seconds).saturating_add(1);
        let later = random.checked_rem(span).and_then(|later| u64::try_from(later).ok());
        wait.saturating_add(later.unwrap_or(0))
    }
}

/// The answer while counts cannot be read or written.
pub(crate) fn counters_unavailable() -> Reply {
    Reply::new(COUNTERS_UNAVAILABLE, "the counters of a limit cannot be reached")
        .with(RETRY_AFTER, "1")
}

/// The answer to a caller of whom a limit does not know what it counts by.
pub(crate) fn unknown(Unknown(what): Unknown) -> Reply {
    let detail = format!("a limit counts by {what}, which is not known of this request");
    Reply::new(COUNTERS_UNAVAILABLE, detail).with(RETRY_AFTER, "1")
}

/// The answer to a request whose cost cannot be told.
pub(crate) fn unpriced(fault: Unpriced<'_>) -> Reply {
    Reply::new(INVALID_COST, fault.to_string())
}

fn detail(due: &Due<'_>, wait: Option<Duration>) -> String {
    let described = &due.limit.described;
    let lifted = if due.factor == Scale::ONE { "" } else { "lifted " };
    if !due.account.meter.can_hold(due.cost) {
        let cost = due.cost;
        return format!(
            "the request costs {cost}, and the {lifted}limit of {described} never holds as much"
        );
    }
    let for_good = if wait.is_some() { "" } else { " for good" };
    format!("the {lifted}limit of {described} is used up{for_good}")
}

fn add(name: &Rc<str>, value: &str) -> Edit {
    Edit { name: Rc::clone(name), operation: Operation::Add(value.as_bytes().into()) }
}

/// The limit, what is left of it, and the seconds until there is more.
fn x_values(due: &Due<'_>, left: Remainder) -> [u64; 3] {
    let reset = left.grows_in.map_or(u64::from(u32::MAX), seconds);
    [due.limit.lifted(due.factor), left.tokens, reset]
}

/// The items of limits in the field `RateLimit-Policy`, and of one in the field
/// `RateLimit`. Written by hand because every response has them, and `format!`
/// takes five times as long.
fn policies<'r, 'a: 'r>(all: impl IntoIterator<Item = &'r Due<'a>>, now: Timestamp) -> String {
    let mut text = String::with_capacity(160);
    for due in all {
        if !text.is_empty() {
            text.push_str(", ");
        }
        policy(due, now, &mut text);
    }
    text
}

fn policy(due: &Due<'_>, now: Timestamp, text: &mut String) {
    let Due { limit, factor, account, cost: _ } = due;
    text.push_str(&limit.name);
    parameter(text, "q", limit.lifted(*factor));
    if limit.cost.is_in_bytes() {
        text.push_str(";qu=\"content-bytes\"");
    }
    let window = match &account.meter {
        Meter::Rate(_) => limit.per.seconds(),
        Meter::Quota(quota) => quota.window(now).length().map(|length| length.as_secs()),
    };
    if let Some(window) = window {
        parameter(text, "w", window);
    }
    if *factor != Scale::ONE {
        text.push_str(";tollgate-factor=");
        text.push_str(&factor.to_string());
    }
}

/// The effective window ends when the allowance grows by one: until then no
/// more than what is left is admitted, and it never ends later than the
/// Retry-After beside it.
fn state(due: &Due<'_>, left: Remainder) -> String {
    let mut text = String::with_capacity(due.limit.name.len().saturating_add(48));
    text.push_str(&due.limit.name);
    parameter(&mut text, "r", left.tokens);
    if let Some(grows_in) = left.grows_in {
        parameter(&mut text, "t", seconds(grows_in));
    }
    if let Some(saved) = due.account.meter.saved(left.tokens) {
        parameter(&mut text, "tollgate-credit", saved);
    }
    text
}

fn parameter(text: &mut String, name: &str, value: u64) {
    text.push(';');
    text.push_str(name);
    text.push('=');
    text.push_str(itoa::Buffer::new().format(value));
}

/// Whole seconds, rounded up: whoever waits as told is admitted.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(0 < wait.subsec_nanos())).max(1)
}

// === impl Limit ===

impl Limit {
    /// How many requests it admits in a period or a window, times a factor if
    /// that is a period.
    pub(crate) fn lifted(&self, factor: Scale) -> u64 {
        match self.meter {
            Meter::Rate(_) => factor.of(self.requests),
            Meter::Quota(_) => self.requests,
        }
    }
}

impl Taken<'_> {
    /// What is left, as far as this worker knows: what others hold counts as
    /// spent, and what it holds itself does not.
    fn remainder(&self, now: Timestamp) -> Remainder {
        let left = self.due.account.meter.remainder(Some(self.spent.taken), now);
        Remainder { tokens: left.tokens.saturating_add(self.spent.held), ..left }
    }
}

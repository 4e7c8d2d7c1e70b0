//! What callers are told: draft-ietf-httpapi-ratelimit-headers-11, RFC 9110
//! section 10.2.3 (Retry-After).

use std::cmp::Reverse;
use std::rc::Rc;
use std::time::Duration;

use tollgate_core::{Edit, Operation, Problem, Reply, Timestamp};

use crate::caller::Unknown;
use crate::count::Taken;
use crate::gcra::Remainder;
use crate::limit::Limit;

/// A limit is used up.
const RATE_LIMITED: Problem =
    Problem { status: 429, name: "rate-limited", title: "Too many requests" };

/// A limit that is to protect something cannot be judged.
const COUNTERS_UNAVAILABLE: Problem = Problem {
    status: 503,
    name: "counters-unavailable",
    title: "The gateway cannot count requests at the moment",
};

const POLICY: &str = "ratelimit-policy";
const STATE: &str = "ratelimit";
const RETRY_AFTER: &str = "retry-after";

/// The names of the fields, shared by all responses.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    policy: Rc<str>,
    state: Rc<str>,
}

// === impl Fields ===

impl Default for Fields {
    fn default() -> Self {
        Self { policy: POLICY.into(), state: STATE.into() }
    }
}

impl Fields {
    /// Says which limits there are, one line each, and how the tightest stands.
    ///
    /// Both fields are lists, so what the backend says of its own limits stays.
    pub(crate) fn admitted(&self, taken: &[Taken<'_>], now: Timestamp) -> Vec<Edit> {
        let mut edits = Vec::new();
        edits.extend(taken.iter().map(|taken| Edit {
            name: Rc::clone(&self.policy),
            operation: Operation::Add(Rc::clone(&taken.count.limit.policy)),
        }));
        let remainders = taken.iter().map(|Taken { count, level }| {
            (count.limit, count.limit.rate.remainder(level.full_at, now))
        });
        let tightest = remainders.min_by_key(|(_, left)| (left.requests, Reverse(left.grows_in)));
        edits.extend(tightest.map(|(limit, left)| Edit {
            name: Rc::clone(&self.state),
            operation: Operation::Add(state(limit, left).as_bytes().into()),
        }));
        edits
    }
}

/// The answer of a limit that is used up. All limits are named, and how the one
/// that refuses stands.
pub(crate) fn rate_limited<'a>(
    limits: impl Iterator<Item = &'a Limit>,
    refusing: &Limit,
    wait: Duration,
) -> Reply {
    let policies: Vec<_> = limits.map(|limit| String::from_utf8_lossy(&limit.policy)).collect();
    let left = Remainder { requests: 0, grows_in: wait };
    Reply::new(RATE_LIMITED, refusing.used_up.clone())
        .with(RETRY_AFTER, seconds(wait).to_string())
        .with(POLICY, policies.join(", "))
        .with(STATE, state(refusing, left))
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

/// The item of a limit in the field `RateLimit`. The effective window ends when
/// the allowance grows by one: until then no more than what is left is admitted,
/// and it never ends later than the Retry-After beside it. Written by hand because
/// every response has it, and `format!` takes five times as long.
fn state(limit: &Limit, left: Remainder) -> String {
    let mut digits = itoa::Buffer::new();
    let mut state = String::with_capacity(limit.name.len().saturating_add(48));
    state.push_str(&limit.name);
    state.push_str(";r=");
    state.push_str(digits.format(left.requests));
    state.push_str(";t=");
    state.push_str(digits.format(seconds(left.grows_in)));
    state
}

/// Whole seconds, rounded up: whoever waits as told is admitted.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(0 < wait.subsec_nanos())).max(1)
}

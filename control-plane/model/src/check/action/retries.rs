//! What is tried again.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Judged;
use crate::at::At;
use crate::check::span::span;
use crate::duration::shown;
use crate::fault::Faults;
use crate::spec::RetriesSpec;
use crate::{Forward, Retries, RetryOn};

/// Why retries were refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidRetries {
    #[error("{0} is not the status of an error; write one from 400 to 599")]
    Status(u32),
    #[error(
        "a backend may act twice on {0}; let `match.methods` name methods that may be repeated, \
         or write `idempotent: true`"
    )]
    Unsafe(String),
    #[error("{0} is longer than all attempts together may take, {1}; write at most that")]
    Longer(String, String),
}

const TRY: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(1);
const BACKOFF: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(10);
const ERRORS: RangeInclusive<u32> = 400..=599;

/// RFC 9110, section 9.2.2.
const IDEMPOTENT: [&str; 6] = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];

pub(super) fn retries(
    route: &Judged<'_>,
    spec: RetriesSpec,
    forward: &Forward,
    faults: &mut Faults,
) -> Option<Retries> {
    let at = route.at.get("retries")?;
    let RetriesSpec { on, statuses, attempts, per_try_timeout, backoff, idempotent } = spec;
    for (status, at) in statuses.iter().zip(at.items("statuses")) {
        if !ERRORS.contains(status) {
            at.fault(faults, InvalidRetries::Status(*status).to_string());
        }
    }
    let harmless = statuses.is_empty() && on.iter().all(|one: &RetryOn| one.is_harmless());
    if !harmless && !idempotent {
        repeatable(route, &at, faults);
    }
    let per_try_timeout =
        per_try_timeout.and_then(|text| per_try(route, &at, &text, forward, faults));
    let backoff = span(&at, "backoff", &backoff, &BACKOFF, faults)?;
    Some(Retries { on, statuses, attempts, per_try_timeout, backoff })
}

fn repeatable(route: &Judged<'_>, at: &At<'_>, faults: &mut Faults) {
    let Some(matcher) = route.matcher else { return };
    let other = matcher.methods.iter().find(|method| !IDEMPOTENT.contains(&method.as_str()));
    let what = match other {
        Some(method) => method.as_str(),
        None if matcher.methods.is_empty() => "POST",
        None => return,
    };
    at.fault(faults, InvalidRetries::Unsafe(what.to_owned()).to_string());
}

fn per_try(
    route: &Judged<'_>,
    at: &At<'_>,
    text: &str,
    forward: &Forward,
    faults: &mut Faults,
) -> Option<Duration> {
    let each = span(at, "per_try_timeout", text, &TRY, faults)?;
    let backends = forward.split.keys().filter_map(|name| route.known.backends.get(name));
    let all = forward.timeout.or_else(|| backends.map(|backend| backend.timeout).max());
    if let Some(all) = all.filter(|all| *all < each) {
        let longer = InvalidRetries::Longer(text.to_owned(), shown(all));
        at.get("per_try_timeout")?.fault(faults, longer.to_string());
    }
    Some(each)
}

//! What this Envoy may admit of limits that it shares with others.

use std::rc::Rc;

use tollgate_core::{Fingerprint, Timestamp};
use tollgate_sync::{Enforced, Fleet, Window};

use crate::limit::Limit;
use crate::meter::Meter;
use crate::quota::{Lending, Quota};
use crate::spec::WhenAlone;

/// A limit that is not to be counted by one Envoy alone, while it is alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Alone;

/// Of a window that nothing was lent of, an Envoy admits one part in so many.
pub const FIRST: u64 = 1_000;

const MILLION: u64 = 1_000_000;

/// What is enforced of a count. `name` is what all Envoys call it.
pub(crate) fn enforced(
    limit: &Limit,
    who: Fingerprint,
    name: impl FnOnce() -> u128,
    fleet: &mut Fleet,
    now: Timestamp,
) -> Result<Enforced, Alone> {
    match &limit.meter {
        Meter::Rate(_) => of_rate(limit, who, name, fleet),
        Meter::Quota(quota) => {
            lend(quota, limit.when_alone, fleet);
            fleet.count(who, || window(quota, name(), now));
            Ok(Enforced::WHOLE)
        }
    }
}

fn of_rate(
    limit: &Limit,
    who: Fingerprint,
    name: impl FnOnce() -> u128,
    fleet: &mut Fleet,
) -> Result<Enforced, Alone> {
    match limit.when_alone {
        WhenAlone::Open if fleet.is_alone() => Ok(Enforced::WHOLE),
        WhenAlone::Closed if fleet.is_alone() => Err(Alone),
        _ => Ok(fleet.share(who, name)),
    }
}

fn lend(quota: &Rc<Quota>, when_alone: WhenAlone, fleet: &Fleet) {
    let all = quota.requests();
    let part = u128::from(all).saturating_mul(u128::from(fleet.configured()));
    let part = part.checked_div(u128::from(MILLION)).and_then(|part| u64::try_from(part).ok());
    let first = all.checked_div(FIRST).unwrap_or(0).max(1);
    let (first, least) = match (when_alone, fleet.is_alone()) {
        (WhenAlone::Closed, _) => (0, 0),
        (WhenAlone::Share | WhenAlone::Open, false) => (first, 0),
        (WhenAlone::Share, true) => (first, part.unwrap_or(all)),
        (WhenAlone::Open, true) => (first, all),
    };
    quota.lend(Lending { first, least, grows: true });
}

fn window(quota: &Rc<Quota>, key: u128, now: Timestamp) -> Window {
    let window = quota.window(now);
    let (begins_at, ends_at) = (window.starts_at, window.ends_at);
    Window { key, begins_at, ends_at, limit: quota.requests() }
}

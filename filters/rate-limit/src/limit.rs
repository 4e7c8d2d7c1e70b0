use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use crate::gcra::Rate;
use crate::spec::{Dimension, LimitSpec, OnFailure, Period, TierLimitSpec, TierSpec};

/// The limits of one route, compiled.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Limits {
    limits: Vec<Limit>,
}

/// One limit, ready to be enforced.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Limit {
    pub(crate) rate: Rate,
    /// Invariant: sorted, without duplicates, not empty.
    pub(crate) by: Vec<Dimension>,
    /// Whether it counts in one API only.
    pub(crate) per_api: bool,
    /// What makes it another limit than others: counts are kept under it.
    pub(crate) identity: String,
    /// Its name in the `RateLimit` fields, quoted.
    pub(crate) name: String,
    /// Its item in the field `RateLimit-Policy`.
    pub(crate) policy: Rc<[u8]>,
    /// What a refused caller is told.
    pub(crate) used_up: String,
    pub(crate) on_failure: OnFailure,
}

/// Why a list of limits was refused. The text continues the path of the list:
/// `limits[0].requests: …`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLimits {
    /// Each costs every request two calls of the host.
    #[error(": {count} limits are more than {LIMITS_MAX}; drop those that another one implies")]
    TooMany {
        /// How many there are.
        count: usize,
    },

    /// One of them makes no sense by itself.
    #[error("[{index}].{fault}")]
    Limit {
        /// Its place in the list.
        index: usize,
        /// What is wrong with it.
        fault: InvalidLimit,
    },

    /// Two of them count the same requests over the same time.
    #[error("[{index}]: [{first}] counts by the same over {per} too; keep one of them", per = .per.phrase())]
    Duplicate {
        /// The place of the later one.
        index: usize,
        /// The place of the earlier one.
        first: usize,
        /// The period that they have in common.
        per: Period,
    },
}

/// Why a limit was refused. The text begins with the field.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLimit {
    /// It counts nobody.
    #[error("by: is empty; name at least one of tenant, api_key, ip, route")]
    NoDimension,

    /// A dimension stands twice.
    #[error("by[{index}]: {name} stands there twice; name it once", name = .dimension.name())]
    DuplicateDimension {
        /// The place of the later one.
        index: usize,
        /// The dimension.
        dimension: Dimension,
    },

    /// It would admit nothing.
    #[error("requests: 0 is not at least 1; use `allow` to keep callers out")]
    NoRequests,

    /// It is finer than the clock.
    #[error("requests: {requests} {per} is more than 1000000 a second; leave the limit out", per = .per.phrase())]
    TooManyRequests {
        /// What was written.
        requests: u32,
        /// The period.
        per: Period,
    },

    /// The burst is out of proportion.
    #[error("burst: {burst} is not between 1 and 10 times requests ({times_ten})")]
    Burst {
        /// What was written.
        burst: u32,
        /// The largest that may be.
        times_ten: u64,
    },
}

/// As many as one operation or tier can have.
const LIMITS_MAX: usize = 16;

/// A thousand nanoseconds for each; the rounding is then below a thousandth.
const REQUESTS_PER_SECOND_MAX: u64 = 1_000_000;

/// Where a limit was written.
#[derive(Clone, Copy)]
enum Origin<'a> {
    Route,
    Tier(&'a str),
}

/// A limit as it was written, wherever that was.
struct Written<'a> {
    origin: Origin<'a>,
    by: Vec<Dimension>,
    requests: u32,
    per: Period,
    burst: u32,
    on_failure: OnFailure,
}

// === impl Limits ===

impl Limits {
    /// Checks the limits of one route.
    pub fn compile(specs: Vec<LimitSpec>) -> Result<Self, InvalidLimits> {
        Self::from_written(specs.into_iter().map(Written::from_route).collect())
    }

    /// Checks the limits of one tier.
    pub(crate) fn of_tier(name: &str, spec: TierSpec) -> Result<Self, InvalidLimits> {
        let TierSpec { limits } = spec;
        Self::from_written(limits.iter().map(|limit| Written::from_tier(name, limit)).collect())
    }

    fn from_written(written: Vec<Written<'_>>) -> Result<Self, InvalidLimits> {
        if LIMITS_MAX < written.len() {
            return Err(InvalidLimits::TooMany { count: written.len() });
        }
        let mut seen: Vec<(Vec<Dimension>, Period)> = Vec::new();
        let mut limits = Vec::new();
        for (index, written) in written.into_iter().enumerate() {
            let per = written.per;
            let limit = written.compile().map_err(|fault| InvalidLimits::Limit { index, fault })?;
            let counts = (limit.by.clone(), per);
            if let Some(first) = seen.iter().position(|seen| *seen == counts) {
                return Err(InvalidLimits::Duplicate { index, first, per });
            }
            seen.push(counts);
            limits.push(limit);
        }
        Ok(Self { limits })
    }

    /// Whether any of them counts routes apart.
    pub(crate) fn count_by_route(&self) -> bool {
        self.limits.iter().any(|limit| limit.by.contains(&Dimension::Route))
    }

    /// The limits, in the order in which they were written.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Limit> + Clone {
        self.limits.iter()
    }
}

// === impl Written ===

impl<'a> Written<'a> {
    fn from_route(spec: LimitSpec) -> Self {
        let LimitSpec { by, requests, per, burst, on_failure } = spec;
        let burst = burst.unwrap_or(requests);
        Self { origin: Origin::Route, by, requests, per, burst, on_failure }
    }

    fn from_tier(tier: &'a str, spec: &TierLimitSpec) -> Self {
        let TierLimitSpec { requests, per, burst, on_failure } = *spec;
        let burst = burst.unwrap_or(requests);
        let by = vec![Dimension::Tenant];
        Self { origin: Origin::Tier(tier), by, requests, per, burst, on_failure }
    }

    fn compile(self) -> Result<Limit, InvalidLimit> {
        let Self { origin, by, requests, per, burst, on_failure } = self;
        let by = dimensions(by)?;
        check_numbers(requests, per, burst)?;
        let name = name(origin, &by, per);
        let seconds = per.seconds();
        Ok(Limit {
            rate: Rate::new(requests, Duration::from_secs(seconds), burst),
            per_api: matches!(origin, Origin::Route),
            identity: identity(origin, &by, &format!("{requests}/{seconds} burst {burst}")),
            policy: format!("{name};q={requests};w={seconds}").into_bytes().into(),
            used_up: used_up(origin, &by, requests, per),
            name,
            by,
            on_failure,
        })
    }
}

fn dimensions(by: Vec<Dimension>) -> Result<Vec<Dimension>, InvalidLimit> {
    let mut sorted = BTreeSet::new();
    for (index, dimension) in by.into_iter().enumerate() {
        if !sorted.insert(dimension) {
            return Err(InvalidLimit::DuplicateDimension { index, dimension });
        }
    }
    if sorted.is_empty() {
        return Err(InvalidLimit::NoDimension);
    }
    Ok(sorted.into_iter().collect())
}

fn check_numbers(requests: u32, per: Period, burst: u32) -> Result<(), InvalidLimit> {
    if requests == 0 {
        return Err(InvalidLimit::NoRequests);
    }
    if per.seconds().saturating_mul(REQUESTS_PER_SECOND_MAX) < u64::from(requests) {
        return Err(InvalidLimit::TooManyRequests { requests, per });
    }
    let times_ten = u64::from(requests).saturating_mul(10);
    if burst < 1 || times_ten < u64::from(burst) {
        return Err(InvalidLimit::Burst { burst, times_ten });
    }
    Ok(())
}

// === texts ===

impl Dimension {
    /// As it is written in configuration.
    fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::ApiKey => "api_key",
            Self::Ip => "ip",
            Self::Route => "route",
        }
    }

    /// As it is named to a caller.
    fn noun(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::ApiKey => "API key",
            Self::Ip => "address",
            Self::Route => "route",
        }
    }
}

impl Period {
    fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
        }
    }

    /// As it follows a number of requests.
    fn phrase(self) -> &'static str {
        match self {
            Self::Second => "a second",
            Self::Minute => "a minute",
            Self::Hour => "an hour",
        }
    }

    fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
        }
    }
}

/// A string of RFC 9651, section 3.3.3: `"tenant-route-minute"`, `"basic-second"`.
fn name(origin: Origin<'_>, by: &[Dimension], per: Period) -> String {
    let subject = match origin {
        Origin::Route => joined(by, Dimension::name, "-").replace('_', "-"),
        Origin::Tier(name) => name.replace(|c| !is_plain(c), "_"),
    };
    format!("\"{subject}-{}\"", per.name())
}

/// Whether a character stands for itself in such a string.
fn is_plain(c: char) -> bool {
    (c.is_ascii_graphic() || c == ' ') && c != '"' && c != '\\'
}

/// A limit whose numbers change is another limit: everybody starts afresh.
fn identity(origin: Origin<'_>, by: &[Dimension], numbers: &str) -> String {
    match origin {
        Origin::Route => format!("route {} {numbers}", joined(by, Dimension::name, "-")),
        Origin::Tier(name) => format!("tier {numbers} {name}"),
    }
}

fn used_up(origin: Origin<'_>, by: &[Dimension], requests: u32, per: Period) -> String {
    let plural = if requests == 1 { "" } else { "s" };
    let whom = match origin {
        Origin::Route => whom(by),
        Origin::Tier(name) => format!("for the tenant in tier {name}"),
    };
    format!("the limit of {requests} request{plural} {} {whom} is used up", per.phrase())
}

/// `for the tenant and the address on this route`.
fn whom(by: &[Dimension]) -> String {
    let (routes, callers): (Vec<_>, Vec<_>) =
        by.iter().partition(|dimension| **dimension == Dimension::Route);
    match (callers.is_empty(), routes.is_empty()) {
        (true, _) => "on this route".to_owned(),
        (false, true) => format!("for the {}", joined(&callers, Dimension::noun, " and the ")),
        (false, false) => {
            format!("for the {} on this route", joined(&callers, Dimension::noun, " and the "))
        }
    }
}

fn joined(by: &[Dimension], name: fn(Dimension) -> &'static str, between: &str) -> String {
    by.iter().map(|dimension| name(*dimension)).collect::<Vec<_>>().join(between)
}

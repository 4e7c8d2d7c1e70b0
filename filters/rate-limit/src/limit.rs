mod invalid;
mod text;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tollgate_core::{ClaimPath, is_header_name, is_reserved};

pub use self::invalid::{InvalidLimit, InvalidLimits};
use crate::cost::Cost;
use crate::gcra::Rate;
use crate::meter::Meter;
use crate::quota::Quota;
use crate::spec::{Dimension, LimitSpec, OnFailure, Period, TierSpec, WhenAlone};
use crate::window::Calendar;

/// The limits of one route, one API, one tier or one tenant, compiled.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Limits {
    limits: Vec<Limit>,
}

/// One limit, ready to be enforced.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Limit {
    pub(crate) meter: Meter,
    /// Invariant: sorted, without duplicates, not empty.
    pub(crate) by: Vec<Key>,
    pub(crate) per: Period,
    /// Whether it counts in one API only.
    pub(crate) per_api: bool,
    /// Whether whoever is forgotten loses something.
    pub(crate) saves: bool,
    /// What makes it another limit than others: counts are kept under it.
    pub(crate) identity: String,
    /// Its name in the `RateLimit` fields, quoted.
    pub(crate) name: String,
    pub(crate) requests: u64,
    pub(crate) cost: Cost,
    /// `10 requests a minute for the tenant`.
    pub(crate) described: String,
    pub(crate) when_alone: WhenAlone,
    pub(crate) on_failure: OnFailure,
}

/// What a limit counts by.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(clippy::enum_variant_names, reason = "an API key is called so")]
pub(crate) enum Key {
    Tenant,
    ApiKey,
    Subject,
    Ip,
    Route,
    Api,
    /// Invariant: in lower case.
    Header(Box<str>),
    Claim(ClaimPath),
}

/// As many as one operation or tier can have.
const LIMITS_MAX: usize = 16;

/// A thousand nanoseconds for each; the rounding is then below a thousandth.
const REQUESTS_PER_SECOND_MAX: u64 = 1_000_000;

/// The largest number that a field can carry (RFC 9651, section 3.3.1).
const TOKENS_MAX: u64 = 999_999_999_999_999;

/// What can be had at once refills within this time.
const REFILL_SECONDS_MAX: u64 = 31 * 24 * 3_600;

/// Where a limit was written.
#[derive(Clone, Copy)]
enum Origin<'a> {
    Route,
    Api(&'a str),
    Tier(&'a str),
    Tenant(&'a str),
}

// === impl Limits ===

impl Limits {
    /// Checks the limits of one route.
    pub fn compile(specs: Vec<LimitSpec>) -> Result<Self, InvalidLimits> {
        Self::from_written(specs, Origin::Route)
    }

    /// Checks the limits of one API, over all its routes.
    pub fn of_api(name: &str, specs: Vec<LimitSpec>) -> Result<Self, InvalidLimits> {
        Self::from_written(specs, Origin::Api(name))
    }

    /// Checks the limits of one tier.
    pub(crate) fn of_tier(name: &str, spec: TierSpec) -> Result<Self, InvalidLimits> {
        Self::from_written(spec.limits, Origin::Tier(name))
    }

    /// Checks the limits of one tenant.
    pub(crate) fn of_tenant(id: &str, spec: TierSpec) -> Result<Self, InvalidLimits> {
        Self::from_written(spec.limits, Origin::Tenant(id))
    }

    fn from_written(specs: Vec<LimitSpec>, origin: Origin<'_>) -> Result<Self, InvalidLimits> {
        if LIMITS_MAX < specs.len() {
            return Err(InvalidLimits::TooMany { count: specs.len() });
        }
        let mut limits: Vec<Limit> = Vec::new();
        for (index, spec) in specs.into_iter().enumerate() {
            let limit = Limit::compile(spec, origin)
                .map_err(|fault| InvalidLimits::Limit { index, fault })?;
            if let Some(first) = limits.iter().position(|one| one.counts_as(&limit)) {
                return Err(InvalidLimits::Duplicate { index, first, per: limit.per });
            }
            limits.push(limit);
        }
        Ok(Self { limits })
    }

    /// The limits, in the order in which they were written.
    pub(crate) fn all(&self) -> std::slice::Iter<'_, Limit> {
        self.limits.iter()
    }

    /// The expressions that say what requests cost, by the place of their limit.
    pub fn expressions(&self) -> impl Iterator<Item = (usize, &str)> {
        let all = self.limits.iter().enumerate();
        all.filter_map(|(index, limit)| Some((index, limit.cost.expression()?)))
    }

    /// The claims that are counted by, each after its place: `[0].by`.
    pub fn claims(&self) -> impl Iterator<Item = (String, &ClaimPath)> {
        self.limits.iter().enumerate().flat_map(|(index, limit)| {
            limit.by.iter().filter_map(move |key| match key {
                Key::Claim(path) => Some((format!("[{index}].by"), path)),
                _ => None,
            })
        })
    }

    /// Whether any of them counts routes apart.
    pub(crate) fn count_by_route(&self) -> bool {
        self.limits.iter().any(|limit| limit.by.contains(&Key::Route))
    }
}

// === impl Limit ===

impl Limit {
    fn compile(spec: LimitSpec, origin: Origin<'_>) -> Result<Self, InvalidLimit> {
        let LimitSpec { by, requests, per, burst, credit, time_zone, cost, when_alone, on_failure } =
            spec;
        let (by, keys): (Vec<_>, Vec<_>) = dimensions(by, origin)?.into_iter().unzip();
        check_requests(requests, per)?;
        let (meter, numbers) = match per.seconds() {
            Some(seconds) => rate(requests, (per, seconds), burst, credit, time_zone.as_deref())?,
            None => window(requests, per, burst, credit, time_zone.as_deref())?,
        };
        let cost = Cost::compile(cost, meter.capacity())?;
        Ok(Self {
            name: text::name(origin, &by, per),
            identity: text::identity(origin, &by, &numbers),
            described: text::described(origin, &by, requests, per),
            per_api: matches!(origin, Origin::Route | Origin::Api(_)),
            saves: credit.is_some(),
            by: keys,
            per,
            meter,
            requests,
            cost,
            when_alone,
            on_failure,
        })
    }

    /// Whether the other one counts the same requests over the same time.
    pub(crate) fn counts_as(&self, other: &Self) -> bool {
        self.per == other.per && self.by == other.by
    }
}

/// Sorted. A tier is about each of its tenants, whatever else it counts by.
fn dimensions(
    by: Vec<Dimension>,
    origin: Origin<'_>,
) -> Result<BTreeMap<Dimension, Key>, InvalidLimit> {
    let mut sorted = BTreeMap::new();
    for (index, written) in by.into_iter().enumerate() {
        let name = written.name();
        let (dimension, key) = key(index, written)?;
        if sorted.insert(dimension, key).is_some() {
            return Err(InvalidLimit::DuplicateDimension { index, name });
        }
    }
    if sorted.is_empty() {
        return Err(InvalidLimit::NoDimension);
    }
    if let Origin::Tier(_) | Origin::Tenant(_) = origin {
        sorted.insert(Dimension::Tenant, Key::Tenant);
    }
    Ok(sorted)
}

fn key(index: usize, dimension: Dimension) -> Result<(Dimension, Key), InvalidLimit> {
    let key = match &dimension {
        Dimension::Tenant => Key::Tenant,
        Dimension::ApiKey => Key::ApiKey,
        Dimension::Subject => Key::Subject,
        Dimension::Ip => Key::Ip,
        Dimension::Route => Key::Route,
        Dimension::Api => Key::Api,
        Dimension::Header(written) => {
            let name = header(index, written)?;
            return Ok((Dimension::Header(name.clone()), Key::Header(name.into())));
        }
        Dimension::Claim(path) => {
            let path = ClaimPath::parse(path);
            Key::Claim(path.map_err(|fault| InvalidLimit::Claim { index, fault })?)
        }
    };
    Ok((dimension, key))
}

fn header(index: usize, written: &str) -> Result<String, InvalidLimit> {
    let name = written.to_ascii_lowercase();
    if !is_header_name(&name) {
        return Err(InvalidLimit::HeaderName { index, name: written.to_owned() });
    }
    if is_reserved(name.as_bytes()) {
        return Err(InvalidLimit::ReservedHeader { index, name: written.to_owned() });
    }
    Ok(name)
}

fn check_requests(requests: u64, per: Period) -> Result<(), InvalidLimit> {
    let most = per.seconds().map(|seconds| seconds.saturating_mul(REQUESTS_PER_SECOND_MAX));
    match most {
        _ if requests == 0 => Err(InvalidLimit::NoRequests),
        Some(most) if most < requests => Err(InvalidLimit::TooManyRequests { requests, per }),
        None if TOKENS_MAX < requests => Err(InvalidLimit::TooLarge { requests }),
        _ => Ok(()),
    }
}

/// The meter, and what makes it another one than others.
fn rate(
    requests: u64,
    (per, seconds): (Period, u64),
    burst: Option<u64>,
    credit: Option<u64>,
    time_zone: Option<&str>,
) -> Result<(Meter, String), InvalidLimit> {
    if time_zone.is_some() {
        return Err(InvalidLimit::TimeZoneOfPeriod(per));
    }
    let burst = burst.unwrap_or(requests);
    let times_ten = requests.saturating_mul(10);
    if burst < 1 || times_ten < burst {
        return Err(InvalidLimit::Burst { burst, times_ten });
    }
    let most = REFILL_SECONDS_MAX.saturating_mul(requests).checked_div(seconds).unwrap_or(0);
    let max = most.saturating_sub(burst);
    match credit {
        Some(0) => return Err(InvalidLimit::NoCredit),
        Some(credit) if max < credit => return Err(InvalidLimit::Credit { credit, max }),
        _ => {}
    }
    let saved = credit.unwrap_or(0);
    let rate = Rate::new(requests, Duration::from_secs(seconds), burst, saved);
    Ok((Meter::Rate(rate), format!("{requests}/{seconds} burst {burst} credit {saved}")))
}

fn window(
    requests: u64,
    per: Period,
    burst: Option<u64>,
    credit: Option<u64>,
    time_zone: Option<&str>,
) -> Result<(Meter, String), InvalidLimit> {
    if burst.is_some() {
        return Err(InvalidLimit::BurstOfWindow(per));
    }
    if credit.is_some() {
        return Err(InvalidLimit::CreditOfWindow(per));
    }
    let name = time_zone.unwrap_or("UTC");
    let zone = || TimeZone::get(name).map_err(|_| InvalidLimit::TimeZone(name.to_owned()));
    let calendar = match per {
        Period::Month => Calendar::Months(zone()?),
        Period::Day => Calendar::Days(zone()?),
        _ if time_zone.is_some() => return Err(InvalidLimit::TimeZoneOfPeriod(per)),
        _ => Calendar::Total,
    };
    let quota = Rc::new(Quota::new(requests, calendar));
    Ok((Meter::Quota(quota), format!("{requests}/{} {name}", per.name())))
}

//! How limits are called, by callers and by the counters.

use super::Origin;
use crate::spec::{Dimension, Period};

impl Dimension {
    /// As it is written in configuration, but for what it is the value of.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Tenant => "tenant".to_owned(),
            Self::ApiKey => "api_key".to_owned(),
            Self::Subject => "subject".to_owned(),
            Self::Ip => "ip".to_owned(),
            Self::Route => "route".to_owned(),
            Self::Api => "api".to_owned(),
            Self::Header(name) => format!("header {name}"),
            Self::Claim(path) => format!("claim {path}"),
        }
    }

    /// As it is named to a caller; nothing for what is no property of callers.
    fn noun(&self) -> Option<String> {
        Some(match self {
            Self::Tenant => "the tenant".to_owned(),
            Self::ApiKey => "the API key".to_owned(),
            Self::Subject => "the subject".to_owned(),
            Self::Ip => "the address".to_owned(),
            Self::Header(name) => format!("the value of {name}"),
            Self::Claim(path) => format!("the claim {path}"),
            Self::Route | Self::Api => return None,
        })
    }
}

impl Period {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::Total => "total",
        }
    }

    /// As it follows a number of requests: `a second`.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Total => "in all",
            period => period.span(),
        }
    }

    /// As a span of time.
    pub(crate) fn span(self) -> &'static str {
        match self {
            Self::Second => "a second",
            Self::Minute => "a minute",
            Self::Hour => "an hour",
            Self::Day => "a day",
            Self::Month => "a month",
            Self::Total => "all time",
        }
    }

    /// None for a window of the calendar, whose lengths differ.
    pub(crate) fn seconds(self) -> Option<u64> {
        match self {
            Self::Second => Some(1),
            Self::Minute => Some(60),
            Self::Hour => Some(3_600),
            Self::Day | Self::Month | Self::Total => None,
        }
    }
}

/// A string of RFC 9651, section 3.3.3: `"tenant-route-minute"`, `"basic-second"`.
pub(super) fn name(origin: Origin<'_>, by: &[Dimension], per: Period) -> String {
    let counted = joined(by, "-").replace('_', "-");
    let subject = match origin {
        Origin::Route => counted,
        Origin::Api(api) => format!("{api}-{counted}"),
        Origin::Tier(name) | Origin::Tenant(name) if by == [Dimension::Tenant] => name.to_owned(),
        Origin::Tier(name) | Origin::Tenant(name) => format!("{name}-{counted}"),
    };
    format!("\"{}-{}\"", subject.replace(|c| !is_plain(c), "_"), per.name())
}

/// Whether a character stands for itself in such a string.
fn is_plain(c: char) -> bool {
    (c.is_ascii_graphic() || c == ' ') && c != '"' && c != '\\'
}

/// A limit whose numbers change is another limit: everybody starts afresh.
pub(super) fn identity(origin: Origin<'_>, by: &[Dimension], numbers: &str) -> String {
    let by = joined(by, "-");
    match origin {
        Origin::Route => format!("route {by} {numbers}"),
        Origin::Api(_) => format!("api {by} {numbers}"),
        Origin::Tier(name) => format!("tier {by} {numbers} {name}"),
        Origin::Tenant(_) => format!("tenant {by} {numbers}"),
    }
}

/// `10 requests a minute for the tenant on this route`.
pub(super) fn described(
    origin: Origin<'_>,
    by: &[Dimension],
    requests: u64,
    per: Period,
) -> String {
    let plural = if requests == 1 { "" } else { "s" };
    let whom = match origin {
        Origin::Tier(name) if by == [Dimension::Tenant] => {
            format!("for the tenant in tier {name}")
        }
        Origin::Tier(name) => format!("{} in tier {name}", whom(by)),
        Origin::Route | Origin::Api(_) | Origin::Tenant(_) => whom(by),
    };
    format!("{requests} request{plural} {} {whom}", per.phrase())
}

/// `for the tenant and the address on this route`.
fn whom(by: &[Dimension]) -> String {
    let nouns: Vec<String> = by.iter().filter_map(Dimension::noun).collect();
    let callers = (!nouns.is_empty()).then(|| format!("for {}", nouns.join(" and ")));
    let place = match () {
        () if by.contains(&Dimension::Route) => Some("on this route"),
        () if by.contains(&Dimension::Api) => Some("on this API"),
        () => None,
    };
    let words: Vec<&str> = callers.as_deref().into_iter().chain(place).collect();
    words.join(" ")
}

fn joined(by: &[Dimension], between: &str) -> String {
    by.iter().map(|one| one.name().replace(' ', "-")).collect::<Vec<_>>().join(between)
}

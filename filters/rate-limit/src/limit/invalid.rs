use tollgate_core::InvalidClaimPath;

use super::{LIMITS_MAX, TOKENS_MAX};
use crate::cost::InvalidCost;
use crate::spec::Period;

/// Why a list of limits was refused. The text continues the path of the list:
/// `limits[0].requests: …`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLimits {
    /// Each costs every request some time.
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
    #[error("[{index}]: [{first}] counts by the same over {per} too; keep one of them", per = .per.span())]
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
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidLimit {
    #[error(
        "by: is empty; name at least one of tenant, api_key, subject, ip, route, api, \
         {{ header: NAME }} and {{ claim: PATH }}"
    )]
    NoDimension,
    #[error("by[{index}]: {name} stands there twice; name it once")]
    DuplicateDimension { index: usize, name: String },
    #[error(
        "by[{index}].header: {name:?} is not the name of a header; write one such as x-account"
    )]
    HeaderName { index: usize, name: String },
    #[error(
        "by[{index}].header: {name:?} is for the gateway itself to write, and taken out of \
         requests; count by who is calling, or by another header"
    )]
    ReservedHeader { index: usize, name: String },
    #[error("by[{index}].claim: {fault}")]
    Claim { index: usize, fault: InvalidClaimPath },
    #[error("requests: 0 is not at least 1; use `allow` to keep callers out")]
    NoRequests,
    #[error("requests: {requests} {per} is more than 1000000 a second; leave the limit out", per = .per.phrase())]
    TooManyRequests { requests: u64, per: Period },
    #[error("requests: {requests} is more than {TOKENS_MAX}; leave the limit out")]
    TooLarge { requests: u64 },
    #[error("burst: {burst} is not between 1 and 10 times requests ({times_ten})")]
    Burst { burst: u64, times_ten: u64 },
    #[error("burst: all that {per} has may arrive at once; remove it", per = .0.span())]
    BurstOfWindow(Period),
    #[error("credit: 0 is not at least 1; leave it out, and nothing is saved")]
    NoCredit,
    #[error(
        "credit: {credit} with the burst take more than 31 days to refill; write {max} at most"
    )]
    Credit { credit: u64, max: u64 },
    #[error("credit: nothing refills in {per} that could be saved; remove it", per = .0.span())]
    CreditOfWindow(Period),
    #[error(
        "time_zone: {0:?} is not in the list of time zones; write a name such as Europe/Berlin"
    )]
    TimeZone(String),
    #[error("time_zone: {per} begins with no clock; remove it, or limit by day or month", per = .0.span())]
    TimeZoneOfPeriod(Period),
    #[error("cost{0}")]
    Cost(#[from] InvalidCost),
}

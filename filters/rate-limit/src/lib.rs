//! How much a caller may ask for.
//!
//! A limit says what callers must share to be counted together, how many
//! requests they may make in a period, and how many of them at once. A route
//! has limits of its own, and a tier has limits for each tenant over all
//! routes; a request meets all of them, and is counted by all or by none.
//!
//! Counts are exact for all workers of one Envoy together: they stand in the
//! data that its workers share, and none is changed without having been read.

mod answer;
mod caller;
mod count;
mod filter;
mod gcra;
mod limit;
mod limiter;
mod slot;
mod spec;

pub use crate::caller::Caller;
pub use crate::filter::{InvalidRateLimitFilter, RateLimitFilter, RateLimitFilterSpec};
pub use crate::limit::{InvalidLimit, InvalidLimits, Limits};
pub use crate::limiter::{InvalidTiers, RateLimiter};
pub use crate::spec::{
    Dimension, LimitSpec, OnFailure, Period, TierLimitSpec, TierSpec, TiersSpec,
};

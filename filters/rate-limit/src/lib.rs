//! How much a caller may ask for.
//!
//! A limit says what callers must share to be counted together, how many
//! requests they may make in a period or in a window of the calendar, and how
//! many of them at once. A route has limits of its own, an API has some over all
//! its routes, and a tier has some for each tenant; a request meets all of them,
//! and is counted by all or by none.
//!
//! Counts are exact for all workers of one Envoy together: they stand in the
//! data that its workers share, and none is changed without having been read.
//! Of a large allowance a busy worker takes several tokens at once, and gives
//! back what it does not spend.

mod account;
mod allowances;
mod answer;
mod caller;
mod cost;
mod filter;
mod fleet;
mod gcra;
mod lease;
mod limit;
mod limiter;
mod meter;
mod overrides;
mod quota;
mod settlement;
mod slot;
mod spec;
mod window;

pub use crate::allowances::InvalidAllowances;
pub use crate::caller::Caller;
pub use crate::cost::InvalidCost;
pub use crate::filter::{InvalidRateLimitFilter, RateLimitFilter, RateLimitFilterSpec};
pub use crate::fleet::FIRST;
pub use crate::gcra::Scale;
pub use crate::lease::held_max;
pub use crate::limit::{InvalidLimit, InvalidLimits, Limits};
pub use crate::limiter::{Admitted, Applied, RateLimiter, Standing, Uplift, Uplifts};
pub use crate::spec::{
    AllowancesSpec, CostOfSpec, CostSpec, Dimension, FieldsSpec, LimitSpec, OnFailure, Period,
    TellingSpec, TierSpec, TiersSpec, WhenAlone,
};

pub use tollgate_sync::FleetSpec;

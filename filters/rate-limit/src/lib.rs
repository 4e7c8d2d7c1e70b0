//! How much a caller may ask for.

mod spec;

pub use crate::spec::{
    Dimension, LimitSpec, OnFailure, Period, TierLimitSpec, TierSpec, TiersSpec,
};

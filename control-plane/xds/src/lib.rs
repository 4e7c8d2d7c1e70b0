//! Says in Envoy's terms what a checked gateway should do.
//!
//! A pure function, from one value to another: it reads no file and no clock,
//! it cannot fail, and equal gateways give equal snapshots.

pub mod delta;
mod deployment;
mod snapshot;
mod translate;

pub use crate::deployment::Deployment;
pub use crate::snapshot::{Kind, Resource, Snapshot};
pub use crate::translate::translate;

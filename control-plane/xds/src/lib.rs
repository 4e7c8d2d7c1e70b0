//! Says in Envoy's terms what a checked gateway should do.
//!
//! A pure function, from one value to another: it reads no file and no clock,
//! it cannot fail, and equal gateways give equal snapshots.

mod ads;
mod cluster;
pub mod delta;
mod deployment;
mod endpoints;
mod extension;
mod json;
mod listener;
mod own_clusters;
mod protocol;
mod routes;
mod secrets;
mod shards;
mod snapshot;
pub mod sotw;
mod tls;
mod translate;
mod version;
mod wrap;

pub use crate::deployment::{Deployment, IdentityFront, SyncAt};
pub use crate::shards::Lookup;
pub use crate::snapshot::{Kind, Resource, Snapshot};
pub use crate::translate::{remove_piece, replace_general, translate, translate_pieces};

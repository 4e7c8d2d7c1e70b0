//! What an operator writes, checked.
//!
//! A pure step from the bytes of `tollgate.yaml` to a [`Gateway`]. Every fault
//! is reported with its place, because a person is reading.

mod gateway;
mod place;

pub use crate::gateway::{Backend, Endpoint, Gateway, Health, HostRoute, Listener, Protocol};
pub use crate::place::Place;

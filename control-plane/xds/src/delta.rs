//! One delta-ADS stream, as a state machine without a socket and without a clock.
//!
//! The server moves messages: what Envoy says goes into [`Stream::on_request`],
//! a new configuration into [`Stream::on_snapshot`], and after either, and when
//! [`Stream::deadline`] has passed, [`Stream::next`] is called until it has
//! nothing more to send. Time is what has passed since any moment that stays
//! the same for the stream.
//!
//! Additions go out in the order in which Envoy can use them, removals only
//! when nothing that Envoy runs refers to what is removed.

mod event;
mod flight;
mod interest;
mod known;
mod message;
mod order;
mod running;
mod stream;
mod subscription;
mod wire;

pub use crate::delta::event::{Event, Named};
pub use crate::delta::message::{Body, Entry, Response};
pub use crate::delta::stream::Stream;

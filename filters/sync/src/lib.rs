//! What the workers of an Envoy learn from the control plane while they serve:
//! who is refused although the credential looks good, which API keys there are,
//! and what this Envoy may admit of limits that it shares with others.
//!
//! One worker of each Envoy, elected by a lease in shared data, asks the control
//! plane four times a second and writes down what it hears in shared data; the
//! others read it there. What is written is bounded: shared data cannot be given
//! back. A [`Member`] is what each worker has of it.

pub mod deal;
mod denylist;
mod fleet;
mod head;
mod keys;
mod lease;
mod log;
mod member;
pub mod message;
mod name;
mod spec;

pub use crate::denylist::{DENIALS_MAX, Denylist};
pub use crate::fleet::{Accounts, DECAY, Enforced, Fleet, HOLD, Overriding, Window};
pub use crate::keys::{FILTER_BYTES_MAX, NEWER_KEYS_MAX};
pub use crate::member::Member;
pub use crate::name::{Mark, Name};
pub use crate::spec::{FleetSpec, SyncSpec, WhenStale};

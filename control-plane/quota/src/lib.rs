//! Deals limits among the Envoys of a fleet.
//!
//! A **rate** is dealt in [`Share`]s by demand: the [`Dealer`] takes from those
//! who need less before it gives to those who need more, and what all hold
//! together is never more than the limit, but for the share of an Envoy that it
//! has not heard of yet, or no longer. What is dealt lives in the Envoys: a
//! dealer that begins anew learns from them what they hold.
//!
//! A **count** is lent: a [`Balance`] says how much of a window is left and what
//! each Envoy may spend of it. All of it is durable, and whatever is lost on the
//! way, more than the limit is never lent.
//!
//! Nothing in this crate reads a clock, draws a random number or waits.

mod balance;
mod dealer;
mod exchange;
mod fair;
mod member;
mod names;
mod pot;
mod share;

pub use crate::balance::{Ask, Balance, LEASE_ENDS, Lent, Others};
pub use crate::dealer::{DECAY, Dealer, HOLD, KEYS_MAX, LEARN, MEMBERS_MAX, PAGE};
pub use crate::exchange::{Deal, Demand, Grant, Late, Report};
pub use crate::fair::fair;
pub use crate::names::{Instance, Key};
pub use crate::share::Share;

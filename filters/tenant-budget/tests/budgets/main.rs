//! Budgets as the gateway asks them, with several workers at one Envoy.

mod common;
mod interleavings;
mod refusals;
mod shares;
mod workers;

//! The stream engine, without a socket: what Envoy says on the left, what it
//! is told on the right, line by line.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::assigning_clones,
    clippy::expect_used,
    clippy::format_collect,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod checklist;
mod envoy;
mod flow;
mod order;
mod property;
mod removals;
mod script;
mod subscriptions;
mod verdicts;

//! The stream engine, without a socket: what Envoy says on the left, what it
//! is told on the right, line by line.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod envoy;
mod flow;
mod order;
mod property;
mod script;
mod subscriptions;
mod verdicts;

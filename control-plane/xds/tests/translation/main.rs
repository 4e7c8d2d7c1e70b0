//! What a gateway is in Envoy's terms.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::format_collect,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test"
)]

mod edge;
mod expressions;
mod golden;
mod reflect;
mod validate;

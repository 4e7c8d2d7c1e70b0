//! What a front promises, against real servers on loopback.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod clock;
mod config;
mod failing;
mod hostile;
mod http;
mod logging;
mod minting;
mod oidc;
mod region;
mod reload;
mod remembering;
mod service;
mod storm;
mod tls;
mod world;

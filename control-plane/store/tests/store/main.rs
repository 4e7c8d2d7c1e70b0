//! What a store promises, asked of SQLite and of PostgreSQL alike.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod both;
mod configuration;
mod keys;
mod lending;
mod opening;
mod overrides;
mod revocations;
mod secret;
mod sequence;
mod signing_keys;
mod sqlite;
mod tenants;

//! The commands about the store, as people type them.

#![expect(
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod errors;
mod keys;
mod serving;
mod shell;
mod tenants;
mod tokens;

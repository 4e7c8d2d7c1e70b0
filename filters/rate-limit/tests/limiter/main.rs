//! Limits, as callers, operators and other workers meet them.

mod common;
mod configuration;
mod dimensions;
mod failures;
mod fleet;
mod interleavings;
mod limits;
mod shared;
mod windows;
mod workers;

//! Limits, as callers, operators and other workers meet them.

mod common;
mod configuration;
mod dimensions;
mod failures;
mod limits;
mod windows;
mod workers;

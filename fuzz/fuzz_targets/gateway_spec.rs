//! The plugin configuration.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::{Seed, parse};
use tollgate_gateway::Gateway;

fuzz_target!(|bytes: &[u8]| {
    if let Err(fault) = parse::<Gateway>(bytes, Seed([0; 16])) {
        assert!(!fault.to_string().is_empty());
    }
});

//! What a provider answers, a worker asks and a shared cache holds.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tollgate_identity::fuzz_bytes(bytes));

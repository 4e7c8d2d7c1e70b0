//! A slot of signatures that were seen, as it stands in shared data.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|asked: (&[u8], u128, u64, u64)| {
    let (slot, what, until, now) = asked;
    assert!(tollgate_signatures::fuzz_slot(slot, what, until, now));
});

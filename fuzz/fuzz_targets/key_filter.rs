//! A filter of API keys, as it reaches a worker.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_auth::{KeyFilter, KeyFingerprint};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(filter) = KeyFilter::from_bytes(bytes) {
        assert_eq!(filter.to_bytes(), bytes, "a form is read as it is written");
        for chunk in bytes.as_chunks().0 {
            filter.may_contain(KeyFingerprint(u64::from_le_bytes(*chunk)));
        }
    }
    // Bytes that are no filter are some keys.
    let keys: Vec<_> = bytes
        .as_chunks()
        .0
        .iter()
        .map(|chunk| KeyFingerprint(u64::from_le_bytes(*chunk)))
        .collect();
    let filter = KeyFilter::build(1, 2, keys.clone()).expect("a filter can be built");
    assert!(keys.iter().all(|key| filter.may_contain(*key)), "no key is missing");
});

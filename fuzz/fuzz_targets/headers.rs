//! The list of headers in the host's encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::{Headers, is_reserved};

fuzz_target!(|bytes: Vec<u8>| {
    let Ok(headers) = Headers::decode(bytes) else { return };
    let again: Headers = headers.iter().collect();
    assert!(again.iter().eq(headers.iter()));
    for (name, value) in headers.iter() {
        is_reserved(name);
        if let Ok(name) = std::str::from_utf8(name) {
            assert!(headers.get(name).is_some());
            assert!(headers.only(name).is_err() || headers.only(name) == Ok(Some(value)));
        }
    }
});

//! An API key, as any client may send it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_auth::ApiKey;

fuzz_target!(|bytes: &[u8]| {
    if ApiKey::is_well_formed(bytes) {
        let text = std::str::from_utf8(bytes).expect("keys are ASCII");
        assert!(text.starts_with("tg_") && text.len() == 52, "{text}");
    }
    let Some(entropy) = bytes.first_chunk() else { return };
    let key = ApiKey::generate(*entropy);
    assert!(ApiKey::is_well_formed(key.as_str().as_bytes()), "what is made is well formed");
});

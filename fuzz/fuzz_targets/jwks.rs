//! What an endpoint answers that publishes the keys of an issuer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::Answer;

fuzz_target!(|body: &[u8]| {
    for status in ["200", "302"] {
        let headers = [(":status", status)].into_iter().collect();
        let are_taken = tollgate_auth::fuzz_keys(&Answer { headers, body: body.to_vec() });
        // Only a set of public keys is taken, and only from whoever was asked.
        if are_taken {
            let set: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
            let keys = set["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
            assert!(status == "200" && (1..=100).contains(&keys.len()));
            assert!(keys.iter().all(|key| key["kty"] == "oct" || key.get("d").is_none()));
        }
    }
});

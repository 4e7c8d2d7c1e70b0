//! What an identity provider answers about a token.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::Answer;

fuzz_target!(|parts: (&[u8], &str, &str)| {
    let (body, cache_control, retry_after) = parts;
    for status in ["200", "429"] {
        let headers =
            [(":status", status), ("cache-control", cache_control), ("retry-after", retry_after)];
        let answer = Answer { headers: headers.into_iter().collect(), body: body.to_vec() };
        let is_active = tollgate_auth::fuzz_answer(&answer);
        // Only JSON that any reader takes for `true` is active.
        if is_active {
            let said: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
            assert!(status == "200" && said.get("active") == Some(&true.into()));
        }
    }
});

//! A name in a client certificate, and the pattern that it is held against.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_auth::{Match, Pattern};

fuzz_target!(|input: (&str, &[u8])| {
    let (text, name) = input;
    for folds_case in [false, true] {
        let Ok(pattern) = Pattern::parse(text, folds_case) else { continue };
        let Some(Match { tenant, subject }) = pattern.matches(name) else { continue };
        let is_part = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        assert!(is_part(tenant), "{text:?} {tenant:?}");
        let whole = if text.contains("{subject}") {
            assert!(is_part(subject), "{text:?} {subject:?}");
            text.replace("{subject}", subject).replace("{tenant}", tenant)
        } else {
            assert_eq!(subject.as_bytes(), name);
            text.replace("{tenant}", tenant)
        };
        if folds_case {
            assert!(whole.as_bytes().eq_ignore_ascii_case(name), "{text:?} {name:?}");
        } else {
            assert_eq!(whole.as_bytes(), name, "{text:?}");
        }
    }
});

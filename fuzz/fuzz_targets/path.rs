//! `:path`, as any client may send it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::{CanonicalPath, unescape};

fuzz_target!(|target: &[u8]| {
    let Ok(path) = CanonicalPath::parse(target) else { return };
    assert!(CanonicalPath::parse(path.as_bytes()).is_ok(), "an accepted path is canonical");
    let segments: Vec<_> = path.segments().collect();
    for once in &segments {
        assert!(std::str::from_utf8(once).is_ok());
        for segment in [once, &unescape(once)] {
            let cut = segment.split(|&b| b == b';').next().unwrap_or_default();
            assert!(!matches!(cut, b"" | b"." | b".."), "nothing hides in a segment");
            assert!(!segment.iter().any(|b| b"/\\\0".contains(b)), "nothing hides in a segment");
        }
    }
    let joined = [b"/", &segments.join(&b"/"[..])[..]].concat();
    assert_eq!(*path.decoded(), joined, "both readings agree");
});

//! Which spellings of a path are refused, and how the others are read.
#![allow(clippy::unwrap_used, reason = "a test")]

use proptest::prelude::*;
use tollgate_core::{AmbiguousPath, CanonicalPath};

/// Each line: a target, then its decoded segments or why it is refused.
fn check(table: &[(&str, &str)]) {
    for &(target, expected) in table {
        assert_eq!(read(target.as_bytes()), expected, "target: {target:?}");
    }
}

fn read(target: &[u8]) -> String {
    match CanonicalPath::parse(target) {
        Ok(path) => {
            let segments: Vec<_> = path.segments().collect();
            format!("[{}]", String::from_utf8(segments.join(&b"|"[..])).unwrap())
        }
        Err(reason) => format!("{reason:?}"),
    }
}

#[test]
fn ordinary_paths_pass() {
    check(&[
        ("/", "[]"),
        ("/orders", "[orders]"),
        ("/orders/", "[orders]"),
        ("/orders/7/items", "[orders|7|items]"),
        ("/Orders", "[Orders]"),
        ("/.well-known/x", "[.well-known|x]"),
        ("/a/...", "[a|...]"),
        ("/a/..b", "[a|..b]"),
        ("/a/b..", "[a|b..]"),
        ("/~user/a-b_c.d", "[~user|a-b_c.d]"),
        ("/a!$&'()*+,=:@b", "[a!$&'()*+,=:@b]"),
        ("/a[0]", "[a[0]]"),
        ("/*", "[*]"),
    ]);
}

#[test]
fn escapes_that_nothing_reads_differently_are_decoded() {
    check(&[
        ("/a%20b", "[a b]"),
        ("/caf%c3%a9", "[café]"),
        ("/caf%C3%A9", "[café]"),
        ("/%E2%82%AC", "[€]"),
        ("/%F0%9F%A6%80", "[🦀]"),
        ("/a%21b", "[a!b]"),
        ("/a%3fb", "[a?b]"),
        ("/a%23b", "[a#b]"),
        ("/a%22b", "[a\"b]"),
        ("/a%7Cb", "[a|b]"),
        ("/100%25", "[100%]"),
        ("/100%25/x", "[100%|x]"),
        ("/%2541", "[%41]"),
    ]);
}

#[test]
fn slashes_and_backslashes_are_where_segments_end_or_nowhere() {
    check(&[
        ("//", "EmptySegment"),
        ("//orders", "EmptySegment"),
        ("/orders//7", "EmptySegment"),
        ("/orders//", "EmptySegment"),
        ("/a%2fb", "EscapedSlash"),
        ("/a%2Fb", "EscapedSlash"),
        ("/%2f", "EscapedSlash"),
        ("/a\\b", "Backslash"),
        ("/a%5cb", "Backslash"),
        ("/a%5Cb", "Backslash"),
        ("/..\\admin", "Backslash"),
    ]);
}

#[test]
fn dot_segments_are_refused_in_every_disguise() {
    check(&[
        ("/.", "DotSegment"),
        ("/..", "DotSegment"),
        ("/a/./b", "DotSegment"),
        ("/a/../b", "DotSegment"),
        ("/a/..", "DotSegment"),
        ("/a/%2e/b", "DotSegment"),
        ("/a/%2e%2e/b", "DotSegment"),
        ("/a/%2E%2E/b", "DotSegment"),
        ("/a/.%2e/b", "DotSegment"),
        ("/a/%2e./b", "DotSegment"),
        ("/a/..;/b", "DotSegment"),
        ("/a/.;/b", "DotSegment"),
        ("/a/..;x=1/b", "DotSegment"),
        ("/a/%2e%2e;/b", "DotSegment"),
        ("/a/..%3b/b", "DotSegment"),
        ("/a/..%3B/b", "DotSegment"),
        ("/a/%2e%2e%3bx", "DotSegment"),
    ]);
}

#[test]
fn what_is_decoded_twice_is_refused() {
    check(&[
        ("/a%252fb", "EscapedTwice"),
        ("/a%252Fb", "EscapedTwice"),
        ("/a%255cb", "EscapedTwice"),
        ("/a/%252e%252e/b", "EscapedTwice"),
        ("/a/%253Bb", "EscapedTwice"),
        ("/a%2500", "EscapedTwice"),
        ("/a%25252fb", "EscapedTwice"),
        ("/a%2525252Eb", "EscapedTwice"),
    ]);
}

#[test]
fn control_characters_are_refused() {
    check(&[
        ("/a%00b", "EscapedZero"),
        ("/a\0b", "ControlCharacter"),
        ("/a\x01b", "ControlCharacter"),
        ("/a\tb", "ControlCharacter"),
        ("/a\r\nb", "ControlCharacter"),
        ("/a\x7fb", "ControlCharacter"),
        ("/a%09b", "ControlCharacter"),
        ("/a%0d%0ab", "ControlCharacter"),
        ("/a%7fb", "ControlCharacter"),
        ("/a%c2%85b", "ControlCharacter"),
        ("/a?b\x01", "ControlCharacter"),
    ]);
}

#[test]
fn malformed_escapes_are_refused() {
    check(&[
        ("/a%", "MalformedEscape"),
        ("/a%4", "MalformedEscape"),
        ("/a%/b", "MalformedEscape"),
        ("/a%zz", "MalformedEscape"),
        ("/a%+1", "MalformedEscape"),
        ("/a%u002f", "MalformedEscape"),
        ("/a%2?b", "MalformedEscape"),
    ]);
}

#[test]
fn escaped_bytes_must_be_utf_8() {
    check(&[
        ("/a%c0%afb", "NotUtf8"),
        ("/a%C0%AE", "NotUtf8"),
        ("/a%e0%80%af", "NotUtf8"),
        ("/a%f0%80%80%af", "NotUtf8"),
        ("/a%ff", "NotUtf8"),
        ("/a%80", "NotUtf8"),
        ("/a%c3", "NotUtf8"),
        ("/a%c3b", "NotUtf8"),
        ("/a%c3%28", "NotUtf8"),
        ("/a%e2%82/b", "NotUtf8"),
        ("/a%ed%a0%80", "NotUtf8"),
        ("/a%f5%80%80%80", "NotUtf8"),
    ]);
}

/// Envoy decodes these, if it normalises paths at all.
#[test]
fn needless_escapes_are_refused() {
    check(&[
        ("/%41dmin", "NeedlessEscape"),
        ("/adm%69n", "NeedlessEscape"),
        ("/a%30", "NeedlessEscape"),
        ("/a%2db", "NeedlessEscape"),
        ("/a%5fb", "NeedlessEscape"),
        ("/a%7Eb", "NeedlessEscape"),
        ("/a%2eb", "NeedlessEscape"),
        ("/a%2e%2e%2e", "NeedlessEscape"),
    ]);
}

#[test]
fn parameters_and_fragments_are_refused() {
    check(&[
        ("/a;b", "Parameters"),
        ("/a;jsessionid=1/b", "Parameters"),
        ("/a;/b", "Parameters"),
        ("/;/a", "Parameters"),
        ("/a%3bb", "Parameters"),
        ("/a#b", "Fragment"),
        ("/a?b#c", "Fragment"),
        ("/#", "Fragment"),
    ]);
}

#[test]
fn characters_that_need_an_escape_are_refused_without() {
    check(&[
        ("/a b", "Unescaped"),
        ("/a\"b", "Unescaped"),
        ("/a<b", "Unescaped"),
        ("/a>b", "Unescaped"),
        ("/a{b}", "Unescaped"),
        ("/a|b", "Unescaped"),
        ("/a^b", "Unescaped"),
        ("/a`b", "Unescaped"),
        ("/café", "Unescaped"),
        ("/a?b c", "Unescaped"),
        ("/a?é", "Unescaped"),
    ]);
}

#[test]
fn other_forms_of_a_target_are_refused() {
    check(&[
        ("", "NoLeadingSlash"),
        ("*", "NoLeadingSlash"),
        ("orders", "NoLeadingSlash"),
        ("?a", "NoLeadingSlash"),
        ("http://example.com/", "NoLeadingSlash"),
        ("example.com:443", "NoLeadingSlash"),
        ("%2forders", "NoLeadingSlash"),
    ]);
}

#[test]
fn the_query_begins_at_the_first_question_mark() {
    for (target, path, query) in [
        ("/a", "/a", None),
        ("/a?", "/a", Some("")),
        ("/a/?b=c", "/a/", Some("b=c")),
        ("/?a?b", "/", Some("a?b")),
        ("/a?b//c/../%2f;%zz", "/a", Some("b//c/../%2f;%zz")),
    ] {
        let read = CanonicalPath::parse(target.as_bytes()).unwrap();
        assert_eq!(read.as_bytes(), path.as_bytes(), "target: {target}");
        assert_eq!(read.query(), query.map(str::as_bytes), "target: {target}");
    }
}

#[test]
fn the_decoded_path_has_no_slash_at_its_end() {
    for (target, decoded) in [("/", "/"), ("/a/", "/a"), ("/a%20b/c", "/a b/c"), ("/?a", "/")] {
        let read = CanonicalPath::parse(target.as_bytes()).unwrap();
        assert_eq!(&*read.decoded(), decoded.as_bytes(), "target: {target}");
    }
}

#[test]
fn every_reason_has_its_own_words() {
    use AmbiguousPath as P;
    for (reason, text) in [
        (P::NoLeadingSlash, "the path does not begin with a slash"),
        (P::EmptySegment, "the path has two slashes in a row"),
        (P::DotSegment, "a segment of the path is `.` or `..`"),
        (P::EscapedSlash, "the path has an escaped slash (`%2f`)"),
        (P::Backslash, "the path has a backslash, as it is or escaped (`%5c`)"),
        (P::EscapedZero, "the path has an escaped zero byte (`%00`)"),
        (P::ControlCharacter, "the path has a control character, as it is or escaped"),
        (P::EscapedTwice, "the path has a character that is escaped twice (`%252f`)"),
        (P::MalformedEscape, "the path has a `%` without two hexadecimal digits after it"),
        (P::NeedlessEscape, "the path has an escape where none is needed (`%41` for `A`)"),
        (P::Fragment, "the path has a `#`"),
        (P::Parameters, "a segment of the path has parameters (`;`, as it is or escaped)"),
        (P::NotUtf8, "the path has escaped bytes that are not UTF-8"),
        (P::Unescaped, "the path has a character that must be escaped"),
    ] {
        assert_eq!(reason.to_string(), text);
    }
}

/// Pieces that paths are put together from, so that many of them are accepted.
fn spelling() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "/", "/a", "/b", "a", "B", ".", "..", "%2e", "%2f", "%20", "%25", "2f", "%c3%a9", "%C3%A9",
        ";", "%3b", "?", "#", "%", "\\", "%00", "x=1",
    ]);
    let pieces = prop::collection::vec(piece, 0..8);
    pieces.prop_map(|pieces| format!("/{}", pieces.concat()).into_bytes())
}

proptest! {
    #[test]
    fn no_bytes_cause_a_panic(target in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(path) = CanonicalPath::parse(&target) {
            path.segments().for_each(drop);
            path.decoded();
        }
    }

    /// An accepted path is its own canonical form, and stays whole.
    #[test]
    fn canonical_is_canonical(target in spelling()) {
        if let Ok(path) = CanonicalPath::parse(&target) {
            let again = CanonicalPath::parse(path.as_bytes()).unwrap();
            prop_assert_eq!(again.as_bytes(), path.as_bytes());
            let query = path.query().map_or(vec![], |query| [b"?", query].concat());
            prop_assert_eq!([path.as_bytes(), &query].concat(), target);
        }
    }

    /// Whatever a backend decodes, once or twice: no segment of an accepted
    /// path turns out to be empty, a dot segment or several segments.
    #[test]
    fn nothing_hides_in_a_segment(target in spelling()) {
        if let Ok(path) = CanonicalPath::parse(&target) {
            for once in path.segments() {
                let twice = tollgate_core::unescape(&once);
                for segment in [&once, &twice] {
                    let cut = segment.split(|&b| b == b';').next().unwrap();
                    prop_assert!(!matches!(cut, b"" | b"." | b".."), "{:?}", segment);
                    prop_assert!(!segment.iter().any(|b| b"/\\\0".contains(b)), "{:?}", segment);
                }
                prop_assert!(std::str::from_utf8(&once).is_ok());
            }
        }
    }
}

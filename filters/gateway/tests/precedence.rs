//! Which of two matches is tried first, and which can never be reached.
#![allow(clippy::unwrap_used, reason = "a test")]

use proptest::prelude::*;
use tollgate_gateway::MatchSpec;

fn spec(json: &str) -> MatchSpec {
    serde_json::from_str(json).unwrap()
}

#[test]
fn the_more_specific_match_is_tried_first() {
    let sorted = [
        r#"{"regex": ".*", "priority": 1}"#,
        r#"{"path": "/a/b", "methods": ["GET"], "headers": {"x": "1"}}"#,
        r#"{"path": "/a/b/", "query": {"x": "1"}}"#,
        r#"{"path": "/a/b"}"#,
        r#"{"path": "/a"}"#,
        r#"{"path": "/a/{x}/c/d"}"#,
        r#"{"path": "/a/{x}/c"}"#,
        r#"{"path": "/{x}/b/c", "methods": ["GET"]}"#,
        r#"{"path": "/{x}/b/c"}"#,
        r#"{"path": "/{x}/{y}/c"}"#,
        r#"{"path": "/{x}"}"#,
        r#"{"prefix": "/a/b"}"#,
        r#"{"prefix": "/a/"}"#,
        r#"{"prefix": "/"}"#,
        r#"{"regex": "/a", "methods": ["GET"]}"#,
        r#"{"regex": "/a"}"#,
        r#"{"path": "/a", "priority": -1}"#,
    ];
    for (left, right) in sorted.iter().zip(sorted.iter().skip(1)) {
        assert!(spec(left).precedence() < spec(right).precedence(), "{left} before {right}");
    }
}

#[test]
fn names_and_spelling_decide_no_order() {
    for (left, right) in [
        (r#"{"path": "/a"}"#, r#"{"path": "/b/"}"#),
        (r#"{"path": "/{a}/x"}"#, r#"{"path": "/{b}/y"}"#),
        (r#"{"prefix": "/a"}"#, r#"{"prefix": "/b/"}"#),
    ] {
        assert_eq!(spec(left).precedence(), spec(right).precedence(), "{left} and {right}");
    }
}

#[test]
fn a_match_shadows_what_it_serves_whole() {
    for (earlier, later, expected) in [
        (r#"{"path": "/a"}"#, r#"{"path": "/a/"}"#, true),
        (r#"{"path": "/a"}"#, r#"{"path": "/A"}"#, true),
        (r#"{"path": "/a%21"}"#, r#"{"path": "/a!"}"#, true),
        (r#"{"path": "/a"}"#, r#"{"path": "/b"}"#, false),
        (r#"{"path": "/a"}"#, r#"{"path": "/a/b"}"#, false),
        (r#"{"path": "/{x}"}"#, r#"{"path": "/a"}"#, true),
        (r#"{"path": "/{x}"}"#, r#"{"path": "/{y}"}"#, true),
        (r#"{"path": "/a"}"#, r#"{"path": "/{y}"}"#, false),
        (r#"{"path": "/a"}"#, r#"{"prefix": "/a"}"#, false),
        (r#"{"prefix": "/a"}"#, r#"{"path": "/a/{x}"}"#, true),
        (r#"{"prefix": "/a"}"#, r#"{"prefix": "/a/b"}"#, true),
        (r#"{"prefix": "/a/b"}"#, r#"{"prefix": "/a"}"#, false),
        (r#"{"prefix": "/"}"#, r#"{"regex": "/x.*"}"#, true),
        (r#"{"prefix": "/a"}"#, r#"{"regex": "/a.*"}"#, false),
        (r#"{"regex": "/a.*"}"#, r#"{"regex": "/a.*"}"#, true),
        (r#"{"regex": ".*"}"#, r#"{"path": "/a"}"#, false),
        (r#"{"path": "/a", "methods": ["GET"]}"#, r#"{"path": "/a"}"#, false),
        (r#"{"path": "/a"}"#, r#"{"path": "/a", "methods": ["GET"]}"#, true),
        (
            r#"{"path": "/a", "methods": ["GET", "PUT"]}"#,
            r#"{"path": "/a", "methods": ["PUT"]}"#,
            true,
        ),
        (
            r#"{"path": "/a", "methods": ["PUT"]}"#,
            r#"{"path": "/a", "methods": ["GET", "PUT"]}"#,
            false,
        ),
        (r#"{"path": "/a", "headers": {"x": "1"}}"#, r#"{"path": "/a"}"#, false),
        (r#"{"path": "/a"}"#, r#"{"path": "/a", "query": {"x": "1"}}"#, true),
        (
            r#"{"path": "/a", "headers": {"X": "1"}}"#,
            r#"{"path": "/a", "headers": {"x": "1"}}"#,
            true,
        ),
        (r#"{"path": "/a", "query": {"x": "1"}}"#, r#"{"path": "/a", "query": {"x": "2"}}"#, false),
        (
            r#"{"path": "/a", "query": {"x": {"present": true}}}"#,
            r#"{"path": "/a", "query": {"x": "2"}}"#,
            true,
        ),
        (
            r#"{"path": "/a", "query": {"x": {"present": false}}}"#,
            r#"{"path": "/a", "query": {"x": "2"}}"#,
            false,
        ),
        (
            r#"{"path": "/a", "query": {"x": {"present": true}}}"#,
            r#"{"path": "/a", "query": {"x": {"present": false}}}"#,
            false,
        ),
    ] {
        assert_eq!(spec(earlier).shadows(&spec(later)), expected, "{earlier} before {later}");
    }
}

proptest! {
    /// Whatever was written, well formed or not.
    #[test]
    fn no_text_causes_a_panic(path in ".*", other in "[/{}a%.?]*") {
        let one = MatchSpec { path: Some(path), ..MatchSpec::default() };
        let two = MatchSpec { prefix: Some(other), ..MatchSpec::default() };
        one.shadows(&two);
        two.shadows(&one);
        let _ = one.precedence().cmp(&two.precedence());
    }
}

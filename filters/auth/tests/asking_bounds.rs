//! How much is asked, and what is told while nobody answers.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::NOW;
use common::asked::{Asked, active};
use serde_json::json;
use tollgate_core::property;

const ANN: &str = "introspection.acme ann - - []";
const UNKNOWN: &str = "503 caller-unknown: ";

#[test]
fn what_cannot_be_a_token_is_not_asked_about() {
    let mut asked = Asked::new(&json!({}));
    let characters = "401 invalid-token: the token is empty or has characters in it that no token \
                      has";
    for token in ["", "a b", "a=b", "=", "a\u{e9}", "a,b"] {
        assert_eq!(asked.token(token, 0), characters, "{token}");
    }
    let long = "401 invalid-token: the token is longer than 16384 bytes";
    assert_eq!(asked.token(&"a".repeat(16_385), 0), long);
    assert_eq!(asked.host.called, []);
    assert_eq!(asked.token(&"a".repeat(16_384), 0), "waits 0");
}

#[test]
fn failures_are_told_and_forgotten_after_a_second() {
    for (headers, text, retry) in [
        (&[(":status", "500")][..], "answered with status 500", "1"),
        (&[(":status", "302"), ("location", "/")], "answered with status 302", "1"),
        (&[(":status", "429"), ("retry-after", "7")], "answered with status 429", "7"),
        (&[(":status", "503"), ("retry-after", "3000")], "answered with status 503", "30"),
        (&[(":status", "401")], "does not know the gateway", "1"),
        (&[], "the answer of whoever knows the credential broke off", "1"),
    ] {
        let mut asked = Asked::new(&json!({}));
        asked.token("t", 0);
        asked.answer_with(0, 0, headers, &active(&json!({})));
        let refused = asked.ask(&[("authorization", b"Bearer t")], 999).unwrap_err();
        assert!(refused.detail.contains(text), "{refused:?}");
        assert_eq!(refused.problem.status, 503);
        assert_eq!(refused.headers, [("retry-after", retry.to_owned())]);
        // Whoever asks for more time gets it.
        let expected = if retry == "1" { "waits 1" } else { UNKNOWN };
        assert!(asked.token("t", 1000).starts_with(expected), "{text}");
        let later = 1000 * retry.parse::<u64>().unwrap();
        assert_eq!(asked.token("t", later), "waits 1");
    }
}

#[test]
fn a_provider_that_fails_five_times_is_spared() {
    let mut asked = Asked::new(&json!({}));
    assert_eq!(asked.first("good", &active(&json!({}))), ANN);
    for call in 1..=5 {
        assert_eq!(asked.token(&format!("t{call}"), 0), format!("waits {call}"));
        asked.answer_with(call, 0, &[(":status", "503")], "");
    }
    assert_eq!(
        asked.token("t6", 1999),
        "503 caller-unknown: whoever knows the credential has failed, and is asked again later"
    );
    assert_eq!(asked.token("good", 1999), ANN, "who is known is still served");
    assert_eq!(asked.token("t6", 2000), "waits 6", "one finds out");
    assert!(asked.token("t7", 2000).starts_with(UNKNOWN));
    asked.answer(6, 2010, &active(&json!({})));
    assert_eq!(asked.token("t6", 2010), ANN);
    assert_eq!(asked.token("t7", 2010), "waits 7");
}

#[test]
fn a_cluster_that_is_not_there_passes_nobody() {
    let mut asked = Asked::new(&json!({}));
    asked.host.isolated = true;
    let refused = "503 caller-unknown: whoever knows the credential cannot be reached";
    assert_eq!(asked.token("t", 0), refused);
}

#[test]
fn made_up_tokens_leave_room_for_those_that_are_known() {
    let mut asked = Asked::new(&json!({}));
    for good in 0..20 {
        assert_eq!(asked.first(&format!("good{good}"), &active(&json!({}))), ANN);
    }
    let busy = "503 caller-unknown: too many callers have to be looked up at the moment";
    let waits = |verdict: &String| verdict.starts_with("waits");
    // The good ones have to be asked about again.
    let later = 40_000;
    let made_up: Vec<_> = (0..100).map(|n| asked.token(&format!("x{n}"), later)).collect();
    assert_eq!(made_up.iter().filter(|verdict| waits(verdict)).count(), 48);
    assert!(made_up.iter().skip(48).all(|verdict| verdict == busy));
    let good: Vec<_> = (0..20).map(|n| asked.token(&format!("good{n}"), later)).collect();
    assert_eq!(good.iter().filter(|verdict| waits(verdict)).count(), 16, "64 in all");
}

/// A stream from this address.
fn from(asked: &mut Asked, address: &str) {
    let place = property::CALLER_ADDRESS.to_vec();
    asked.host.properties.insert(place, address.as_bytes().to_vec());
}

#[test]
fn one_address_that_makes_up_tokens_leaves_room_for_the_others() {
    let busy = "503 caller-unknown: too many callers at this address have to be looked up at the \
                moment";
    let mut asked = Asked::new(&json!({}));
    let mut answered = 0;
    let mut from_all = 0;
    for n in 0..50_000_u64 {
        let millis = n / 5;
        // Of one network, which has more addresses than anybody can count.
        from(&mut asked, &format!("[2001:db8:1:2::{n:x}]:{n}"));
        let verdict = asked.token(&format!("x{n}"), millis);
        assert!(verdict == busy || verdict.starts_with("waits"), "{verdict}");
        if n % 100 == 0 {
            from(&mut asked, &format!("192.0.2.{}:5000", n % 253));
            let verdict = asked.token(&format!("new{n}"), millis);
            assert!(verdict.starts_with("waits"), "{verdict}");
            from_all += 1;
        }
        while answered < asked.host.called.len() {
            asked.answer(u32::try_from(answered).unwrap(), millis, r#"{"active":false}"#);
            answered += 1;
        }
    }
    // 50 at once and 10 in each of ten seconds.
    assert!((100..=151).contains(&(answered - from_all)), "{answered}");
}

#[test]
fn whoever_was_known_is_asked_about_again_from_whatever_address() {
    let mut asked = Asked::new(&json!({}));
    from(&mut asked, "192.0.2.1:5000");
    assert_eq!(asked.first("good", &active(&json!({}))), ANN);
    for n in 0..60 {
        asked.token(&format!("x{n}"), 40_000);
        let call = asked.host.called.len() - 1;
        asked.answer(u32::try_from(call).unwrap(), 40_000, r#"{"active":false}"#);
    }
    assert!(asked.token("one-more", 40_000).starts_with("503 caller-unknown: too many callers at"));
    let waits = format!("waits {}", asked.host.called.len());
    assert_eq!(asked.token("good", 40_000), waits);
}

#[test]
fn a_flood_of_made_up_tokens_is_asked_about_at_a_bounded_rate() {
    let mut asked = Asked::new(&json!({}));
    assert_eq!(asked.first("good", &active(&json!({"exp": NOW + 3600}))), ANN);
    let (mut served, mut answered) = (0, asked.host.called.len());
    for n in 0..50_000_u64 {
        let millis = n / 5;
        asked.token(&format!("x{n}"), millis);
        if n % 50 == 0 {
            served += u32::from(asked.token("good", millis) == ANN);
        }
        while answered < asked.host.called.len() {
            asked.answer(u32::try_from(answered).unwrap(), millis, r#"{"active":false}"#);
            answered += 1;
        }
    }
    assert_eq!(served, 1000);
    // 100 at once and 100 in each of ten seconds.
    assert!((1000..=1101).contains(&asked.host.called.len()), "{}", asked.host.called.len());
}

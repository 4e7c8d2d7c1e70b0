//! Tokens that name a key which is not there.

use super::{ANN, FORGED, NO_KEY, NO_KEYS, NOW, Signer, Workers, claims, json, one, token, two};

pub(super) fn naming(signer: &Signer, id: &str) -> String {
    let header = json!({"alg": "EdDSA", "kid": id}).to_string();
    signer.token_of(&header, &claims(&json!({"exp": NOW + 200_000})).to_string())
}

#[test]
fn a_token_that_no_key_verified_is_looked_at_again_by_new_keys() {
    let (one, two) = (Signer::new("EdDSA"), Signer::other_eddsa());
    let mut workers = Workers::with(1, &[&one]);
    let other = two.token(&claims(&json!({})));
    assert_eq!(workers.token(0, &other, 19_000), FORGED);
    assert_eq!(workers.token(0, &other, 20_000), FORGED);
    workers.publish(1, 20_100, &[&one, &two]);
    assert_eq!(workers.token(0, &other, 20_100), ANN);
}

#[test]
fn a_new_key_works_at_once() {
    let (one, two) = (one(), two());
    let mut workers = Workers::with(2, &[&one]);
    assert_eq!(workers.token(0, &token(&two), 1_000), "waits 1");
    assert_eq!(workers.token(0, &token(&two), 1_010), "waits 1");
    assert_eq!(workers.token(0, &token(&one), 1_010), ANN, "nobody else waits");
    // It cannot be told yet: the other worker is asking.
    assert_eq!(workers.token(1, &token(&two), 1_010), NO_KEYS);
    workers.publish(1, 1_100, &[&one, &two]);
    assert_eq!(workers.token(0, &token(&two), 1_100), ANN);
    assert_eq!(workers.token(1, &token(&two), 1_200), ANN);
    assert_eq!(workers.fetches(), 2);
}

#[test]
fn a_key_that_is_not_there_is_looked_for_once_in_five_minutes() {
    let one = one();
    let mut workers = Workers::with(1, &[&one]);
    let (good, stuck, other) = (token(&one), naming(&two(), "old"), naming(&two(), "older"));
    let mut asked_for = |token: &str, from: u64, to: u64| {
        let mut searches = Vec::new();
        for millis in (from..to).step_by(1_000) {
            assert_eq!(workers.token(0, &good, millis), ANN);
            workers.publish_all(millis, &[&one]);
            if workers.token(0, token, millis).starts_with("waits") {
                searches.push(millis / 1000);
            }
            workers.publish_all(millis, &[&one]);
            assert_eq!(workers.token(0, token, millis), NO_KEY);
        }
        searches
    };
    assert_eq!(asked_for(&stuck, 1_000, 301_000), [1]);
    assert_eq!(asked_for(&stuck, 301_000, 302_000), [301]);
    assert_eq!(asked_for(&other, 302_000, 340_000), [331]);
}

#[test]
fn made_up_key_ids_bring_about_one_question_in_thirty_seconds() {
    let one = one();
    let mut workers = Workers::with(2, &[&one]);
    let good = token(&one);
    for n in 0..10_000_u64 {
        let (worker, millis) = (usize::from(n % 3 == 0), n);
        let verdict = workers.token(worker, &naming(&two(), &format!("made-up-{n}")), millis);
        assert!(
            verdict == NO_KEY || verdict == NO_KEYS || verdict.starts_with("waits"),
            "{verdict}"
        );
        if n % 20 == 0 {
            assert_eq!(workers.token(worker, &good, millis), ANN);
        }
        if workers.calls.last().is_some_and(|(_, asked_at)| asked_at + 50 <= millis) {
            workers.publish_all(millis, &[&one]);
        }
    }
    assert_eq!(workers.fetches(), 2, "the first, and one for all that was made up");
}

#[test]
fn a_key_that_cannot_be_looked_for_is_not_said_to_be_wrong() {
    let (one, two) = (one(), two());
    let mut workers = Workers::with(1, &[&one]);
    assert_eq!(workers.token(0, &token(&two), 1_000), "waits 1");
    workers.fail(1, 1_100);
    assert_eq!(workers.token(0, &token(&two), 1_100), NO_KEYS);
    assert_eq!(workers.token(0, &token(&one), 1_100), ANN);
}

//! Keys that gateways fetch themselves: when they ask, and by which keys they judge.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "a test that cannot be set up has failed"
)]

#[path = "../common/mod.rs"]
mod common;
mod kids;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{ANN, Gate, NOW, Signer, any_of, caller, claims, issuer, refusal};
use kids::naming;
use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_auth::Stop;
use tollgate_core::testing::MemoryHost;
use tollgate_core::{Answer, CallId, Headers, RequestHead, Timestamp};

/// The workers of one Envoy. Times are milliseconds after [`NOW`].
struct Workers {
    gates: Vec<Gate>,
    host: MemoryHost,
    /// Which worker made each call, and when.
    calls: Vec<(usize, u64)>,
    /// How many of them have been answered.
    answered: usize,
}

const NO_KEY: &str = "401 invalid-token: the token was signed with none of the issuer's keys";
const FORGED: &str = "401 invalid-token: the token's signature does not hold";
const NO_KEYS: &str = "503 keys-unavailable: the keys of the token's issuer have not arrived yet";

impl Workers {
    fn new(workers: usize) -> Self {
        let mut issuer = issuer(&[]);
        issuer["jwks"] = Value::Null;
        issuer["jwks_endpoint"] =
            json!({"cluster": "id", "path": "/jwks", "authority": "id.example"});
        let gate = || Gate::new(json!({"jwt": {"acme": issuer}}), any_of(&["jwt.acme"]));
        Self::of((0..workers).map(|_| gate()).collect())
    }

    fn of(workers: Vec<Gate>) -> Self {
        Self { gates: workers, host: MemoryHost::default(), calls: Vec::new(), answered: 0 }
    }

    /// Some who know the keys of these since the beginning.
    fn with(workers: usize, signers: &[&Signer]) -> Self {
        let mut this = Self::new(workers);
        assert_eq!(this.token(0, &signers[0].token(&claims(&json!({}))), 0), "waits 0");
        this.publish(0, 0, signers);
        this
    }

    fn token(&mut self, worker: usize, token: &str, millis: u64) -> String {
        let value = format!("Bearer {token}");
        let headers: Headers = [("authorization", value.as_bytes())].into_iter().collect();
        let head = RequestHead { headers: &headers };
        let Gate { authenticator, access, .. } = &mut self.gates[worker];
        let found = authenticator.authenticate(access, &head, &mut self.host.at(at(millis)));
        self.calls.resize(self.host.called.len(), (worker, millis));
        match found {
            Ok(found) => caller(&found.unwrap()),
            Err(Stop::Refused(reply)) => refusal(&reply),
            Err(Stop::Waits(CallId(call))) => format!("waits {call}"),
            Err(stop) => panic!("{stop:?}"),
        }
    }

    /// What becomes of a token once all questions have been answered with these keys.
    fn settled(&mut self, worker: usize, token: &str, millis: u64, signers: &[&Signer]) -> String {
        let verdict = self.token(worker, token, millis);
        self.publish_all(millis, signers);
        if verdict.starts_with("waits") { self.token(worker, token, millis) } else { verdict }
    }

    fn publish_all(&mut self, millis: u64, signers: &[&Signer]) {
        for call in self.answered..self.fetches() {
            self.publish(call, millis, signers);
        }
    }

    fn publish(&mut self, call: usize, millis: u64, signers: &[&Signer]) {
        let keys: Vec<_> = signers.iter().map(|signer| &signer.jwk).collect();
        self.answer(call, millis, "200", json!({"keys": keys}).to_string());
    }

    fn answer(&mut self, call: usize, millis: u64, status: &str, body: impl Into<Vec<u8>>) {
        let headers = [(":status", status)].into_iter().collect();
        let answer = Answer { headers, body: body.into() };
        let authenticator = &mut self.gates[self.calls[call].0].authenticator;
        self.answered = self.answered.max(call + 1);
        let id = CallId(u32::try_from(call).unwrap());
        authenticator.on_answer(id, &answer, &mut self.host.at(at(millis)));
    }

    fn fail(&mut self, call: usize, millis: u64) {
        self.answer(call, millis, "503", "");
    }

    fn fetches(&self) -> usize {
        self.host.called.len()
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_seconds(NOW).plus(Duration::from_millis(millis))
}

/// A key, which tokens name so.
fn named(id: &str, mut signer: Signer) -> Signer {
    signer.jwk["kid"] = json!(id);
    signer
}

fn one() -> Signer {
    named("one", Signer::new("EdDSA"))
}

fn two() -> Signer {
    named("two", Signer::other_eddsa())
}

/// Ann's token for a day, signed with a key that it names.
fn token(signer: &Signer) -> String {
    naming(signer, signer.jwk["kid"].as_str().unwrap())
}

#[test]
fn the_first_token_waits_for_the_keys_and_all_workers_have_them() {
    let (one, mut workers) = (one(), Workers::new(2));
    assert_eq!(workers.token(0, &token(&one), 0), "waits 0");
    let asked = &workers.host.called[0];
    assert_eq!((&*asked.cluster, &*asked.body), ("id", &b""[..]));
    for (name, value) in [(":method", "GET"), (":path", "/jwks"), (":authority", "id.example")] {
        assert_eq!(asked.headers.get(name), Some(value.as_bytes()), "{name}");
    }
    assert_eq!(workers.token(0, &naming(&one, "another"), 1), "waits 0", "one question for all");
    workers.publish(0, 10, &[&one]);
    assert_eq!(workers.token(0, &token(&one), 10), ANN);
    assert_eq!(workers.token(1, &token(&one), 11), ANN, "nobody has to ask again");
    assert_eq!(workers.fetches(), 1);
}

#[test]
fn a_worker_cannot_wait_for_the_answer_to_another_and_asks_itself() {
    let (one, mut workers) = (one(), Workers::new(2));
    assert_eq!(workers.token(0, &token(&one), 0), "waits 0");
    assert_eq!(workers.token(1, &token(&one), 1), "waits 1");
    workers.publish(1, 5, &[&one]);
    assert_eq!(workers.token(1, &token(&one), 5), ANN);
    workers.publish(0, 6, &[&one]);
    assert_eq!(workers.token(0, &token(&one), 6), ANN);
    assert_eq!(workers.token(1, &token(&one), 19_999), ANN);
    assert_eq!(workers.fetches(), 2);
}

#[test]
fn without_keys_nobody_passes_and_the_endpoint_is_asked_once_a_second() {
    let (one, mut workers) = (one(), Workers::new(2));
    assert_eq!(workers.token(0, &token(&one), 0), "waits 0");
    workers.fail(0, 100);
    for millis in [100, 1_099] {
        assert_eq!(workers.token(0, &token(&one), millis), NO_KEYS, "{millis}");
        assert_eq!(workers.token(1, &token(&one), millis), NO_KEYS, "{millis}");
    }
    assert_eq!(workers.host.gauges["tollgate.jwks.failing"], 1);
    assert_eq!(workers.token(0, &token(&one), 1_100), "waits 1");
    workers.publish(1, 1_200, &[&one]);
    assert_eq!(workers.token(0, &token(&one), 1_200), ANN);
    assert_eq!(workers.host.gauges["tollgate.jwks.failing"], 0);
}

#[test]
fn a_cluster_that_is_not_there_passes_nobody() {
    let (one, mut workers) = (one(), Workers::new(1));
    workers.host.isolated = true;
    assert_eq!(workers.token(0, &token(&one), 0), NO_KEYS);
}

#[test]
fn a_call_that_is_lost_is_made_again() {
    let (one, mut workers) = (one(), Workers::new(1));
    assert_eq!(workers.token(0, &token(&one), 0), "waits 0");
    assert_eq!(workers.token(0, &token(&one), 1_499), "waits 0");
    assert_eq!(workers.token(0, &token(&one), 1_500), "waits 1");
}

#[test]
fn keys_are_asked_for_again_while_nobody_waits() {
    let (one, two) = (one(), two());
    let mut workers = Workers::with(2, &[&one]);
    assert_eq!(workers.token(1, &token(&one), 19_999), ANN);
    assert_eq!(workers.fetches(), 1);
    assert_eq!(workers.token(0, &token(&one), 20_000), ANN, "known, and served");
    assert_eq!(workers.token(1, &token(&one), 20_000), ANN);
    assert_eq!(workers.fetches(), 2, "one of them asks for both");
    workers.publish(1, 20_050, &[&two]);
    // A key that was removed is refused, though its tokens were known.
    assert_eq!(workers.settled(0, &token(&one), 20_050, &[&two]), NO_KEY);
    assert_eq!(workers.token(0, &token(&two), 20_050), ANN);
    assert_eq!(workers.token(1, &token(&one), 21_000), NO_KEY);
    assert_eq!(workers.token(1, &token(&two), 21_000), ANN);
}

#[test]
fn whoever_comes_after_a_pause_waits_for_new_keys() {
    let (one, two) = (one(), two());
    let mut workers = Workers::with(2, &[&one]);
    assert_eq!(workers.token(0, &token(&one), 1), ANN);
    assert_eq!(workers.token(0, &token(&one), 600_000), "waits 1", "it was known, by old keys");
    workers.publish(1, 600_100, &[&two]);
    assert_eq!(workers.settled(0, &token(&one), 600_100, &[&two]), NO_KEY);
    assert_eq!(workers.token(1, &token(&one), 600_100), NO_KEY, "nor by the other's");
}

#[test]
fn while_the_endpoint_fails_the_last_keys_hold_for_a_day() {
    let (one, mut workers) = (one(), Workers::with(2, &[&one()]));
    let day = 24 * 3600 * 1000;
    for millis in (0..120_000).step_by(500) {
        for worker in [0, 1] {
            assert_eq!(workers.token(worker, &token(&one), millis), ANN, "{millis}");
        }
        for call in workers.answered..workers.fetches() {
            workers.fail(call, millis + 100);
        }
    }
    // Every ten seconds from the twentieth on.
    assert!((9..=11).contains(&workers.fetches()), "{}", workers.fetches());
    // After a pause one waits, and goes on by the last keys when that was in vain.
    let call = workers.fetches();
    assert_eq!(workers.token(0, &token(&one), day - 600), format!("waits {call}"));
    workers.fail(call, day - 500);
    assert_eq!(workers.token(0, &token(&one), day - 1), ANN);
    assert_eq!(workers.token(0, &token(&one), day), NO_KEYS);
}

#[test]
fn what_is_no_set_of_public_keys_changes_nothing() {
    let one = one();
    let set = |keys: Value| json!({"keys": keys}).to_string();
    let many: Vec<_> = (0..101).map(|_| one.jwk.clone()).collect();
    let mut private = one.jwk.clone();
    private["d"] = json!("AA");
    let long = format!("{}{}", set(json!([one.jwk])), " ".repeat(1 << 20));
    let twice = r#"{"keys":[],"keys":[]}"#.to_owned();
    for (status, body) in [
        ("200", String::new()),
        ("200", "<html>keys</html>".to_owned()),
        ("200", "{}".to_owned()),
        ("200", set(json!([]))),
        ("200", set(json!([{"kty": "unknown"}]))),
        ("200", set(json!([two().jwk, Signer::new("HS256").jwk]))),
        ("200", set(json!([Signer::new("HS256").jwk]))),
        ("200", set(json!([private]))),
        ("200", set(json!(many))),
        ("200", long),
        ("200", twice),
        ("302", set(json!([two().jwk]))),
        ("500", set(json!([two().jwk]))),
        ("", set(json!([two().jwk]))),
    ] {
        let mut workers = Workers::with(1, &[&one]);
        assert_eq!(workers.token(0, &token(&one), 25_000), ANN);
        workers.answer(1, 25_100, status, body.clone());
        assert_eq!(workers.token(0, &token(&one), 40_000), ANN, "{status} {body:.60}");
        assert_eq!(workers.host.gauges["tollgate.jwks.failing"], 1, "{status} {body:.60}");
    }
}

#[test]
fn equal_keys_are_the_same_in_whatever_order_they_come() {
    let (first, second) = (Signer::new("RS256"), two());
    let mut workers = Workers::with(1, &[&first, &second]);
    workers.host.verify = Some(common::as_envoy);
    let ann = first.token(&claims(&json!({})));
    assert_eq!(workers.token(0, &ann, 19_000), ANN);
    assert_eq!(workers.token(0, &ann, 20_000), ANN);
    workers.publish(1, 20_100, &[&second, &first]);
    assert_eq!(workers.token(0, &ann, 20_100), ANN);
    assert_eq!(workers.host.calls.verify_signature, 1, "it is still known");
}

#[test]
fn a_clock_that_goes_backwards_keeps_no_key_alive() {
    let (one, two) = (one(), two());
    let mut workers = Workers::new(1);
    assert_eq!(workers.token(0, &token(&one), 500_000), "waits 0");
    workers.publish(0, 500_000, &[&one]);
    assert_eq!(workers.token(0, &token(&one), 500_000), ANN);
    assert_eq!(workers.token(0, &token(&one), 1_000), "waits 1");
    workers.publish(1, 1_100, &[&two]);
    assert_eq!(workers.settled(0, &token(&one), 1_100, &[&two]), NO_KEY);
    assert_eq!(workers.token(0, &token(&two), 20_000), ANN);
}

#[test]
fn workers_that_share_nothing_ask_each_for_itself() {
    let one = one();
    let mut workers = Workers::new(2);
    workers.host.down = true;
    for worker in [0, 1] {
        assert_eq!(workers.token(worker, &token(&one), 0), format!("waits {worker}"));
        workers.publish(worker, 10, &[&one]);
        assert_eq!(workers.token(worker, &token(&one), 10), ANN);
        assert_eq!(workers.token(worker, &token(&one), 19_999), ANN);
    }
    assert_eq!(workers.fetches(), 2);
    assert_eq!(workers.token(0, &token(&one), 25_000), ANN);
    assert_eq!(workers.fetches(), 3);
}

#[test]
fn keys_and_endpoints_of_other_issuers_are_apart() {
    let (one, two) = (one(), two());
    let written = issuer(&[&two.jwk]);
    let mut fetched = issuer(&[]);
    fetched["jwks"] = Value::Null;
    fetched["issuer"] = json!("https://other.example");
    fetched["jwks_endpoint"] = json!({"cluster": "id", "path": "/jwks", "authority": "a"});
    let gate = Gate::new(
        json!({"jwt": {"acme": written, "other": fetched}}),
        any_of(&["jwt.acme", "jwt.other"]),
    );
    let mut workers = Workers::of(vec![gate]);
    assert_eq!(workers.token(0, &token(&two), 0), ANN, "nobody has to be asked");
    let of_other = claims(&json!({"iss": "https://other.example"}));
    assert_eq!(workers.token(0, &one.token(&of_other), 0), "waits 0");
    workers.publish(0, 0, &[&one]);
    assert_eq!(workers.token(0, &one.token(&of_other), 0), "jwt.other ann - - []");
    assert_eq!(workers.token(0, &two.token(&of_other), 0), FORGED);
    assert_eq!(workers.token(0, &token(&two), 0), ANN);
}

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// So much time goes by.
    Pass(u64),
    /// These keys are published from now on.
    Rotate(BTreeSet<usize>),
    /// A token of this key comes to this worker.
    Token(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (1_u64..8_000).prop_map(Step::Pass),
        1 => prop::collection::btree_set(0_usize..3, 1..3).prop_map(Step::Rotate),
        4 => (0_usize..2, 0_usize..3).prop_map(|(worker, key)| Step::Token(worker, key)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// An endpoint that answers at once: no key is good that was removed half a
    /// minute ago, and every key is that was added then.
    #[test]
    fn keys_are_never_older_than_half_a_minute(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let signers = [one(), two(), named("three", Signer::other_eddsa())];
        let tokens = [token(&signers[0]), token(&signers[1]), token(&signers[2])];
        let mut workers = Workers::new(2);
        let mut history = vec![(0, BTreeSet::from([0]))];
        let mut now = 0;
        for step in steps {
            match step {
                Step::Pass(millis) => now += millis,
                Step::Rotate(keys) => history.push((now, keys)),
                Step::Token(worker, key) => {
                    let published = &history.last().unwrap().1;
                    let published: Vec<_> = published.iter().map(|key| &signers[*key]).collect();
                    let verdict = workers.settled(worker, &tokens[key], now, &published);
                    let ends = history.iter().map(|(at, _)| *at).skip(1).chain([u64::MAX]);
                    let spans = history.iter().zip(ends).map(|((_, keys), end)| (keys, end));
                    let mut recent = spans.filter(|(_, end)| now < end.saturating_add(30_000));
                    let is_good = verdict == ANN;
                    prop_assert!(
                        recent.any(|(keys, _)| keys.contains(&key) == is_good),
                        "{key} at {now}: {verdict}"
                    );
                }
            }
        }
    }
}

//! What is admitted once.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

use std::time::Duration;

use tollgate_core::testing::MemoryHost;
use tollgate_core::{Seed, Timestamp};
use tollgate_signatures::{BodyCheck, ReplayGuard, Replayed, Scheme, Verified};

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const LIFE: Duration = Duration::from_mins(5);

fn verified(key_id: &str, nonce: Option<&str>, signed: u8) -> Verified {
    Verified {
        key_id: key_id.to_owned(),
        scheme: Scheme::Hmac,
        body: BodyCheck::Empty,
        nonce: nonce.map(str::to_owned),
        signed_sha256: [signed; 32],
        expires: NOW.plus(LIFE),
    }
}

fn prepared() -> (ReplayGuard, MemoryHost) {
    let (guard, mut host) = (ReplayGuard::new(Seed([7; 16])), MemoryHost::default());
    guard.prepare(&mut host);
    (guard, host)
}

#[test]
fn a_signature_is_known_by_its_key_and_its_nonce_or_by_what_was_signed() {
    let (guard, mut host) = prepared();
    for (verified, expected) in [
        (verified("a", Some("1"), 1), Ok(())),
        // The nonce was used, whatever it was signed with.
        (verified("a", Some("1"), 2), Err(Replayed::Seen)),
        (verified("a", Some("2"), 1), Ok(())),
        (verified("b", Some("1"), 1), Ok(())),
        (verified("a", None, 1), Ok(())),
        (verified("a", None, 1), Err(Replayed::Seen)),
        (verified("a", None, 2), Ok(())),
        (verified("b", None, 1), Ok(())),
    ] {
        assert_eq!(guard.admit(&verified, &mut host.at(NOW)), expected, "{verified:?}");
    }
}

#[test]
fn all_workers_of_an_envoy_know_it() {
    let (guard, mut host) = prepared();
    let other = ReplayGuard::new(Seed([7; 16]));
    other.prepare(&mut host);
    assert_eq!(guard.admit(&verified("a", None, 1), &mut host.at(NOW)), Ok(()));
    assert_eq!(other.admit(&verified("a", None, 1), &mut host.at(NOW)), Err(Replayed::Seen));
}

#[test]
fn a_lost_race_is_run_again() {
    let (guard, mut host) = prepared();
    host.conflicts = 1;
    assert_eq!(guard.admit(&verified("a", None, 1), &mut host.at(NOW)), Ok(()));
    assert_eq!(host.conflicts, 0);
    assert_eq!(guard.admit(&verified("a", None, 1), &mut host.at(NOW)), Err(Replayed::Seen));
}

#[test]
fn what_cannot_be_looked_up_is_refused() {
    let guard = ReplayGuard::new(Seed([7; 16]));
    let ask = |host: &mut MemoryHost| guard.admit(&verified("a", None, 1), &mut host.at(NOW));
    assert_eq!(ask(&mut MemoryHost::default()), Err(Replayed::Unavailable));
    let (_, mut host) = prepared();
    host.down = true;
    assert_eq!(ask(&mut host), Err(Replayed::Unavailable));
    let (_, mut host) = prepared();
    host.conflicts = u32::MAX;
    assert_eq!(ask(&mut host), Err(Replayed::Unavailable));
    let (_, mut host) = prepared();
    for (value, _) in host.shared.values_mut() {
        *value = b"of another layout".to_vec();
    }
    assert_eq!(ask(&mut host), Err(Replayed::Unavailable));
}

#[test]
fn a_key_that_has_no_room_left_is_refused_and_others_are_not() {
    let (guard, mut host) = prepared();
    // All slots are one: whatever hashes to another one finds it, too.
    let mut admit = |verified: &Verified| {
        let answer = guard.admit(verified, &mut host.at(NOW));
        if answer.is_ok() {
            let full = host.shared.values().max_by_key(|(value, _)| value.len()).unwrap().clone();
            host.shared.values_mut().for_each(|value| *value = full.clone());
        }
        answer
    };
    for nonce in 0..32 {
        assert_eq!(admit(&verified("a", Some(&nonce.to_string()), 0)), Ok(()));
    }
    assert_eq!(admit(&verified("a", Some("32"), 0)), Err(Replayed::Full));
    assert_eq!(admit(&verified("a", Some("0"), 0)), Err(Replayed::Seen));
    assert_eq!(admit(&verified("b", Some("32"), 0)), Ok(()));
}

#[test]
fn the_texts_say_what_to_do() {
    for (replayed, expected) in [
        (
            Replayed::Seen,
            "the signature was used before; sign again, with a new nonce or at another second",
        ),
        (
            Replayed::Full,
            "the key has more signatures in use than are remembered; sign fewer requests",
        ),
        (Replayed::Unavailable, "the signatures that were used before cannot be looked up"),
    ] {
        assert_eq!(replayed.to_string(), expected);
    }
}

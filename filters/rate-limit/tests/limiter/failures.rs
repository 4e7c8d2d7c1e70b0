//! What limits do while the counters are out of reach.

#![expect(clippy::unwrap_used, reason = "what a test writes is well formed")]
#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test, as it should")]

use crate::common::{SEED, START, World};
use proptest::prelude::*;
use tollgate_core::testing::MemoryHost;
use tollgate_core::{Cx, Headers, Principal, Seed};
use tollgate_rate_limit::{AllowancesSpec, Caller, RateLimiter, TellingSpec};

/// Nine requests a minute for each tenant.
fn nine_a_minute(on_failure: &str) -> World {
    World::new(&spec(on_failure))
}

fn spec(on_failure: &str) -> String {
    format!(
        r#"{{"limits": [{{
            "by": ["tenant"], "requests": 9, "per": "minute", "on_failure": "{on_failure}"
        }}]}}"#
    )
}

#[test]
fn unreachable_counters_refuse_unless_told_otherwise() {
    let mut world =
        World::new(r#"{"limits": [{"by": ["tenant"], "requests": 9, "per": "minute"}]}"#);
    world.host.down = true;
    let reply = world.ask("0ms tenant=acme").unwrap_err();
    assert_eq!((reply.problem.status, reply.problem.name), (503, "counters-unavailable"));
    assert_eq!(reply.problem.title, "The gateway cannot count requests at the moment");
    assert_eq!(reply.detail, "the counters of a limit cannot be reached");
    assert_eq!(reply.headers, [("retry-after", "1".to_owned())]);
}

#[test]
fn unreachable_counters_admit_without_fields_when_told_so() {
    let mut world = nine_a_minute("admit");
    world.host.down = true;
    assert_eq!(world.ask("0ms tenant=acme"), Ok(Vec::new()));
    world.host.down = false;
    world.check(&[r#"0ms tenant=acme -> 200 "tenant-minute";r=8;t=7"#]);
}

#[test]
fn one_limit_that_must_not_fail_is_enough_to_refuse() {
    let spec = r#"{"limits": [
        {"by": ["tenant"], "requests": 9, "per": "minute", "on_failure": "admit"},
        {"by": ["tenant"], "requests": 9, "per": "hour"}
    ]}"#;
    let mut world = World::new(spec);
    world.host.down = true;
    world.check(&["0ms tenant=acme -> 503 retry-after=1"]);
}

#[test]
fn counters_that_were_not_prepared_are_unavailable() {
    for (on_failure, answer) in [("refuse", "503 retry-after=1"), ("admit", "200")] {
        let mut world = World::unprepared(&spec(on_failure));
        world.check(&[&format!("0ms tenant=acme -> {answer}")]);
        assert!(world.host.shared.is_empty(), "workers make no slots");
    }
}

#[test]
fn counters_are_prepared_once() {
    let mut host = MemoryHost::default();
    let mut limiter = limiter(SEED);
    limiter.prepare(&mut host);
    let (prepared, calls) = (host.shared.clone(), host.calls);
    assert_eq!(prepared.len(), 16_385);
    limiter.prepare(&mut host);
    assert_eq!(host.shared, prepared);
    assert_eq!((host.calls.load, host.calls.store), (calls.load + 1, calls.store));
}

#[test]
fn preparing_again_keeps_what_was_counted() {
    let mut world = nine_a_minute("refuse");
    world.ask("0ms tenant=acme").unwrap();
    // As if the one that began to prepare had not come to its end.
    world.host.shared.remove(&b"tollgate.rate-limit.3"[..]);
    world.limiter.prepare(&mut world.host);
    world.check(&[r#"0ms tenant=acme -> 200 "tenant-minute";r=7;t=7"#]);
}

#[test]
fn preparing_while_shared_data_is_down_does_not_say_that_all_is_there() {
    let mut host = MemoryHost { down: true, ..MemoryHost::default() };
    let mut limiter = limiter(SEED);
    limiter.prepare(&mut host);
    host.down = false;
    limiter.prepare(&mut host);
    assert_eq!(host.shared.len(), 16_385);
}

#[test]
fn a_lost_race_is_run_again_and_counts_once() {
    let mut world = nine_a_minute("refuse");
    world.host.conflicts = 15;
    world.check(&[
        r#"0ms tenant=acme -> 200 "tenant-minute";r=8;t=7"#,
        r#"0ms tenant=acme -> 200 "tenant-minute";r=7;t=7"#,
    ]);
}

#[test]
fn too_many_lost_races_are_a_failure() {
    for (on_failure, answer) in [("refuse", "503 retry-after=1"), ("admit", "200")] {
        let mut world = nine_a_minute(on_failure);
        world.host.conflicts = 16;
        world.check(&[
            &format!("0ms tenant=acme -> {answer}"),
            r#"0ms tenant=acme -> 200 "tenant-minute";r=8;t=7"#,
        ]);
    }
}

#[test]
fn a_slot_full_of_callers_that_have_used_something_is_a_failure_for_the_next() {
    for (on_failure, answer) in [("refuse", "503 retry-after=1"), ("admit", "200")] {
        let mut world = nine_a_minute(on_failure);
        for (value, _) in world.host.shared.values_mut() {
            *value = (0..64u128).flat_map(|who| entry(who, 0, 1)).collect();
        }
        world.check(&[&format!("0ms tenant=acme -> {answer}")]);
    }
}

#[test]
fn a_full_slot_has_room_for_the_next_when_somebody_has_only_saved() {
    let mut world = nine_a_minute("refuse");
    for (value, _) in world.host.shared.values_mut() {
        *value = (0..64u128).flat_map(|who| entry(who, u8::from(who == 5), 1)).collect();
    }
    world.check(&[
        r#"0ms tenant=acme -> 200 "tenant-minute";r=8;t=7"#,
        r#"0ms tenant=acme -> 200 "tenant-minute";r=7;t=7"#,
    ]);
}

/// A count as it stands in shared data: whether it saves, and the seconds that
/// are missing, or, of one that saves, since which nothing is.
fn entry(who: u128, saves: u8, seconds: u64) -> Vec<u8> {
    let (now, span) = (START.as_nanos(), seconds * 1_000_000_000);
    let full_at = if saves == 1 { now - span } else { now + span };
    let numbers = [full_at, now - span, 0].into_iter().flat_map(u64::to_le_bytes);
    who.to_le_bytes().into_iter().chain([saves]).chain(numbers).collect()
}

fn limiter(seed: Seed) -> RateLimiter {
    RateLimiter::compile(AllowancesSpec::default(), &TellingSpec::default(), seed).unwrap()
}

/// Whatever stands in shared data, a limit answers.
#[test]
fn any_bytes_in_shared_data_harm_nobody() {
    let mut world = nine_a_minute("admit");
    world.ask("0ms tenant=acme").unwrap();
    let slot = written(&world.host);
    proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..2_700))| {
        let mut world = World::unprepared(&spec("admit"));
        world.host.shared.insert(slot.clone(), (bytes, 1));
        prop_assert!(world.ask("0ms tenant=acme").is_ok());
    });
}

/// The slot in which something was counted.
fn written(host: &MemoryHost) -> Vec<u8> {
    let slot = host.shared.iter().find(|(_, (_, version))| 1 < *version);
    slot.map(|(name, _)| name.clone()).unwrap()
}

#[test]
fn whose_count_it_is_depends_on_the_seed() {
    let principal = Principal {
        method: "api_key".into(),
        subject: "key-1".into(),
        tenant: Some("acme".into()),
        ..Principal::default()
    };
    let headers = Headers::default();
    let caller =
        Caller { api: "orders", route: "get", principal: Some(&principal), headers: &headers };
    let places = [SEED, Seed([8; 16])].map(|seed| {
        let mut world = nine_a_minute("refuse");
        let mut limiter = limiter(seed);
        let mut cx = Cx { now: START, host: &mut world.host };
        limiter.check(&[crate::common::applied(&world.limits)], &caller, &mut cx).unwrap();
        written(&world.host)
    });
    assert_ne!(places[0], places[1]);
}

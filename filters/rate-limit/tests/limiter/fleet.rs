//! What an Envoy admits of limits that it shares with others.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test, as it should"
)]

use prost::Message as _;
use tollgate_core::{GrpcCallId, GrpcFailed};
use tollgate_rate_limit::FleetSpec;
use tollgate_sync::deal::{Grant, Lent, Override, Overrides, Request, Response};

use crate::common::{World, at, field, shown};

/// What an Envoy is answered; nothing while the control plane is gone.
type Answer<'a> = &'a dyn Fn(&Request) -> Option<Response>;

fn world(spec: &str) -> World {
    let World { host, limiter, limits } = World::unprepared(spec);
    let fleet = FleetSpec { cluster: "control-plane".to_owned(), share: 500_000 };
    let mut world = World { host, limiter: limiter.in_fleet(fleet), limits };
    world.limiter.prepare(&mut world.host);
    world
}

/// Ticks until then, with the answers that come.
fn run(world: &mut World, from: u64, until: u64, answer: Answer<'_>) {
    for millis in (from..=until).step_by(100) {
        let before = world.host.called_grpc.len();
        world.tick(millis);
        for id in before..world.host.called_grpc.len() {
            let request = Request::decode(&*world.host.called_grpc[id].1).unwrap();
            let response = answer(&request).map(|response| response.encode_to_vec());
            let response = response.ok_or(GrpcFailed(14));
            let id = GrpcCallId(u32::try_from(id).unwrap());
            world.limiter.on_grpc_answer(id, &response, &mut world.host.at(at(millis)));
        }
    }
}

/// Grants so much of whatever is asked for.
fn grant(share: u32) -> impl Fn(&Request) -> Option<Response> {
    move |request| {
        let grants = request.demands.iter().map(|demand| Grant {
            high: demand.high,
            low: demand.low,
            share: Some(share),
        });
        Some(Response { dealer: 1, grants: grants.collect(), ..Response::default() })
    }
}

/// Lends up to there of whatever is asked for.
fn lend(cap: u64) -> impl Fn(&Request) -> Option<Response> {
    move |request| {
        let lent = request.asks.iter().map(|ask| Lent {
            high: ask.high,
            low: ask.low,
            begins: ask.begins,
            cap,
        });
        Some(Response { dealer: 1, lent: lent.collect(), ..Response::default() })
    }
}

fn gone(_: &Request) -> Option<Response> {
    None
}

/// How many of so many requests are admitted at a moment.
fn admitted(world: &mut World, millis: u64, requests: u32) -> usize {
    let request = format!("{millis}ms tenant=acme");
    (0..requests).filter(|_| world.ask(&request).is_ok()).count()
}

const PER_MINUTE: &str = r#"{"limits": [{"by": ["tenant"], "requests": 60, "per": "minute"}]}"#;

#[test]
fn an_envoy_enforces_its_part_until_it_is_granted_another() {
    let mut world = world(PER_MINUTE);
    assert_eq!(admitted(&mut world, 0, 100), 30);
    run(&mut world, 100, 1_000, &grant(1_000_000));
    // The larger share brings no tokens, but refills faster: one a second.
    assert_eq!(admitted(&mut world, 1_000, 100), 0);
    assert_eq!(admitted(&mut world, 31_000, 100), 30);
    assert_eq!(admitted(&mut world, 1_000_000, 100), 60);
}

#[test]
fn a_smaller_share_leaves_fewer_tokens() {
    let mut world = world(PER_MINUTE);
    assert_eq!(admitted(&mut world, 0, 15), 15);
    run(&mut world, 100, 1_000, &grant(100_000));
    assert_eq!(admitted(&mut world, 1_000, 100), 3);
}

#[test]
fn nobody_has_tokens_of_a_share_that_came_while_nobody_looked() {
    let mut world = world(PER_MINUTE);
    admitted(&mut world, 0, 100);
    run(&mut world, 100, 200_400, &grant(100_000));
    // All six are there again.
    let raise = |request: &Request| {
        let mut response = grant(1_000_000)(request)?;
        let known = world_key();
        response.grants = vec![Grant { high: known.0, low: known.1, share: Some(1_000_000) }];
        Some(response)
    };
    run(&mut world, 200_600, 201_000, &raise);
    let got = admitted(&mut world, 201_000, 100);
    assert!((6..=7).contains(&got), "{got}");
}

#[test]
fn a_clock_that_is_set_back_after_a_grant_locks_nobody_out() {
    const HOUR: u64 = 3_600_000;
    let mut world = world(PER_MINUTE);
    admitted(&mut world, HOUR, 100);
    run(&mut world, HOUR + 100, HOUR + 1_000, &grant(1_000_000));
    run(&mut world, 100, 1_000, &grant(1_000_000));
    // Nothing is there again because of that, and after a minute all is.
    assert!(admitted(&mut world, 1_000, 100) < 2);
    assert_eq!(admitted(&mut world, 62_000, 100), 60);
}

/// The key of tenant `acme` in that limit, as all Envoys call it.
fn world_key() -> (u64, u64) {
    let mut world = world(PER_MINUTE);
    admitted(&mut world, 0, 100);
    world.tick(100);
    world.tick(300);
    let demands = world
        .host
        .called_grpc
        .iter()
        .flat_map(|(_, message)| Request::decode(&**message).unwrap().demands);
    let key = demands.map(|demand| (demand.high, demand.low)).next();
    key.unwrap()
}

#[test]
fn when_the_control_plane_is_gone_each_limit_says_what_becomes_of_it() {
    for (when_alone, expected) in [("share", 30), ("open", 60), ("closed", 0)] {
        let spec = PER_MINUTE.replace("}]", &format!(r#", "when_alone": "{when_alone}"}}]"#));
        let mut world = world(&spec);
        run(&mut world, 0, 400, &grant(0));
        run(&mut world, 500, 10_000, &gone);
        assert_eq!(admitted(&mut world, 10_000, 100), 30, "{when_alone}: not yet");
        run(&mut world, 10_100, 100_000, &gone);
        admitted(&mut world, 100_000, 1);
        assert_eq!(admitted(&mut world, 200_000, 100), expected, "{when_alone}");
    }
}

const PER_MONTH: &str = r#"{"limits": [
    {"by": ["tenant"], "requests": 2000, "per": "month", "when_alone": "closed"}
]}"#;

#[test]
fn of_a_month_no_more_is_admitted_than_was_lent() {
    let mut world = world(PER_MONTH);
    let answer = shown(&world.ask("0ms tenant=acme"));
    assert!(answer.starts_with("429 retry-after=1 "), "{answer}");
    run(&mut world, 100, 1_000, &lend(50));
    assert_eq!(admitted(&mut world, 1_000, 100), 50);
    run(&mut world, 1_100, 2_000, &lend(70));
    assert_eq!(admitted(&mut world, 2_000, 100), 20);
    // Whoever is alone has what was lent, and no more.
    run(&mut world, 2_100, 60_000, &gone);
    assert_eq!(admitted(&mut world, 60_000, 100), 0);
}

#[test]
fn what_is_not_used_of_a_month_is_returned() {
    let mut world = world(PER_MONTH);
    admitted(&mut world, 0, 1);
    run(&mut world, 100, 1_000, &lend(50));
    assert_eq!(admitted(&mut world, 1_000, 20), 20);
    run(&mut world, 1_100, 15_000, &lend(20));
    let asks = world
        .host
        .called_grpc
        .iter()
        .flat_map(|(_, message)| Request::decode(&**message).unwrap().asks);
    let returned = asks.last().unwrap();
    assert_eq!((returned.spent, returned.cap, returned.wants), (20, 20, 0));
    assert_eq!(admitted(&mut world, 15_000, 100), 0);
}

#[test]
fn a_beginning_of_a_month_may_be_made_before_anything_is_lent() {
    for (when_alone, first, alone) in [("share", 2, 998), ("open", 2, 1_998)] {
        let mut world = world(&PER_MONTH.replace("closed", when_alone));
        run(&mut world, 0, 400, &lend(0));
        assert_eq!(admitted(&mut world, 400, 5_000), first, "{when_alone}");
        run(&mut world, 500, 60_000, &gone);
        assert_eq!(admitted(&mut world, 60_000, 5_000), alone, "{when_alone}");
    }
}

#[test]
fn a_tenant_gets_what_an_operator_says() {
    let mut world = world(
        r#"{"tiers": {"gold": {"limits": [{"requests": 600, "per": "minute"}]}},
            "limits": [{"by": ["tenant"], "requests": 60, "per": "minute"}]}"#,
    );
    let told = |tier: &str, uplift: u32| {
        let list = vec![Override {
            tenant: "acme".to_owned(),
            tier: tier.to_owned(),
            factor: 2_000_000,
            uplift,
            uplift_until: at(60_000).as_seconds(),
        }];
        move |request: &Request| {
            let version = u64::from(uplift) + 1;
            let overrides = Some(Overrides { version, list: list.clone() });
            let overrides = overrides.filter(|_| request.overrides != version);
            Some(Response { dealer: 1, overrides, ..Response::default() })
        }
    };
    run(&mut world, 0, 400, &told("", 5_000_000));
    assert_eq!(admitted(&mut world, 400, 1_000), 150, "five times its part");
    assert_eq!(admitted(&mut world, 1_000_000, 1_000), 60, "twice, as the uplift has ended");
    run(&mut world, 1_000_100, 1_000_500, &told("gold", 0));
    let policy = field(&world.ask("2000000ms tenant=acme").unwrap(), "ratelimit-policy");
    assert!(policy.contains("gold"), "{policy}");
}

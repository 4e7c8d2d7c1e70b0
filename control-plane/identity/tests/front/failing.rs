//! A provider that does not answer, or with nonsense.

use std::time::Duration;

use tokio::net::TcpListener;
use tollgate_identity::{SourceSpec, SystemClock};
use tollgate_support::eventually;

use crate::http::{Call, HttpServer, Play, answer, honest, json};
use crate::world::{SOURCE, World, compile, is_active, is_unavailable, source};

fn broken(_: &Call) -> Play {
    Play::Say(answer("500 Internal Server Error", "text/plain", "oops"))
}

#[tokio::test]
async fn five_failures_in_a_row_keep_calls_away_until_a_probe_succeeds() {
    let provider = HttpServer::start(broken).await;
    let world = World::new(source(&provider.url()));
    for token in 0..5 {
        assert_eq!(world.told(&format!("good{token}")).await, "unavailable 1");
    }
    assert_eq!(provider.count(), 5);
    for token in 5..50 {
        assert_eq!(world.told(&format!("good{token}")).await, "unavailable 1");
    }
    assert_eq!(provider.count(), 5);
    // One probe a second, and it fails.
    world.advance(1_000);
    for token in 50..100 {
        assert_eq!(world.told(&format!("good{token}")).await, "unavailable 1");
    }
    assert_eq!(provider.count(), 6);
    provider.play(honest);
    world.advance(1_000);
    assert!(world.told("good").await.starts_with("active"));
    assert!(world.told("goods").await.starts_with("active"));
    assert_eq!(world.counts().failed, 6);
}

#[tokio::test]
async fn a_failure_is_remembered_for_a_second() {
    let provider = HttpServer::start(broken).await;
    let world = World::new(source(&provider.url()));
    assert_eq!(world.told("good").await, "unavailable 1");
    provider.play(honest);
    world.advance(999);
    assert_eq!(world.told("good").await, "unavailable 1");
    assert_eq!(provider.count(), 1);
    world.advance(1);
    assert!(world.told("good").await.starts_with("active"));
}

#[tokio::test]
async fn what_is_remembered_is_answered_while_the_provider_is_down() {
    let provider = HttpServer::start(honest).await;
    let world = World::new(source(&provider.url()));
    assert!(world.told("good").await.starts_with("active"));
    drop(provider);
    for token in 0..10 {
        assert_eq!(world.told(&format!("good{token}")).await, "unavailable 1");
    }
    world.advance(20_000);
    assert!(world.told("good").await.starts_with("active"));
    world.advance(10_000);
    assert_eq!(world.told("good").await, "unavailable 1");
}

#[tokio::test]
async fn a_pause_that_the_provider_asks_for_is_kept() {
    let limited = |_: &Call| {
        Play::Say(
            b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n"
                .to_vec(),
        )
    };
    let provider = HttpServer::start(limited).await;
    let world = World::new(source(&provider.url()));
    world.ask("good0").await;
    provider.play(honest);
    world.advance(2_000);
    assert_eq!(world.told("good1").await, "unavailable 5");
    world.advance(4_999);
    assert_eq!(world.told("good2").await, "unavailable 1");
    assert_eq!(provider.count(), 1);
    world.advance(1);
    assert!(world.told("good3").await.starts_with("active"));
}

/// Otherwise anybody could keep everybody out with tokens that a provider does
/// not like.
#[tokio::test]
async fn a_provider_that_refuses_a_token_is_not_taken_for_a_broken_one() {
    let refusing = |call: &Call| match honest(call) {
        _ if call.body.contains("strange") => Play::Say(answer(
            "400 Bad Request",
            "application/json",
            r#"{"error":"invalid_request"}"#,
        )),
        play => play,
    };
    let provider = HttpServer::start(refusing).await;
    let world = World::new(source(&provider.url()));
    for token in 0..20 {
        assert_eq!(world.told(&format!("strange{token}")).await, "unavailable 1");
    }
    assert_eq!(provider.count(), 20);
    assert!(world.told("good").await.starts_with("active"));
}

/// With the machine's own clock, and no time passing but what passes.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_gone_is_told_at_once_and_found_within_five_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let spec = SourceSpec {
        timeout: Duration::from_millis(400),
        ..source(&format!("http://{address}/introspect"))
    };
    let front = compile(spec, None, std::sync::Arc::new(SystemClock));
    let mut slowest = Duration::ZERO;
    for token in 0..100 {
        let begun = tokio::time::Instant::now();
        let answer = front.introspect(SOURCE, &format!("good{token}")).await.unwrap();
        slowest = slowest.max(begun.elapsed());
        assert!(is_unavailable(&answer), "{answer:?}");
    }
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
    let provider = HttpServer::on(TcpListener::bind(address).await.unwrap(), honest);
    eventually("the provider is found", Duration::from_secs(5), async || {
        let answer = front.introspect(SOURCE, "good").await.unwrap();
        is_active(&answer).then_some(())
    })
    .await
    .unwrap();
    assert!(1 <= provider.count());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_stuck_costs_callers_half_a_second_at_most() {
    let provider = HttpServer::start(|_| Play::Nothing).await;
    let world =
        World::new(SourceSpec { timeout: Duration::from_millis(400), ..source(&provider.url()) });
    for token in 0..5 {
        assert_eq!(world.told(&format!("good{token}")).await, "unavailable 1");
    }
    // The probe of a source with patience waits longer; whoever asked does not.
    let patient = World::new(source(&provider.url()));
    provider.play(broken);
    for token in 0..5 {
        patient.ask(&format!("good{token}")).await;
    }
    provider.play(|_| Play::SayLater(Duration::from_secs(1), answer_active()));
    patient.advance(1_000);
    let begun = tokio::time::Instant::now();
    assert_eq!(patient.told("good").await, "unavailable 1");
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
    // The answer came after all, and is there for the next one.
    eventually("the probe is answered", Duration::from_secs(20), async || {
        is_active(&patient.ask("good").await).then_some(())
    })
    .await
    .unwrap();
    assert_eq!(provider.count(), 5 + 5 + 1);
}

fn answer_active() -> Vec<u8> {
    match json(r#"{"active":true}"#) {
        Play::Say(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

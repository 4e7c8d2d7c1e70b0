//! What is remembered, and how long.

use std::time::Duration;

use tollgate_identity::{Answer, SourceSpec};

use crate::clock::START;
use crate::http::{HttpServer, honest, json};
use crate::world::{World, source};

#[tokio::test]
async fn an_active_token_is_asked_about_once_in_its_ttl() {
    let provider = HttpServer::start(honest).await;
    let world = World::new(source(&provider.url()));
    let first = world.ask("good").await;
    let Answer::Active { claims, .. } = &first else { panic!("{first:?}") };
    assert_eq!(claims, r#"{"active":true,"sub":"me"}"#, "byte for byte");
    assert_eq!(world.ask("good").await, first);
    // At least nine tenths of 30 s: they differ from token to token.
    world.advance(26_999);
    assert_eq!(world.ask("good").await, first);
    assert_eq!(provider.count(), 1);
    world.advance(3_001);
    assert!(world.told("good").await.starts_with("active"));
    assert_eq!(provider.count(), 2);
}

#[tokio::test]
async fn an_inactive_token_is_asked_about_once_in_its_own_ttl() {
    let provider = HttpServer::start(honest).await;
    let world = World::new(source(&provider.url()));
    assert_eq!(world.told("bad").await, "inactive 10");
    world.advance(9_999);
    assert_eq!(world.told("bad").await, "inactive 1");
    assert_eq!(provider.count(), 1);
    world.advance(1);
    assert_eq!(world.told("bad").await, "inactive 10");
    assert_eq!(provider.count(), 2);
}

#[tokio::test]
async fn no_answer_outlives_exp_or_comes_before_nbf() {
    let provider = HttpServer::start(honest).await;
    let world = World::new(source(&provider.url()));
    provider.play(|_| json(&format!(r#"{{"active":true,"exp":{}}}"#, START + 7)));
    assert_eq!(world.told("t").await, "active 7");
    world.advance(6_999);
    assert_eq!(world.told("t").await, "active 1");
    world.advance(1);
    assert_eq!(world.told("t").await, "inactive 10", "the provider's clock may be late");
    provider.play(|_| json(&format!(r#"{{"active":true,"nbf":{}}}"#, START + 10)));
    assert_eq!(world.told("u").await, "inactive 3");
    world.advance(3_000);
    assert!(world.told("u").await.starts_with("active"));
}

#[tokio::test]
async fn a_clock_that_is_set_makes_no_answer_live_longer() {
    let provider = HttpServer::start(honest).await;
    let world = World::new(source(&provider.url()));
    provider.play(|_| json(&format!(r#"{{"active":true,"exp":{}}}"#, START + 7)));
    assert_eq!(world.told("t").await, "active 7");
    world.clock.set(START - 86_400);
    world.advance(7_000);
    world.told("t").await;
    assert_eq!(provider.count(), 2);
}

#[tokio::test]
async fn a_ttl_of_zero_asks_every_time() {
    let provider = HttpServer::start(honest).await;
    let zero = Duration::ZERO;
    let world = World::new(SourceSpec { ttl: zero, negative_ttl: zero, ..source(&provider.url()) });
    for calls in 1..=3 {
        assert_eq!(world.told("good").await, "active 0");
        assert_eq!(world.told("bad").await, "inactive 0");
        assert_eq!(provider.count(), 2 * calls);
    }
}

#[tokio::test]
async fn issuer_and_audience_are_compared() {
    let provider = HttpServer::start(honest).await;
    let spec = SourceSpec {
        issuer: Some("https://id".to_owned()),
        audiences: vec!["api".to_owned()],
        ..source(&provider.url())
    };
    let world = World::new(spec);
    for (token, members, expected) in [
        ("a", r#""iss":"https://id","aud":["api"]"#, "active"),
        ("b", r#""iss":"https://other","aud":["api"]"#, "inactive"),
        ("c", r#""iss":"https://id","aud":["other"]"#, "inactive"),
        ("d", r#""sub":"me""#, "inactive"),
    ] {
        provider.play(move |_| json(&format!(r#"{{"active":true,{members}}}"#)));
        let told = world.told(token).await;
        assert!(told.starts_with(expected), "{members}: {told}");
    }
}

#[tokio::test]
async fn a_token_that_is_good_again_is_taken_and_one_that_was_revoked_is_not() {
    let provider = HttpServer::start(honest).await;
    let world = World::new(source(&provider.url()));
    assert!(world.told("good").await.starts_with("active"));
    provider.play(|_| json(r#"{"active":false}"#));
    world.advance(30_000);
    assert_eq!(world.told("good").await, "inactive 10");
    provider.play(honest);
    world.advance(10_000);
    assert!(world.told("good").await.starts_with("active"));
}

#[tokio::test]
async fn what_cannot_be_a_token_costs_no_call() {
    let provider = HttpServer::start(honest).await;
    let world = World::new(source(&provider.url()));
    for token in ["", "good\r\n", "gööd", &"g".repeat(16_385)] {
        assert_eq!(world.told(token).await, "inactive 10");
    }
    assert_eq!(provider.count(), 0);
    assert!(world.told(&format!("good{}", "g".repeat(16_380))).await.starts_with("active"));
}

#[tokio::test]
async fn a_question_is_asked_as_the_standard_says() {
    let provider = HttpServer::start(honest).await;
    let spec = SourceSpec { client_id: "a:b c".to_owned(), ..source(&provider.url()) };
    World::new(spec).ask("good /+&=").await;
    let [call] = &provider.calls()[..] else { panic!() };
    assert_eq!(call.body, "token=good+%2F%2B%26%3D&token_type_hint=access_token");
    let head = call.head.to_ascii_lowercase();
    for line in [
        "post /introspect http/1.1",
        "content-type: application/x-www-form-urlencoded",
        "accept: application/json",
        "user-agent: tollgate",
    ] {
        assert!(head.lines().any(|found| found == line), "{line}: {head}");
    }
    // RFC 6749, section 2.3.1: base64 of "a%3Ab+c:secret".
    assert!(call.head.contains("Basic YSUzQWIrYzpzZWNyZXQ=\r\n"), "{}", call.head);
}

#[tokio::test]
async fn there_is_no_answer_of_a_source_that_is_not_there() {
    let provider = HttpServer::start(honest).await;
    let world = World::new(source(&provider.url()));
    assert_eq!(world.front.introspect("other", "good").await, None);
}

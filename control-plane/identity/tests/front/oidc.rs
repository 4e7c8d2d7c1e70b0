//! A real identity provider.

use std::sync::Arc;
use std::time::Duration;

use tollgate_identity::{Answer, Secret, SourceSpec, SystemClock};
use tollgate_support::{OidcProvider, TokenRequest, eventually};

use crate::world::{SOURCE, compile, is_active, is_unavailable, source};

fn spec(provider: &OidcProvider) -> SourceSpec {
    SourceSpec {
        client_id: OidcProvider::CLIENT_ID.to_owned(),
        client_secret: Secret::new(OidcProvider::CLIENT_SECRET),
        issuer: Some(provider.issuer()),
        audiences: vec!["api".to_owned()],
        ttl: Duration::from_secs(1),
        negative_ttl: Duration::from_secs(1),
        ..source(&provider.introspection_url())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_until_it_is_revoked_and_the_ttl_has_passed() {
    let provider = OidcProvider::start().await.unwrap();
    let front = compile(spec(&provider), None, Arc::new(SystemClock));
    let token = provider.token(&TokenRequest::default()).await.unwrap();
    let answer = front.introspect(SOURCE, &token).await.unwrap();
    let Answer::Active { claims, .. } = &answer else { panic!("{answer:?}") };
    let claims: serde_json::Value = serde_json::from_slice(claims).unwrap();
    assert_eq!((&claims["tenant"], &claims["scope"]), (&"acme".into(), &"orders.read".into()));
    for _ in 0..20 {
        assert!(is_active(&front.introspect(SOURCE, &token).await.unwrap()));
    }
    assert!(provider.introspections().await.unwrap() < 20);
    provider.revoke(&token).await.unwrap();
    eventually("the revocation is noticed", Duration::from_secs(30), async || {
        let answer = front.introspect(SOURCE, &token).await.unwrap();
        matches!(answer, Answer::Inactive { .. }).then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_others_and_expired_ones_are_not_good() {
    let provider = OidcProvider::start().await.unwrap();
    let front = compile(spec(&provider), None, Arc::new(SystemClock));
    let brief = TokenRequest { seconds: 2, ..TokenRequest::default() };
    let token = provider.token(&brief).await.unwrap();
    assert!(is_active(&front.introspect(SOURCE, &token).await.unwrap()));
    eventually("the token expires", Duration::from_secs(30), async || {
        (!is_active(&front.introspect(SOURCE, &token).await.unwrap())).then_some(())
    })
    .await
    .unwrap();
    let made_up = front.introspect(SOURCE, "made-up").await.unwrap();
    assert!(matches!(made_up, Answer::Inactive { .. }), "{made_up:?}");
    let strict = SourceSpec { audiences: vec!["other".to_owned()], ..spec(&provider) };
    let front = compile(strict, None, Arc::new(SystemClock));
    let token = provider.token(&TokenRequest::default()).await.unwrap();
    let answer = front.introspect(SOURCE, &token).await.unwrap();
    assert!(matches!(answer, Answer::Inactive { .. }), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_lets_nobody_pass() {
    let provider = OidcProvider::start().await.unwrap();
    let wrong = SourceSpec { client_secret: Secret::new("wrong"), ..spec(&provider) };
    let front = compile(wrong, None, Arc::new(SystemClock));
    let token = provider.token(&TokenRequest::default()).await.unwrap();
    let answer = front.introspect(SOURCE, &token).await.unwrap();
    assert!(is_unavailable(&answer), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_stops_and_one_that_dies_are_found_again() {
    let mut provider = OidcProvider::start().await.unwrap();
    let impatient = SourceSpec { timeout: Duration::from_millis(400), ..spec(&provider) };
    let front = compile(impatient, None, Arc::new(SystemClock));
    let found = async |provider: &OidcProvider| {
        let token = provider.token(&TokenRequest::default()).await.unwrap();
        eventually("a token is good", Duration::from_secs(5), async || {
            is_active(&front.introspect(SOURCE, &token).await.unwrap()).then_some(())
        })
        .await
        .unwrap();
    };
    let unavailable = async || {
        for token in 0..8 {
            let token = format!("made-up-{token}");
            let answer = front.introspect(SOURCE, &token).await.unwrap();
            assert!(is_unavailable(&answer), "{answer:?}");
        }
    };
    found(&provider).await;
    provider.pause().unwrap();
    unavailable().await;
    provider.resume().unwrap();
    found(&provider).await;
    provider.kill();
    unavailable().await;
    provider.run().await.unwrap();
    found(&provider).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_with_and_without_an_overlap() {
    let provider = OidcProvider::start().await.unwrap();
    let ids = async || -> Vec<String> {
        let answer = tollgate_support::Call::get("localhost", "/jwks");
        let keys = answer.send(provider.address()).await.unwrap().json();
        let ids = keys["keys"].as_array().unwrap().iter();
        ids.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    let first = ids().await;
    provider.rotate_keys(true).await.unwrap();
    let second = ids().await;
    assert!(second.len() == 2 && second[1] == first[0], "{first:?} {second:?}");
    provider.rotate_keys(false).await.unwrap();
    let third = ids().await;
    assert!(third.len() == 1 && !second.contains(&third[0]), "{second:?} {third:?}");
    let jwt = TokenRequest { is_jwt: true, ..TokenRequest::default() };
    assert_eq!(provider.token(&jwt).await.unwrap().split('.').count(), 3);
}

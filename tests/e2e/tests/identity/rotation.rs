//! Tokens that a real provider signs, while it changes its keys and goes away.

use std::time::Duration;

use tokio::time::Instant;
use tollgate_e2e::{Gateway, HOST, config};
use tollgate_support::{Call, OidcProvider, TokenRequest};

/// What is promised, from the provider's change to the last worker.
const BOUND: Duration = Duration::from_secs(30);

/// So many connections that each of the two workers gets some.
const CONNECTIONS: usize = 12;

fn believing(provider: &OidcProvider) -> String {
    let said = format!(
        "identity:\n  jwt:\n    idp:\n      issuer: {}\n      audiences: [api]\n      \
         jwks: {{ url: \"{}\" }}\n      claims: {{ tenant: tenant, tier: plan }}\n",
        provider.issuer(),
        provider.jwks_url(),
    );
    let routes = "      get:\n        match: { path: /orders }\n        backend: echo\n        \
                  auth: { any_of: [jwt.idp] }\n        allow: { scopes: [orders.read] }\n";
    let tiers = "tiers:\n  pro: { limits: [{ requests: 1000000, per: second }] }\n";
    config(routes).replace("identity:\n", &said).replace("tiers:\n", tiers)
}

async fn token(provider: &OidcProvider) -> Call {
    let wanted = TokenRequest { is_jwt: true, ..TokenRequest::default() };
    Call::get(HOST, "/orders").bearer(&provider.token(&wanted).await.unwrap())
}

async fn answers(gateway: &Gateway, call: &Call) -> Vec<u16> {
    let mut answers = Vec::new();
    for _ in 0..CONNECTIONS {
        answers.push(gateway.send(call).await.unwrap().status);
    }
    answers.sort_unstable();
    answers.dedup();
    answers
}

async fn until(gateway: &Gateway, call: &Call, status: u16, what: &str) {
    let began = Instant::now();
    while answers(gateway, call).await != [status] {
        assert!(began.elapsed() < BOUND, "{what}: not {status} within {BOUND:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("{what}: {status} on every worker after {} ms", began.elapsed().as_millis());
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_live_and_die_with_the_keys_of_their_provider() {
    let mut provider = OidcProvider::start().await.unwrap();
    let gateway = Gateway::start(&believing(&provider)).await.unwrap();
    let first = token(&provider).await;
    until(&gateway, &first, 200, "a token under the first key").await;
    let seen = gateway.through(&first).await.unwrap();
    assert_eq!(seen.values("x-tollgate-tenant"), ["acme"]);

    provider.rotate_keys(true).await.unwrap();
    let second = token(&provider).await;
    until(&gateway, &second, 200, "a token under a new key").await;
    assert_eq!(answers(&gateway, &first).await, [200], "its key is published still");

    provider.rotate_keys(false).await.unwrap();
    let third = token(&provider).await;
    until(&gateway, &first, 401, "a remembered token whose key is gone").await;
    assert_eq!(answers(&gateway, &second).await, [401]);
    until(&gateway, &third, 200, "a token under the only key").await;

    // Longer than from one look at the keys to the next.
    provider.kill();
    let killed = Instant::now();
    while killed.elapsed() < Duration::from_secs(20) {
        assert_eq!(answers(&gateway, &third).await, [200]);
        assert_eq!(answers(&gateway, &first).await, [401]);
    }
    gateway.never_trapped().await.unwrap();
}

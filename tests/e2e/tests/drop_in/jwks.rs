//! Keys that Envoy fetches itself, from a real provider and from a server that
//! counts.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::time::Instant;
use tollgate_support::{
    Built, Call, Connection, Key, Load, OidcProvider, Protocol, TokenRequest, Upstream, eventually,
    free_port, now_seconds,
};

use super::{DropIn, config};

/// What is promised: a key that is added works within this time, and one that is
/// removed does no longer.
const BOUND: Duration = Duration::from_secs(30);

/// So many connections that each of the two workers gets some.
const CONNECTIONS: usize = 16;

/// The drop-in configuration with its keys at this port.
fn with_keys_at(port: u16) -> String {
    config("jwt.yaml").replace("port_value: 9000", &format!("port_value: {port}"))
}

async fn start(config: &str) -> DropIn {
    DropIn::start(&Built::envoy().unwrap(), config, 10_000).await
}

fn token(key: &Key) -> Call {
    let claims = json!({
        "iss": "https://id.example", "aud": "quickstart", "sub": "ann", "scope": "orders.read",
        "exp": now_seconds().saturating_add(600),
    });
    Call::get("localhost", "/").bearer(&key.sign(&claims).unwrap())
}

fn set(keys: &[&Key]) -> String {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<Value>>()}).to_string()
}

impl DropIn {
    /// What a number of connections are answered, once each.
    async fn answers(&self, call: &Call) -> Vec<u16> {
        let mut answers = Vec::new();
        for _ in 0..CONNECTIONS {
            answers.push(call.send(self.address).await.unwrap().status);
        }
        answers.sort_unstable();
        answers.dedup();
        answers
    }

    /// How long it takes until every worker answers this.
    async fn until(&self, call: &Call, status: u16) -> Duration {
        let began = Instant::now();
        eventually(&format!("everybody is answered {status}"), BOUND, async || {
            (self.answers(call).await == [status]).then_some(())
        })
        .await
        .unwrap();
        began.elapsed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_real_provider_are_fetched_and_rotated() {
    let provider = OidcProvider::start().await.unwrap();
    let config = with_keys_at(provider.address().port())
        .replace("https://id.example", &provider.issuer())
        .replace("/jwks.json", "/jwks")
        .replace("\"quickstart\"", "\"api\"");
    let dropped_in = start(&config).await;
    let issued = async || {
        let request = TokenRequest { is_jwt: true, ..TokenRequest::default() };
        let token = provider.token(&request).await.unwrap();
        Call::get("localhost", "/").bearer(&token)
    };
    let first = issued().await;
    assert_eq!(dropped_in.answers(&first).await, [200]);
    let fetched = provider.calls("/jwks").await.unwrap();
    assert!((1..=2).contains(&fetched), "each worker asks once at most: {fetched}");

    provider.rotate_keys(true).await.unwrap();
    let second = issued().await;
    assert_eq!(second.send(dropped_in.address).await.unwrap().status, 200, "at once");
    dropped_in.until(&second, 200).await;
    assert_eq!(dropped_in.answers(&first).await, [200], "its key is still published");

    // From now on only the newest is. Nobody shows its tokens, so that it is
    // time alone that ends the others.
    provider.rotate_keys(false).await.unwrap();
    for (call, name) in [(&first, "first"), (&second, "second")] {
        let took = dropped_in.until(call, 401).await;
        println!("the {name} key is refused by every worker after {} ms", took.as_millis());
    }
    dropped_in.until(&issued().await, 200).await;
    dropped_in.never_trapped().await;
}

/// What a caller makes up: a token with a key id that nobody has.
fn made_up(number: usize) -> Call {
    let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let head = part(json!({"alg": "ES256", "kid": format!("made-up-{number}")}));
    let claims = part(json!({
        "iss": "https://id.example", "aud": "quickstart", "sub": "eve", "scope": "orders.read",
        "exp": now_seconds().saturating_add(600),
    }));
    Call::get("localhost", "/").bearer(&format!("{head}.{claims}.{}", "A".repeat(86)))
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_made_up_keys_bring_about_two_questions_and_disturb_nobody() {
    const EACH: usize = 1_250;
    let (keys, key) = (Upstream::start().await.unwrap(), Key::new("ES256", "one").unwrap());
    keys.serve("/jwks.json", set(&[&key]));
    let dropped_in = start(&with_keys_at(keys.port())).await;
    let good = token(&key);
    dropped_in.until(&good, 200).await;
    let before = keys.fetched();
    let load = Load::start(dropped_in.address, 2, &good);
    let (began, address) = (Instant::now(), dropped_in.address);
    let floods = (0..8_usize).map(|flood| {
        tokio::spawn(async move {
            let mut connection = Connection::open(Protocol::Http1, address).await.unwrap();
            for number in 0..EACH {
                let call = made_up(flood.saturating_mul(EACH).saturating_add(number));
                let status = connection.send(&call).await.unwrap().status;
                assert!(matches!(status, 401 | 503), "{status}");
            }
        })
    });
    for flood in floods.collect::<Vec<_>>() {
        flood.await.unwrap();
    }
    let (took, report) = (began.elapsed(), load.stop().await.unwrap());
    let fetches = keys.fetched().saturating_sub(before);
    println!("10000 made-up keys in {took:?}: {fetches} fetches; good callers: {report:?}");
    assert_eq!(report.statuses.keys().collect::<Vec<_>>(), [&200], "{report:?}");
    assert!(report.errors.is_empty(), "{report:?}");
    // One for those keys, and one each time it is time.
    let due = usize::try_from(took.as_secs() / 20).unwrap().saturating_add(1);
    assert!((1..=due.saturating_add(1)).contains(&fetches), "{fetches} in {took:?}");
    dropped_in.never_trapped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_leaves_the_last_keys_in_force() {
    let (keys, key) = (Upstream::start().await.unwrap(), Key::new("ES256", "one").unwrap());
    let stranger = Key::new("ES256", "one").unwrap();
    keys.serve("/jwks.json", set(&[&key]));
    let dropped_in = start(&with_keys_at(keys.port())).await;
    let (good, forged) = (token(&key), token(&stranger));
    dropped_in.until(&good, 200).await;
    // While there is no answer there is somebody who keeps asking.
    let load = Load::start(dropped_in.address, 2, &good);
    for bad in ["<html>no keys</html>", r#"{"keys":[]}"#, ""] {
        keys.serve("/jwks.json", bad);
        let before = keys.fetched();
        eventually("it is asked", BOUND, async || (before < keys.fetched()).then_some(()))
            .await
            .unwrap();
        assert_eq!(dropped_in.answers(&good).await, [200], "{bad}");
        assert_eq!(dropped_in.answers(&forged).await, [401], "{bad}");
    }
    let gauge = "wasmcustom.tollgate.jwks.failing";
    assert_eq!(dropped_in.envoy.stats("jwks").await.unwrap()[gauge], 1);
    let port = keys.port();
    drop(keys);
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(dropped_in.answers(&good).await, [200], "nobody is there to answer");
    let report = load.stop().await.unwrap();
    assert_eq!(report.statuses.keys().collect::<Vec<_>>(), [&200], "{report:?}");

    // The keys that count when it is back are those that are published then.
    let keys = Upstream::on(port).await.unwrap();
    keys.serve("/jwks.json", set(&[&stranger]));
    dropped_in.until(&forged, 200).await;
    dropped_in.until(&good, 401).await;
    assert_eq!(dropped_in.envoy.stats("jwks").await.unwrap()[gauge], 0);
    dropped_in.never_trapped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_nobody_passes_until_there_are_some() {
    let (port, key) = (free_port().unwrap(), Key::new("ES256", "one").unwrap());
    let dropped_in = start(&with_keys_at(port)).await;
    let good = token(&key);
    for _ in 0..CONNECTIONS {
        let answer = good.send(dropped_in.address).await.unwrap();
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{answer:?}");
    }
    // A slow answer is waited for, by everybody together.
    let keys = Upstream::on(port).await.unwrap();
    keys.serve("/jwks.json", set(&[&key]));
    keys.delay(Duration::from_millis(300));
    dropped_in.until(&good, 200).await;
    assert!(keys.fetched() <= 4, "{} fetches", keys.fetched());
    dropped_in.never_trapped().await;
}

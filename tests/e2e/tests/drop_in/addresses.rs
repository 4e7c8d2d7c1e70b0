//! Callers at one address who make up credentials leave room for the others.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tollgate_support::{Built, Call, Connection, Protocol, Upstream};

use super::{DropIn, config};

const WORKERS: u64 = 2;

/// How long it goes on.
const SPAN: Duration = Duration::from_secs(4);

/// A request with a token that was never seen before.
fn new_token(token: &str, address: &str) -> Call {
    Call::get("localhost", "/orders/7").bearer(token).header("x-forwarded-for", address)
}

/// A provider that knows every token, and a gateway behind one proxy that is trusted.
async fn start() -> (Upstream, DropIn) {
    let provider = Upstream::start().await.unwrap();
    let active = r#"{"active":true,"sub":"ann","aud":"api","scope":"orders.read"}"#;
    provider.serve("/token/introspection", active);
    let config = config("introspection.yaml")
        .replace("port_value: 9000", &format!("port_value: {}", provider.port()))
        .replace(
            "use_remote_address: true\n",
            "use_remote_address: true\n          xff_num_trusted_hops: 1\n",
        );
    let dropped_in = DropIn::start(&Built::envoy().unwrap(), &config, 10_000).await;
    (provider, dropped_in)
}

/// How many requests of those that are sent as fast as possible were answered
/// otherwise than that too many callers at the address have to be looked up.
async fn flood(dropped_in: &DropIn, address_of: fn(u64) -> String) -> (u64, u64) {
    let (begun, mut clients) = (Instant::now(), JoinSet::new());
    for client in 0..8_u64 {
        let mut connection = Connection::open(Protocol::Http1, dropped_in.address).await.unwrap();
        clients.spawn(async move {
            let (mut sent, mut passed) = (0_u64, 0_u64);
            while begun.elapsed() < SPAN {
                let call = new_token(&format!("flood{client}x{sent}"), &address_of(sent));
                let answer = connection.send(&call).await.unwrap();
                assert!(matches!(answer.status, 200 | 503), "{answer:?}");
                sent = sent.saturating_add(1);
                passed = passed.saturating_add(u64::from(answer.status == 200));
            }
            (sent, passed)
        });
    }
    let counts = clients.join_all().await.into_iter();
    counts.fold((0, 0), |sum, count| (sum.0.saturating_add(count.0), sum.1.saturating_add(count.1)))
}

/// New callers, each at an address of its own: every one is looked up.
async fn others(dropped_in: &DropIn) -> u64 {
    let (begun, mut came) = (Instant::now(), 0_u64);
    while begun.elapsed() < SPAN {
        let address = format!("198.51.100.{}", came.checked_rem(250).unwrap());
        let call = new_token(&format!("other{came}"), &address);
        let answer = call.send(dropped_in.address).await.unwrap();
        assert_eq!(answer.status, 200, "after {came}: {answer:?}");
        came = came.saturating_add(1);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    came
}

#[tokio::test(flavor = "multi_thread")]
async fn one_flooding_address_does_not_use_up_what_everybody_has() {
    // One address, and one network of which somebody has every address.
    let addresses: [fn(u64) -> String; 2] =
        [|_| "203.0.113.7".to_owned(), |n| format!("2001:db8:1:2::{n:x}")];
    for address_of in addresses {
        let (provider, dropped_in) = start().await;
        let begun = Instant::now();
        let ((sent, passed), came) =
            tokio::join!(flood(&dropped_in, address_of), others(&dropped_in));
        let seconds = begun.elapsed().as_secs().saturating_add(1);
        println!("{sent} new tokens from {}: {passed} asked about; {came} others", address_of(1));
        // Of each worker 50 at once, and 10 a second.
        let worth = WORKERS.saturating_mul(seconds.saturating_mul(10).saturating_add(50));
        assert!((1..=worth).contains(&passed), "{passed} of {worth}");
        assert!(passed.saturating_mul(2) < sent, "there was no flood: {sent}");
        let asked = u64::try_from(provider.fetched()).unwrap();
        assert!(asked <= passed.saturating_add(came.saturating_mul(WORKERS)), "{asked} questions");
        dropped_in.never_trapped().await;
    }
}

//! Opaque tokens and API keys of the store, from the caller to whoever knows them.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod outage;
mod rotation;
mod shared_cache;

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use tollgate_support::{
    Answer, Built, Call, ControlPlane, Envoy, Example, OidcProvider, RedisServer, TokenRequest,
    Upstream, eventually, free_port,
};

const PATIENCE: Duration = Duration::from_mins(1);

/// A gateway that serves an example.
struct Served {
    example: Example,
    built: Built,
    control_plane: ControlPlane,
    _envoy: Envoy,
    _upstream: Upstream,
    address: SocketAddr,
}

impl Served {
    async fn start(example: Example, options: &[&str], variables: &[(&str, &str)]) -> Self {
        let built = Built::find().unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().unwrap()));
        let upstream = Upstream::start().await.unwrap();
        let example = example.port(8080, address.port()).port(9000, upstream.port());
        let config = example.file("tollgate.yaml").unwrap();
        let control_plane = ControlPlane::with(&built, &config, options, variables).await.unwrap();
        let mut envoy = Envoy::start(&built.envoy, control_plane.xds()).unwrap();
        envoy.ready().await.unwrap();
        envoy.listening(address).await.unwrap();
        Self { example, built, control_plane, _envoy: envoy, _upstream: upstream, address }
    }

    async fn get(&self, name: &str, value: &str) -> Answer {
        let call = Call::get("localhost", "/orders/7").header(name, value);
        call.send(self.address).await.unwrap()
    }

    async fn token(&self, token: &str) -> Answer {
        self.get("authorization", &format!("Bearer {token}")).await
    }

    async fn becomes(&self, token: &str, status: u16) {
        eventually(&format!("the answer is {status}"), PATIENCE, async || {
            (self.token(token).await.status == status).then_some(())
        })
        .await
        .unwrap();
    }
}

async fn opaque(provider: &OidcProvider, options: &[&str], more: &[(&str, &str)]) -> Served {
    let example = Example::of("opaque-token").port(9400, provider.address().port());
    let secret = [("INTROSPECTION_SECRET", OidcProvider::CLIENT_SECRET)];
    Served::start(example, options, &[&secret, more].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn opaque_tokens_are_asked_about_until_nobody_can_be_asked() {
    let mut provider = OidcProvider::start().await.unwrap();
    let served = opaque(&provider, &[], &[]).await;
    assert_eq!(served.token("invented").await.status, 401);
    let token = provider.token(&TokenRequest::default()).await.unwrap();
    assert_eq!(served.token(&token).await.status, 200);
    provider.revoke(&token).await.unwrap();
    served.becomes(&token, 401).await;

    let (known, unknown) = (
        provider.token(&TokenRequest::default()).await.unwrap(),
        provider.token(&TokenRequest::default()).await.unwrap(),
    );
    assert_eq!(served.token(&known).await.status, 200);
    provider.kill();
    assert_eq!(served.token(&known).await.status, 200);
    let answer = served.token(&unknown).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    let log = served.control_plane.log();
    assert!(!log.contains(&known) && !log.contains(OidcProvider::CLIENT_SECRET), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_control_planes_ask_once_and_a_broken_cache_breaks_nothing() {
    let provider = OidcProvider::start().await.unwrap();
    let mut redis = RedisServer::start(&[]).await.unwrap();
    let url = redis.url();
    let options = ["--cache", url.as_str(), "--cache-secret", "env:CACHE_SECRET"];
    let variables = [("CACHE_SECRET", "0123456789abcdef0123456789abcdef")];
    let one = opaque(&provider, &options, &variables).await;
    let two = opaque(&provider, &options, &variables).await;
    // Until both have a connection each asks for itself.
    eventually("one call does for both", PATIENCE, async || {
        let token = provider.token(&TokenRequest::default()).await.unwrap();
        let before = provider.introspections().await.unwrap();
        assert_eq!(one.token(&token).await.status, 200);
        assert_eq!(two.token(&token).await.status, 200);
        (provider.introspections().await.unwrap() == before + 1).then_some(())
    })
    .await
    .unwrap();
    let token = async || provider.token(&TokenRequest::default()).await.unwrap();
    redis.pause().unwrap();
    assert_eq!(one.token(&token().await).await.status, 200);
    redis.resume().unwrap();
    redis.kill();
    assert_eq!(two.token(&token().await).await.status, 200);
    redis.run().await.unwrap();
    assert_eq!(one.token(&token().await).await.status, 200);
    assert_eq!(one.token("invented").await.status, 401);
}

/// Follows an example that has a store with one tenant, and tells how many commands that were.
async fn with_store(name: &str) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("tollgate.db").display());
    let built = Built::find().unwrap();
    let tenant = ["tenants", "create", "acme", "--tier", "pro", "--store", &store];
    assert!(Command::new(&built.tollgate).args(tenant).status().unwrap().success());
    let example = Example::of(name).variable("TOLLGATE_STORE", &store);
    let served = Served::start(example, &["--store", &store], &[]).await;
    served.example.follow(&served.built).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn api_keys_of_the_store_work_as_their_example_says() {
    assert_eq!(with_store("api-key").await, 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_works_as_its_example_says() {
    assert_eq!(with_store("revocation").await, 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn opaque_tokens_work_as_their_example_says() {
    let provider = OidcProvider::start().await.unwrap();
    let served = opaque(&provider, &[], &[]).await;
    assert_eq!(served.example.follow(&served.built).await.unwrap(), 6);
}

//! How a configuration gets to Envoy, and what is served when it does not.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod disk;
mod fleet;
mod garbage;
mod groups;
mod guard;
mod kills;
mod relay;
mod replicas;
mod silence;
mod trust;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;
use tollgate_e2e::{ACME, Gateway, HOST, fill_in, revision};
use tollgate_support::{Built, Call, ControlPlane, Envoy, Upstream, eventually, free_port};

const PATIENCE: Duration = Duration::from_mins(1);

fn anonymous() -> Call {
    Call::get(HOST, "/orders")
}

fn call() -> Call {
    anonymous().header("x-api-key", ACME)
}

/// Makes an API by the admin API that answers a text at its name.
fn making(name: &str, text: &str) -> Call {
    let route = json!({
        "match": { "path": format!("/{name}") }, "auth": "none",
        "respond": { "status": 200, "body": text },
    });
    let api = json!({ "hosts": [HOST], "routes": { "get": route } });
    Call::new("PUT", "localhost", &format!("/v1/apis/{name}"))
        .header("content-type", "application/json")
        .header("if-none-match", "*")
        .body(api.to_string())
}

/// A module that refuses what the control plane tells it, as one of another version would.
fn with_another_module() -> Built {
    let built = Built::find().unwrap();
    let module = built.module.with_file_name("auth.wasm").canonicalize().unwrap();
    Built { module, ..built }
}

fn free_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port().unwrap()).into()
}

async fn is_logged(control_plane: &ControlPlane, words: &[&str]) {
    eventually(&format!("{words:?} in one line"), PATIENCE, async || {
        let log = control_plane.log();
        log.lines().any(|line| words.iter().all(|words| line.contains(words))).then_some(())
    })
    .await
    .unwrap();
}

/// By default Envoy goes on without clusters after 15 s, and without listeners after as many.
const PAST_ENVOYS_PATIENCE: u64 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_serves_nothing_until_there_is_a_control_plane_and_then_all() {
    let (address, xds) = (free_address(), free_address());
    let mut envoy = Envoy::start(&Built::envoy().unwrap(), xds).unwrap();
    reaches(&envoy, "server.uptime", PAST_ENVOYS_PATIENCE).await;
    serves_nothing(&envoy, address).await;
    let tried = stat(&envoy, TRIES).await.unwrap();
    reaches(&envoy, TRIES, tried + 2).await;
    serves_nothing(&envoy, address).await;

    let upstream = Upstream::start().await.unwrap();
    let config = fill_in(&revision("first"), address, &upstream);
    let control_plane = ControlPlane::on(xds.port(), &Built::find().unwrap(), &config).await;
    let control_plane = control_plane.unwrap();
    envoy.ready().await.unwrap();
    envoy.listening(address).await.unwrap();
    let gateway = Gateway { upstream, control_plane, envoy, address };
    is_served(&gateway, "first").await;
    gateway.never_trapped().await.unwrap();
}

/// Connections to the control plane that came to nothing.
const TRIES: &str = "cluster.xds.upstream_cx_connect_fail";

async fn reaches(envoy: &Envoy, name: &str, value: u64) {
    eventually(&format!("{name} is {value}"), PATIENCE, async || {
        stat(envoy, name).await.filter(|now| value <= *now)
    })
    .await
    .unwrap();
}

/// Nothing while Envoy does not answer yet.
async fn stat(envoy: &Envoy, name: &str) -> Option<u64> {
    envoy.stats(name).await.ok()?.get(name).copied()
}

async fn serves_nothing_of(envoy: &Envoy) {
    assert_eq!(envoy.page("/ready").await.unwrap(), "PRE_INITIALIZING");
    assert_eq!(envoy.page("/listeners").await.unwrap(), "");
}

async fn serves_nothing(envoy: &Envoy, address: SocketAddr) {
    serves_nothing_of(envoy).await;
    let refused = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

/// Whoever has a key is served by this revision, and nobody else is.
async fn is_served(gateway: &Gateway, name: &str) {
    let answer = gateway.send(&call()).await.unwrap();
    assert_eq!((answer.status, answer.header("x-revision")), (200, Some(name)), "{answer:?}");
    assert_eq!(gateway.send(&anonymous()).await.unwrap().status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_envoy_refuses_is_told_with_reason_and_place_and_the_rest_is_live() {
    let gateway = Gateway::start(&revision("first")).await.unwrap();
    // That another program has a port, no file can tell.
    let other = TcpListener::bind(free_address()).unwrap();
    let taken = other.local_addr().unwrap();
    gateway.write(&revision("second").replace("127.0.0.1:$PORT", &taken.to_string())).unwrap();
    passes_the_check(&gateway.control_plane);

    let place = format!("{}:3", gateway.control_plane.config_path().display());
    let refusal = format!(
        "ERROR refused listener \"public\", made from listeners.public ({place}), and keeps what \
         it had: Error adding/updating listener(s) public: cannot bind '{taken}': Address already \
         in use"
    );
    is_logged(&gateway.control_plane, &[&refusal, "node=\"envoy-1\""]).await;
    let rest = ["WARN is live but for what was refused", "revision=2", "refused=1"];
    is_logged(&gateway.control_plane, &rest).await;
    is_served(&gateway, "second").await;

    gateway.write(&revision("third")).unwrap();
    is_logged(&gateway.control_plane, &["INFO is live", "revision=3"]).await;
    is_served(&gateway, "third").await;
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_envoy_is_given_what_was_taken_last_and_not_what_was_refused() {
    let mut gateway = Gateway::start(&revision("first")).await.unwrap();
    let other = TcpListener::bind(free_address()).unwrap();
    let taken = other.local_addr().unwrap();
    gateway.write(&revision("second").replace("127.0.0.1:$PORT", &taken.to_string())).unwrap();
    is_logged(&gateway.control_plane, &["ERROR refused listener \"public\""]).await;
    is_served(&gateway, "second").await;

    // What it would be told now if it were told what is written has no listener that it can open.
    gateway.envoy.process().kill();
    let envoy = Built::envoy().unwrap();
    gateway.envoy = Envoy::start(&envoy, gateway.control_plane.xds()).unwrap();
    gateway.envoy.ready().await.unwrap();
    gateway.envoy.listening(gateway.address).await.unwrap();
    is_served(&gateway, "second").await;
    assert_eq!(gateway.control_plane.log().matches("ERROR refused").count(), 1);

    gateway.write(&revision("third")).unwrap();
    is_served_soon(&gateway, "third").await;
    gateway.never_trapped().await.unwrap();
}

async fn is_served_soon(gateway: &Gateway, name: &str) {
    eventually(&format!("{name} is live"), PATIENCE, async || {
        let answer = gateway.send(&call()).await.ok()?;
        (answer.header("x-revision") == Some(name)).then_some(())
    })
    .await
    .unwrap();
}

fn passes_the_check(control_plane: &ControlPlane) {
    let mut command = Command::new(Built::find().unwrap().tollgate);
    let done = command.arg("check").arg(control_plane.config_path()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(said, "ok: 1 API, 1 route, 1 backend, 1 listener\n");
}

/// In the words that Envoy has for a module that says no.
const REFUSED_PLUGIN: [&str; 2] = [
    "ERROR refused filter configuration \"tollgate.public\", made from listeners.public (",
    "), and keeps what it had: Unable to create Wasm plugin tollgate",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_refuses_its_configuration_does_not_replace_one_that_took_it() {
    let mut gateway = Gateway::start(&revision("first")).await.unwrap();
    gateway.control_plane.kill();
    let port = gateway.control_plane.xds().port();
    let config = fill_in(&revision("second"), gateway.address, &gateway.upstream);
    let upgraded = ControlPlane::on(port, &with_another_module(), &config).await.unwrap();
    is_logged(&upgraded, &REFUSED_PLUGIN).await;
    is_logged(&upgraded, &["WARN is live but for what was refused", "refused=1"]).await;
    is_served(&gateway, "second").await;
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_whose_module_refuses_its_configuration_lets_nobody_through() {
    let upstream = Upstream::start().await.unwrap();
    let address = free_address();
    let config = fill_in(&revision("first"), address, &upstream);
    let control_plane = ControlPlane::start(&with_another_module(), &config).await.unwrap();
    let mut envoy = Envoy::start(&Built::envoy().unwrap(), control_plane.xds()).unwrap();
    is_logged(&control_plane, &REFUSED_PLUGIN).await;
    envoy.ready().await.unwrap();
    envoy.listening(address).await.unwrap();
    for call in [anonymous(), call()] {
        assert_eq!(call.send(address).await.unwrap().status, 500);
    }
    assert_eq!(upstream.count(), 0);
}

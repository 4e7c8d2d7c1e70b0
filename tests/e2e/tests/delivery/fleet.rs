//! Several control planes, and those that start when not all is well.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use tollgate_e2e::{Gateway, config, fill_in, revision};
use tollgate_support::{Built, ControlPlane, Envoy, Postgres, Upstream, eventually, free_port};

use super::{PATIENCE, free_address, is_logged, is_served, is_served_soon};

/// An Envoy with the shipped bootstrap, whose control planes have these addresses.
pub(super) fn envoy_of(addresses: &[String]) -> Envoy {
    let admin = free_port().unwrap();
    start(&shipped(admin, addresses), admin)
}

fn start(bootstrap: &str, admin: u16) -> Envoy {
    Envoy::with_bootstrap(&Built::envoy().unwrap(), bootstrap, admin, 2).unwrap()
}

fn shipped(admin: u16, addresses: &[String]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envoy/bootstrap.yaml");
    let endpoint = |address: &str| format!("        - endpoint: {{ address: {{ {address} }} }}\n");
    let shipped = std::fs::read_to_string(path).unwrap().replace("19000", &admin.to_string());
    let one = endpoint(&of_port(18_000));
    assert!(shipped.contains(&one));
    let all: Vec<_> = addresses.iter().map(|address| endpoint(address)).collect();
    shipped.replace(&one, &all.concat())
}

fn of_port(port: u16) -> String {
    format!("socket_address: {{ address: 127.0.0.1, port_value: {port} }}")
}

/// Likewise, with two control planes.
pub(super) fn envoy_of_two(addresses: [SocketAddr; 2]) -> Envoy {
    envoy_of(&addresses.map(|address| of_port(address.port())))
}

/// How often Envoy was told something that it did not have.
pub(super) async fn news(envoy: &Envoy) -> BTreeMap<String, u64> {
    let stats = envoy.stats("added|modified|removed|config_reload$|update_rejected").await;
    stats.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_moves_between_replicas_and_is_told_nothing_again() {
    let upstream = Upstream::start().await.unwrap();
    let address = free_address();
    let built = Built::find().unwrap();
    let config = |name: &str| fill_in(&revision(name), address, &upstream);
    let mut one = ControlPlane::start(&built, &config("first")).await.unwrap();
    let mut other = ControlPlane::start(&built, &config("first")).await.unwrap();
    let mut envoy = envoy_of_two([one.xds(), other.xds()]);
    envoy.ready().await.unwrap();
    envoy.listening(address).await.unwrap();
    if other.log().contains("INFO connected") {
        std::mem::swap(&mut one, &mut other);
    }

    let before = news(&envoy).await;
    assert!(before.values().any(|count| 0 < *count), "{before:?}");
    one.kill();
    is_logged(&other, &["INFO is live", "revision=1"]).await;
    assert_eq!(news(&envoy).await, before);
    other.write(&config("second")).unwrap();
    let mut gateway = Gateway { upstream, control_plane: other, envoy, address };
    is_served_soon(&gateway, "second").await;

    // The one that comes back has the newest file too.
    let config = fill_in(&revision("second"), address, &gateway.upstream);
    one.write(&config).unwrap();
    one.run().await.unwrap();
    let before = news(&gateway.envoy).await;
    gateway.control_plane.kill();
    is_logged(&one, &["INFO is live", "revision=1"]).await;
    assert_eq!(news(&gateway.envoy).await, before);
    is_served(&gateway, "second").await;
    gateway.never_trapped().await.unwrap();
}

/// Where a secret is that API keys are hashed with.
pub(super) fn secret(folder: &TempDir) -> String {
    let path = folder.path().join("secret");
    std::fs::write(&path, "5e".repeat(32)).unwrap();
    format!("file:{}", path.display())
}

/// A file in which another route is refused by Envoy, though not by the check.
fn with_regex(name: &str, regex: &str) -> String {
    config(&format!(
        r#"
      get:
        match: {{ path: /orders }}
        backend: echo
        auth: {{ any_of: [api_key] }}
        response: {{ headers: {{ set: {{ x-revision: "{name}" }} }} }}
      odd:
        match: {{ path: /orders/odd, headers: {{ x-odd: {{ regex: "{regex}" }} }} }}
        respond: {{ status: 204 }}
        auth: none
"#
    ))
}

/// The check knows how large expressions may be by the bootstrap that ships; here are
/// Envoys that take less.
const GOOD: &str = "a{9}";
const BAD: &str = "a{500}";

const SHIPPED: &str = "re2.max_program_size.error_level: 1000";
const STRICT: &str = "re2.max_program_size.error_level: 100";

fn strict_envoy(control_plane: &ControlPlane) -> Envoy {
    let admin = free_port().unwrap();
    let bootstrap = shipped(admin, &[of_port(control_plane.xds().port())]);
    assert!(bootstrap.contains(SHIPPED));
    start(&bootstrap.replace(SHIPPED, STRICT), admin)
}

/// A command that asks one whether it would take something.
fn strict_check(folder: &TempDir) -> String {
    let script = folder.path().join("envoy");
    let layer = format!("{{ name: strict, static_layer: {{ {STRICT} }} }}");
    let text = format!(
        "#!/bin/sh\nexec {} \"$@\" --config-yaml 'layered_runtime: {{ layers: [{layer}] }}'\n",
        Built::envoy().unwrap().display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    script.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_envoy_at_hand_would_refuse_comes_to_none() {
    let folder = tempfile::tempdir().unwrap();
    let check = strict_check(&folder);
    let arguments = ["--envoy", check.as_str()];
    let gateway = Gateway::with_arguments(&with_regex("first", GOOD), &arguments).await.unwrap();
    is_served(&gateway, "first").await;
    gateway.write(&with_regex("second", BAD)).unwrap();
    let told =
        ["ERROR held back routes", "apis.orders (", "which Envoy would refuse: ", "program size"];
    is_logged(&gateway.control_plane, &told).await;
    is_served(&gateway, "first").await;
    assert!(!gateway.control_plane.log().contains("ERROR refused"), "it came to an Envoy");
    gateway.write(&with_regex("third", GOOD)).unwrap();
    is_served_soon(&gateway, "third").await;
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_that_envoy_refuses_is_not_given_to_one_that_restarts() {
    let mut gateway = Gateway::start(&with_regex("first", GOOD)).await.unwrap();
    gateway.envoy.process().kill();
    gateway.envoy = strict_envoy(&gateway.control_plane);
    gateway.envoy.ready().await.unwrap();
    gateway.envoy.listening(gateway.address).await.unwrap();
    gateway.write(&with_regex("second", BAD)).unwrap();
    is_logged(&gateway.control_plane, &["ERROR refused routes", "program size"]).await;
    is_served(&gateway, "first").await;
    gateway.envoy.process().kill();
    gateway.envoy = strict_envoy(&gateway.control_plane);
    gateway.envoy.ready().await.unwrap();
    gateway.envoy.listening(gateway.address).await.unwrap();
    is_served(&gateway, "first").await;
    assert_eq!(gateway.control_plane.log().matches("ERROR refused").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_that_starts_without_its_store_serves_what_it_served_last() {
    let postgres = Postgres::start().unwrap();
    let (store, kept) = (postgres.database().unwrap(), tempfile::tempdir().unwrap());
    let folder = kept.path().display().to_string();
    let secret = secret(&kept);
    let arguments = ["--store", &store, "--key-hash-secret", &secret, "--last-good", &folder];
    let mut gateway = Gateway::with_arguments(&revision("first"), &arguments).await.unwrap();
    is_served(&gateway, "first").await;
    eventually("it is written down", PATIENCE, async || {
        kept.path().join("resources").exists().then_some(())
    })
    .await
    .unwrap();

    gateway.control_plane.kill();
    drop(postgres);
    gateway.control_plane.run().await.unwrap();
    is_logged(&gateway.control_plane, &["what was served last is served"]).await;
    gateway.envoy.process().kill();
    gateway.envoy = Envoy::start(&Built::envoy().unwrap(), gateway.control_plane.xds()).unwrap();
    gateway.envoy.ready().await.unwrap();
    gateway.envoy.listening(gateway.address).await.unwrap();
    is_served(&gateway, "first").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_that_starts_with_a_broken_file_serves_what_it_served_last() {
    let kept = tempfile::tempdir().unwrap();
    let folder = kept.path().display().to_string();
    let mut gateway =
        Gateway::with_arguments(&revision("first"), &["--last-good", &folder]).await.unwrap();
    eventually("it is written down", PATIENCE, async || {
        kept.path().join("resources").exists().then_some(())
    })
    .await
    .unwrap();
    gateway.control_plane.kill();
    gateway.write("listeners: [").unwrap();
    gateway.control_plane.run().await.unwrap();
    is_logged(&gateway.control_plane, &["ERROR", "not YAML"]).await;
    is_served(&gateway, "first").await;
    gateway.write(&revision("second")).unwrap();
    is_served_soon(&gateway, "second").await;
    gateway.never_trapped().await.unwrap();
}

/// The script of `examples/fleet` says itself whether its caller noticed anything.
#[tokio::test(flavor = "multi_thread")]
async fn the_caller_of_the_example_notices_nothing() {
    let built = Built::find().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/fleet/fleet.py");
    let ports: Vec<String> = (0..13).map(|_| free_port().unwrap().to_string()).collect();
    let done = Command::new("python3")
        .arg(script)
        .env("TOLLGATE", &built.tollgate)
        .env("ENVOY", &built.envoy)
        .env("MODULE", &built.module)
        .env("PORTS", ports.join(" "))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    let noticed = said.lines().filter(|line| line.ends_with("the caller noticed nothing")).count();
    let error = String::from_utf8_lossy(&done.stderr);
    assert_eq!((done.status.code(), noticed), (Some(0), 6), "{said}{error}");
}

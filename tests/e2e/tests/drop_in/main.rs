//! The files of `envoy/drop-in/`, each run as it stands but for its ports, and
//! asked what its README promises, with our Envoy and the one before.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot start has failed, and its figures are for people"
)]

mod addresses;
mod archive;
mod jwks;
mod signatures;
mod upgrade;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use tollgate_support::{
    Authority, Built, Call, Envoy, Example, Protocol, TlsClient, Wanted, free_port,
};

const KEY: &str = "demo-key-of-acme";

const FOLDERS: [&str; 4] = ["auth", "gateway", "rate-limit", "transform"];

/// One that was started, and where it listens.
struct DropIn {
    envoy: Envoy,
    address: SocketAddr,
}

impl DropIn {
    /// Runs a configuration whose listener has the port `written`.
    async fn start(envoy: &Path, config: &str, written: u16) -> Self {
        let (port, admin) = (free_port().unwrap(), free_port().unwrap());
        let admin_lines = format!(
            "admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {admin} }} }} }}"
        );
        let config =
            config.replace(&format!("port_value: {written}"), &format!("port_value: {port}"));
        let config = format!("{config}\n{admin_lines}\n");
        let mut envoy = Envoy::with_bootstrap(envoy, &config, admin, 2).unwrap();
        envoy.ready().await.unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        envoy.listening(address).await.unwrap();
        Self { envoy, address }
    }

    async fn never_trapped(&self) {
        let reloads = self.envoy.stats("vm_reload").await.unwrap();
        assert!(reloads.values().all(|count| *count == 0), "a filter trapped: {reloads:?}");
    }
}

/// Does what the README of a folder says, before each Envoy. Its listeners have
/// the port 10000 in `envoy.yaml`, and 10001 in `per-route.yaml`.
async fn follow(folder: &str) {
    let built = Built::find().unwrap();
    for envoy in [built.envoy.clone(), Built::previous_envoy().unwrap()] {
        let mut example = Example::at(&format!("envoy/drop-in/{folder}"));
        let mut running = Vec::new();
        for (file, port) in [("envoy", 10_000), ("per-route", 10_001)] {
            let Some(config) = read(&format!("{folder}/{file}.yaml")) else { continue };
            let dropped_in = DropIn::start(&envoy, &config, port).await;
            example = example.port(port, dropped_in.address.port());
            running.push(dropped_in);
        }
        example.follow(&built).await.with_context(|| envoy.display().to_string()).unwrap();
        for dropped_in in running {
            dropped_in.never_trapped().await;
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A file, with the module it names where it is when tests run.
fn config(name: &str) -> String {
    read(name).unwrap()
}

fn read(name: &str) -> Option<String> {
    let text = fs::read_to_string(root().join("envoy/drop-in").join(name)).ok()?;
    let modules = root().join("target/filters/");
    Some(text.replace("target/filters/", modules.to_str()?))
}

/// What Envoy says to a configuration; nothing if it takes it.
fn refusal(config: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("envoy.yaml");
    fs::write(&path, config).unwrap();
    let mut envoy = Command::new(Built::envoy().unwrap());
    let done = envoy.args(["--mode", "validate", "-c"]).arg(path).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    (!done.status.success()).then_some(said)
}

#[tokio::test(flavor = "multi_thread")]
async fn auth_recognises_callers() {
    follow("auth").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limit_counts_for_both_workers_together() {
    follow("rate-limit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limit_counts_by_what_a_header_says() {
    let by_header = r#""by": [{ "header": "x-account" }], "cost": { "header": "x-batch" }"#;
    let config = config("rate-limit/envoy.yaml").replace(r#""by": ["ip"]"#, by_header);
    let alone = DropIn::start(&Built::envoy().unwrap(), &config, 10_000).await;
    let mut statuses = Vec::new();
    for (account, batch) in
        [("a", "2"), ("a", "2"), ("a", "1"), ("b", "3"), ("b", "1"), ("c", "-1")]
    {
        let call = Call::get("localhost", "/").header("x-account", account);
        let answer = call.header("x-batch", batch).send(alone.address).await.unwrap();
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [200, 429, 200, 200, 429, 400]);
    alone.never_trapped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transform_changes_what_goes_in_and_what_comes_out() {
    follow("transform").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_gateway_runs_without_a_control_plane() {
    follow("gateway").await;
}

/// By these headers an Envoy with a control plane finds its routes.
#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_takes_out_headers_of_shards_where_there_are_none() {
    let (seen, told) = ("x-api-key=%REQ(x-api-key)%", "%REQ(x-tollgate-shard-");
    let config = config("gateway/envoy.yaml");
    assert!(config.contains(seen));
    let config =
        config.replace(seen, &format!("host={told}host)% path={told}path)% own=%REQ(x-own)%"));
    let dropped_in = DropIn::start(&Built::envoy().unwrap(), &config, 10_000).await;
    for name in ["x-tollgate-shard-host", "x-tollgate-shard-path"] {
        let call = Call::get("localhost", "/healthz").header(name, "forged").header("x-own", "1");
        let answer = call.send(dropped_in.address).await.unwrap();
        let saw = answer.header("x-backend-saw").unwrap();
        assert!(saw.ends_with("host= path= own=1"), "{name}: {saw}");
    }
    dropped_in.never_trapped().await;
}

#[test]
fn what_is_pasted_is_what_runs() {
    for folder in FOLDERS {
        let pasted = config(&format!("{folder}/filter.yaml"));
        let pasted: Vec<_> = pasted.lines().map(|line| format!("          {line}")).collect();
        let whole = config(&format!("{folder}/envoy.yaml"));
        let whole: Vec<&str> = whole.lines().collect();
        let is_there = whole.windows(pasted.len()).any(|lines| lines == pasted);
        assert!(is_there, "{folder}/envoy.yaml does not contain filter.yaml");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn auth_recognises_callers_by_their_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let (servers, clients) =
        (Authority::new("servers").unwrap(), Authority::new("clients").unwrap());
    let server = servers.sign(&Wanted::server().unwrap()).unwrap();
    let acme = Wanted::client("spiffe://example/tenant/acme").unwrap();
    let (acme, revoked) = (clients.sign(&acme).unwrap(), clients.sign(&acme).unwrap());
    let other = clients.sign(&Wanted::client("spiffe://other/tenant/acme").unwrap()).unwrap();
    put("server.pem", &server.pem);
    put("server.key", &server.key_pem);
    put("clients.pem", clients.pem());
    put("clients.crl", &clients.crl(1, &[&revoked]).unwrap());
    let files = format!("{}/", folder.path().display());
    let config = config("mtls.yaml").replace("target/certificates/", &files);
    let dropped_in = DropIn::start(&Built::envoy().unwrap(), &config, 10_000).await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for (shows, expected) in [
            (None, Some(401)),
            (Some(&acme), Some(200)),
            (Some(&other), Some(401)),
            (Some(&revoked), None),
            (Some(&server), None),
        ] {
            let client = TlsClient::new(protocol, &servers, shows).unwrap();
            let lie = Call::get("localhost", "/")
                .header("x-forwarded-client-cert", "URI=spiffe://example/tenant/acme");
            let answer = lie.send_secure(&client, dropped_in.address).await;
            assert_eq!(answer.ok().map(|answer| answer.status), expected);
        }
    }
    dropped_in.never_trapped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filters_in_a_chain_know_the_caller_that_auth_recognised() {
    for envoy in [Built::envoy().unwrap(), Built::previous_envoy().unwrap()] {
        let chain = DropIn::start(&envoy, &config("chain.yaml"), 10_000).await;
        for (key, expected) in [("", 401), (KEY, 200), (KEY, 200), (KEY, 200), (KEY, 429)] {
            let call = Call::get("localhost", "/").header("x-api-key", key);
            let answer = call.send(chain.address).await.unwrap();
            assert_eq!(answer.status, expected, "{answer:?}");
        }
        chain.never_trapped().await;
    }
}

#[test]
fn envoy_refuses_a_module_that_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let half = folder.path().join("half.wasm");
    let module = root().join("target/filters/transform.wasm");
    let bytes = fs::read(&module).unwrap();
    fs::write(&half, bytes.split_at(1000).0).unwrap();
    let config = config("transform/envoy.yaml");
    assert_eq!(refusal(&config), None);
    let config = config.replace(module.to_str().unwrap(), half.to_str().unwrap());
    let said = refusal(&config).unwrap();
    assert!(said.contains("Unable to create Wasm plugin tollgate.transform"), "{said}");
}

#[test]
fn envoy_refuses_a_configuration_that_a_filter_refuses_and_logs_why() {
    for (name, from, to, expected) in [
        (
            "rate-limit",
            r#""requests": 3"#,
            r#""requests": 0"#,
            "rate-limit: limits[0].requests: 0 is not at least 1",
        ),
        (
            "gateway",
            r#""tiers""#,
            r#""teirs""#,
            "gateway: teirs: unknown field `teirs`, expected one of",
        ),
    ] {
        let config = config(&format!("{name}/envoy.yaml"));
        assert!(config.contains(from));
        let said = refusal(&config.replace(from, to)).unwrap();
        assert!(said.contains(&format!("wasm log tollgate.{name}: {expected}")), "{said}");
    }
}

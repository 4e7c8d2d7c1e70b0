//! The files of `envoy/drop-in/`, each run as it stands but for its ports, and
//! asked what its own first lines promise.

#![expect(clippy::unwrap_used, reason = "a test that cannot start has failed")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use tollgate_support::{Authority, Built, Call, Envoy, Protocol, TlsClient, Wanted, free_port};

const KEY: &str = "demo-key-of-acme";

/// One that was started, and where it listens.
struct DropIn {
    envoy: Envoy,
    address: SocketAddr,
}

impl DropIn {
    async fn start(name: &str) -> Self {
        Self::of(&config(name)).await
    }

    async fn of(config: &str) -> Self {
        let (port, admin) = (free_port().unwrap(), free_port().unwrap());
        let admin_lines = format!(
            "admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {admin} }} }} }}"
        );
        let config = config.replace("port_value: 10000", &format!("port_value: {port}"));
        let config = format!("{config}\n{admin_lines}\n");
        let envoy = Envoy::with_bootstrap(&Built::envoy().unwrap(), &config, admin, 2);
        let mut envoy = envoy.unwrap();
        envoy.ready().await.unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        envoy.listening(address).await.unwrap();
        Self { envoy, address }
    }

    /// Checks lines of `PATH KEY STATUS HEADER=VALUE …`; `-` is no key.
    async fn check(&self, lines: &[&str]) {
        for line in lines {
            let mut words = line.split(' ');
            let call = Call::get("localhost", words.next().unwrap()).header("x-debug", "1");
            let call = match words.next().unwrap() {
                "-" => call,
                key => call.header("x-api-key", key),
            };
            let answer = call.send(self.address).await.unwrap();
            assert_eq!(answer.status.to_string(), words.next().unwrap(), "{line}: {answer:?}");
            for word in words {
                let (name, value) = word.split_once('=').unwrap();
                let found = answer.headers.iter().find(|(found, _)| found == name);
                assert_eq!(found.map(|(_, value)| value.as_str()), Some(value), "{line}");
            }
        }
        let reloads = self.envoy.stats("vm_reload").await.unwrap();
        assert!(reloads.values().all(|count| *count == 0), "a filter trapped: {reloads:?}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A file, with the module it names where it is when tests run.
fn config(name: &str) -> String {
    let path = root().join("envoy/drop-in").join(name).with_extension("yaml");
    let modules = root().join("target/filters/");
    fs::read_to_string(path).unwrap().replace("target/filters/", modules.to_str().unwrap())
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
    DropIn::start("auth")
        .await
        .check(&[
            "/ - 401 content-type=application/problem+json",
            "/ wrong 401",
            &format!("/ {KEY} 200"),
        ])
        .await;
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
    let dropped_in = DropIn::of(&config("mtls").replace("target/certificates/", &files)).await;
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
    dropped_in.check(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limit_counts_for_both_workers_together() {
    DropIn::start("rate-limit")
        .await
        .check(&["/ - 200", "/ - 200", "/ - 200", "/ - 429 content-type=application/problem+json"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transform_changes_what_goes_in_and_what_comes_out() {
    let dropped_in = DropIn::start("transform").await;
    let answer = Call::get("localhost", "/").header("x-debug", "1").send(dropped_in.address).await;
    let headers = answer.unwrap().headers;
    let value = |name| headers.iter().find(|(found, _)| found == name).map(|(_, value)| &**value);
    assert_eq!(value("cache-control"), Some("no-store"));
    assert_eq!(value("x-backend-saw"), Some("x-gateway=tollgate x-debug="));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filters_in_a_chain_know_the_caller_that_auth_recognised() {
    let admitted = format!("/ {KEY} 200");
    DropIn::start("chain")
        .await
        .check(&["/ - 401", &admitted, &admitted, &admitted, &format!("/ {KEY} 429")])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_gateway_runs_without_a_control_plane() {
    let admitted = format!("/orders/7 {KEY} 200");
    DropIn::start("gateway")
        .await
        .check(&[
            "/orders/7 - 401",
            &admitted,
            &admitted,
            &admitted,
            &format!("/orders/7 {KEY} 429"),
            "/healthz - 200",
            "/nowhere - 404",
        ])
        .await;
}

#[test]
fn envoy_refuses_a_module_that_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let half = folder.path().join("half.wasm");
    let module = root().join("target/filters/transform.wasm");
    let bytes = fs::read(&module).unwrap();
    fs::write(&half, bytes.split_at(1000).0).unwrap();
    let config = config("transform");
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
        let config = config(name);
        assert!(config.contains(from));
        let said = refusal(&config.replace(from, to)).unwrap();
        assert!(said.contains(&format!("wasm log tollgate.{name}: {expected}")), "{said}");
    }
}

//! Examples, followed to the letter.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::net::TcpStream;
use tollgate_e2e::Gateway;
use tollgate_support::{
    Built, ControlPlane, Envoy, Example, Process, Upstream, eventually, free_port,
};

/// A folder of the repository's examples.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name).canonicalize().unwrap()
}

/// The configuration of an example, with whole paths for the files beside it.
fn config(name: &str, files: &[&str]) -> String {
    let config = Example::of(name).file("tollgate.yaml").unwrap();
    let config = config.replace("127.0.0.1:8080", "127.0.0.1:$PORT");
    files.iter().fold(config, |config, file| {
        let whole = format!("file: \"{}\"", folder(name).join(file).display());
        config.replace(&format!("file: {file}"), &whole)
    })
}

/// Does what a README says, before a gateway with this configuration.
async fn follow(example: Example, config: &str, commands: usize) {
    let config = config.replace("127.0.0.1:9000", "127.0.0.1:$BACKEND");
    let gateway = Gateway::start(&config).await.unwrap();
    let example = example
        .port(8080, gateway.address.port())
        .variable("GATEWAY", &gateway.address.to_string());
    assert_eq!(example.follow(&Built::find().unwrap()).await.unwrap(), commands);
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn hmac() {
    follow(Example::of("hmac"), &config("hmac", &["acme.secret"]), 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hmac_with_another_bound_for_bodies() {
    let config = config("hmac", &["acme.secret"])
        .replace("127.0.0.1:9000", "127.0.0.1:$BACKEND")
        .replace("identity:\n", "identity:\n  signed_body_bytes_max: 4096\n");
    let gateway = Gateway::start(&config).await.unwrap();
    for (bytes, expected) in [(4096, "HTTP/1.1 200 OK"), (4097, "HTTP/1.1 413 Payload Too Large")] {
        let mut call = Command::new(folder("hmac").join("call.sh"));
        call.args(["POST", "/orders", &"x".repeat(bytes)]);
        let output = call.env("GATEWAY", gateway.address.to_string()).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed.lines().next().map(str::trim_end), Some(expected), "{bytes}");
    }
    assert_eq!(gateway.upstream.count(), 1);
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sigv4() {
    follow(Example::of("sigv4"), &config("sigv4", &["acme.secret"]), 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_signature() {
    follow(Example::of("http-signature"), &config("http-signature", &["acme.pem"]), 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes() {
    follow(Example::of("scopes"), &config("scopes", &[]), 14).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt() {
    let files = tempfile::tempdir().unwrap();
    let keys = files.path().join("keys");
    for inner in ["orders", "keys"] {
        fs::create_dir(files.path().join(inner)).unwrap();
    }
    fs::write(files.path().join("orders/7"), r#"{"id": 7}"#).unwrap();
    fs::copy(folder("jwt").join("keys/jwks.json"), keys.join("jwks.json")).unwrap();
    let server = FileServer::start(files.path()).await;
    let config = config("jwt", &["keys/partner.json"])
        .replace("127.0.0.1:9000", &server.address.to_string());
    let example = Example::of("jwt").variable("KEYS", &keys.display().to_string());
    follow(example, &config, 14).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backend_token() {
    let [backend, key_set] = [free_port().unwrap(), free_port().unwrap()];
    let mut command = Command::new("python3");
    let served = format!("http://127.0.0.1:{key_set}/.well-known/jwks.json");
    command.arg(folder("backend-token").join("backend.py"));
    command.args([&backend.to_string(), &served]);
    let _backend = Process::start("backend.py", command, tempfile::tempdir().unwrap()).unwrap();
    listens(([127, 0, 0, 1], backend).into()).await;
    let config = config("backend-token", &["gateway.pem"])
        .replace("127.0.0.1:9000", &format!("127.0.0.1:{backend}"));
    let arguments = ["--jwks", &format!("127.0.0.1:{key_set}")];
    let gateway = Gateway::with_arguments(&config, &arguments).await.unwrap();
    let example = Example::of("backend-token")
        .port(8080, gateway.address.port())
        .port(9000, backend)
        .port(18003, key_set);
    assert_eq!(example.follow(&Built::find().unwrap()).await.unwrap(), 5);
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn mtls() {
    let (built, folder) = (Built::find().unwrap(), tempfile::tempdir().unwrap());
    let certificates = folder.path().display().to_string();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/mtls/certificates.sh");
    assert!(Command::new("sh").args([script, &certificates]).status().unwrap().success());

    let (upstream, port) = (Upstream::start().await.unwrap(), free_port().unwrap());
    let example = Example::of("mtls")
        .port(8443, port)
        .port(9000, upstream.port())
        .variable("CERTIFICATES", &certificates);
    let config = example.file("tollgate.yaml").unwrap();
    let config = config.replace("certificates/", &format!("{certificates}/"));
    let control_plane = ControlPlane::start(&built, &config).await.unwrap();
    let mut envoy = Envoy::start(&built.envoy, control_plane.xds()).unwrap();
    envoy.ready().await.unwrap();
    envoy.listening(([127, 0, 0, 1], port).into()).await.unwrap();
    assert_eq!(example.follow(&built).await.unwrap(), 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn noisy_neighbour() {
    let [backend, plain, admin] = [(); 3].map(|()| free_port().unwrap());
    let config =
        config("noisy-neighbour", &[]).replace("127.0.0.1:9000", &format!("127.0.0.1:{backend}"));
    let gateway = Gateway::start(&config).await.unwrap();
    let example = Example::of("noisy-neighbour")
        .port(8080, gateway.address.port())
        .port(8081, plain)
        .port(9000, backend);
    let built = Built::find().unwrap();
    let bootstrap = example.file("plain.yaml").unwrap();
    let bootstrap = ["8081", "9000", "19001"].into_iter().zip([plain, backend, admin]).fold(
        bootstrap,
        |text, (written, port)| {
            text.replace(&format!("port_value: {written} "), &format!("port_value: {port} "))
        },
    );
    let mut envoy = Envoy::with_bootstrap(&built.envoy, &bootstrap, admin, 2).unwrap();
    envoy.listening(([127, 0, 0, 1], plain).into()).await.unwrap();
    assert_eq!(example.follow(&built).await.unwrap(), 2);
    gateway.never_trapped().await.unwrap();
}

async fn listens(address: SocketAddr) {
    eventually("it listens", Duration::from_secs(30), async || {
        TcpStream::connect(address).await.ok()
    })
    .await
    .unwrap();
}

/// The server of Python that the examples have for a backend.
struct FileServer {
    address: SocketAddr,
    _process: Process,
}

impl FileServer {
    async fn start(files: &Path) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().unwrap()));
        let mut command = Command::new("python3");
        command.args(["-m", "http.server", "--bind", "127.0.0.1", &address.port().to_string()]);
        command.arg("--directory").arg(files);
        let folder = tempfile::tempdir().unwrap();
        let process = Process::start("the server of Python", command, folder).unwrap();
        listens(address).await;
        Self { address, _process: process }
    }
}

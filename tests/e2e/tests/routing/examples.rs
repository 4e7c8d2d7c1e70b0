use std::process::Command;

use tollgate_e2e::Gateway;
use tollgate_support::{Built, Example, Process, Upstream, eventually, free_port, reachable};

use super::PATIENCE;

/// Starts the example's gateway, whose first backend the gateway brings along.
async fn start(example: Example, upstream: Upstream) -> (Example, Gateway) {
    let example = example.port(9000, upstream.port());
    let config = example.file("tollgate.yaml").unwrap().replace(":8080", ":$PORT");
    let gateway = Gateway::with_upstream(upstream, &config).await.unwrap();
    (example.port(8080, gateway.address.port()), gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn canary() {
    let (old, new) = (Upstream::start().await.unwrap(), Upstream::start().await.unwrap());
    for path in ["/orders/7", "/invoices"] {
        old.serve(path, "{\"version\": 1}\n");
        new.serve(path, "{\"version\": 2}\n");
    }
    let example = Example::of("canary").port(9001, new.port());
    let (example, _gateway) = start(example, old).await;
    assert_eq!(example.follow(&Built::find().unwrap()).await.unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn retries() {
    let port = free_port().unwrap();
    let mut command = Command::new("python3");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/retries/flaky.py");
    command.args([script, &port.to_string(), &reachable().to_string()]);
    let _flaky = Process::start("flaky.py", command, tempfile::tempdir().unwrap()).unwrap();
    let address = ([127, 0, 0, 1], port);
    eventually("flaky.py listens", PATIENCE, async || {
        tokio::net::TcpStream::connect(std::net::SocketAddr::from(address)).await.ok()
    })
    .await
    .unwrap();
    // The gateway's own backend gets nothing to do.
    let example = Example::of("retries").port(9000, port);
    let (example, _gateway) = start(example, Upstream::start().await.unwrap()).await;
    assert_eq!(example.follow(&Built::find().unwrap()).await.unwrap(), 4);
}

//! The examples of signed requests, followed to the letter.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::path::Path;

use tollgate_e2e::Gateway;
use tollgate_support::{Built, Example};

/// Follows an example, whose configuration names this file beside it.
async fn follow(name: &str, file: &str, commands: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    let whole = folder.canonicalize().unwrap().join(file);
    let config = Example::of(name).file("tollgate.yaml").unwrap();
    let config = config
        .replace("127.0.0.1:8080", "127.0.0.1:$PORT")
        .replace("127.0.0.1:9000", "127.0.0.1:$BACKEND")
        .replace(&format!("file: {file}"), &format!("file: \"{}\"", whole.display()));
    let gateway = Gateway::start(&config).await.unwrap();
    let example = Example::of(name).port(8080, gateway.address.port());
    let example = example.variable("GATEWAY", &gateway.address.to_string());
    assert_eq!(example.follow(&Built::find().unwrap()).await.unwrap(), commands);
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn hmac() {
    follow("hmac", "acme.secret", 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigv4() {
    follow("sigv4", "acme.secret", 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_signature() {
    follow("http-signature", "acme.pem", 5).await;
}

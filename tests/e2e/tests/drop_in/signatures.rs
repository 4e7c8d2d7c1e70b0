//! Signed requests, as the first lines of the file sign them.

use std::process::Command;

use tollgate_support::{Built, Call};

use super::{DropIn, config, root};

/// The first line of what a script prints.
fn call(dropped_in: &DropIn, script: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(root().join("examples").join(script).join("call.sh"));
    command.args(["POST", "/"]).args(arguments);
    command.env("GATEWAY", format!("localhost:{}", dropped_in.address.port()));
    command.env("KEY_ID", "acme-hmac");
    let output = command.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.lines().next().unwrap_or_default().trim_end().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_requests_are_admitted_once_with_the_body_that_was_signed() {
    let config = config("signatures.yaml");
    let dropped_in = DropIn::start(&Built::envoy().unwrap(), &config, 10_000).await;
    let unsigned = Call::new("POST", "localhost", "/").send(dropped_in.address).await.unwrap();
    assert_eq!(unsigned.status, 401);
    let schemes = unsigned.values("www-authenticate");
    assert!(schemes.iter().any(|scheme| scheme.starts_with("HMAC-SHA256")), "{schemes:?}");
    for script in ["http-signature", "hmac"] {
        let body = r#"{"item": 7}"#;
        assert_eq!(call(&dropped_in, script, &[body]), "HTTP/1.1 200 OK", "{script}");
        let tampered = call(&dropped_in, script, &[body, r#"{"item": 8}"#]);
        assert_eq!(tampered, "HTTP/1.1 401 Unauthorized", "{script}");
        let long = "x".repeat(100_000);
        assert_eq!(call(&dropped_in, script, &[&long]), "HTTP/1.1 200 OK", "{script}");
    }
    dropped_in.never_trapped().await;
}

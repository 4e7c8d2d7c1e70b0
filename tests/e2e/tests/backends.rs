//! What becomes of a request whose backend does not answer.

use std::time::Duration;

use tollgate_e2e::{ACME, Gateway, HOST, config};
use tollgate_support::Call;

const SLOW: &str = "
      slow: { match: { path: /slow }, backend: echo, auth: none }
      known: { match: { path: /known }, backend: echo, auth: { any_of: [api_key] } }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_too_slow_is_not_waited_for() {
    let of_echo = |timeout: &str| {
        config(SLOW).replace(
            "\"127.0.0.1:$BACKEND\"]",
            &format!("\"127.0.0.1:$BACKEND\"], timeout: {timeout}"),
        )
    };
    let gateway = Gateway::start(&of_echo("1s")).await.unwrap();
    // It answers, in the end.
    gateway.upstream.delay(Duration::from_secs(20));
    for call in [Call::get(HOST, "/slow"), Call::get(HOST, "/known").header("x-api-key", ACME)] {
        let answer = gateway.send(&call).await.unwrap();
        assert_eq!(answer.status, 504, "{call:?}: {answer:?}");
        let problem = answer.json();
        let kind = problem.get("type").and_then(serde_json::Value::as_str);
        assert_eq!(kind, Some("urn:tollgate:problem:backend-timeout"), "{problem}");
    }
    gateway.upstream.delay(Duration::ZERO);
    assert_eq!(gateway.send(&Call::get(HOST, "/slow")).await.unwrap().status, 200);
    gateway.never_trapped().await.unwrap();
}

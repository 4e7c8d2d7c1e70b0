//! Keys of the store, while the control plane that keeps it is gone.

use std::time::Duration;

use tokio::time::Instant;
use tollgate_e2e::{Gateway, HOST, config};
use tollgate_support::Call;

use crate::{BOUND, CONNECTIONS, store, tollgate};

/// Where callers are refused once nobody can tell who is revoked.
const CAREFUL: &str = "payments.example.com";

/// Fifteen times as long as a key is believed in without being asked about again.
const GONE: Duration = Duration::from_mins(1);

const APIS: &str =
    "      get: { match: { path: /orders }, backend: echo, auth: { any_of: [api_key] } }
  payments:
    hosts: [payments.example.com]
    revocation: { when_stale: refuse }
    routes:
      get: { match: { path: /orders }, backend: echo, auth: { any_of: [api_key] } }
";

/// The statuses that a dozen connections see, each once.
async fn answers(gateway: &Gateway, host: &str, key: &str) -> Vec<u16> {
    let call = Call::get(host, "/orders").header("x-api-key", key);
    let mut answers = Vec::new();
    for _ in 0..CONNECTIONS {
        answers.push(gateway.send(&call).await.unwrap().status);
    }
    answers.sort_unstable();
    answers.dedup();
    answers
}

async fn until(gateway: &Gateway, host: &str, key: &str, expected: u16) {
    let began = Instant::now();
    loop {
        let answers = answers(gateway, host, key).await;
        if answers == [expected] {
            return;
        }
        assert!(began.elapsed() < BOUND * 4, "{host}: {answers:?} rather than {expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_store_works_on_without_a_control_plane_unless_that_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    tollgate(&store, &["tenants", "create", "globex"]);
    let create = |id: &str| {
        let key = tollgate(&store, &["keys", "create", "--tenant", "globex", "--id", id]);
        key.trim().to_owned()
    };
    let [known, revoked, stranger] = ["known", "revoked", "stranger"].map(create);
    let config = config(APIS).replace("identity:\n", "identity:\n  revocation: { max_age: 5s }\n");
    let mut gateway = Gateway::with_arguments(&config, &["--store", &store]).await.unwrap();
    for key in [&known, &revoked] {
        until(&gateway, HOST, key, 200).await;
        until(&gateway, CAREFUL, key, 200).await;
    }
    tollgate(&store, &["keys", "revoke", "revoked"]);
    until(&gateway, HOST, &revoked, 401).await;
    gateway.control_plane.kill();
    until(&gateway, CAREFUL, &known, 503).await;
    let gone = Instant::now();
    while gone.elapsed() < GONE {
        assert_eq!(answers(&gateway, HOST, &known).await, [200], "{:?}", gone.elapsed());
        assert_eq!(answers(&gateway, CAREFUL, &known).await, [503]);
        assert_eq!(answers(&gateway, HOST, &revoked).await, [401]);
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    // Whoever was never met stays out, and whoever is revoked meanwhile gets in no
    // more as soon as somebody says so.
    let before = gateway.upstream.count();
    assert_eq!(answers(&gateway, HOST, &stranger).await, [503]);
    assert_eq!(gateway.upstream.count(), before);
    tollgate(&store, &["keys", "revoke", "known"]);
    gateway.control_plane.run().await.unwrap();
    until(&gateway, HOST, &known, 401).await;
    until(&gateway, HOST, &stranger, 200).await;
    gateway.never_trapped().await.unwrap();
}

//! HTTP/3, beside the others.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tollgate_e2e::{ACME, Gateway, HOST};
use tollgate_support::{Authority, Call, Protocol, QuicClient, TlsClient, Wanted, eventually};

const PATIENCE: Duration = Duration::from_secs(30);

fn config(folder: &Path, shards: &str) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    let (certificate, key) = (file("server.pem"), file("server.key"));
    let tls = format!("tls: {{ certificate: {certificate}, key: {key}, http3: {{}} }}");
    let routes = "
      get:
        match: { path: /orders }
        backend: echo
        auth: { any_of: [api_key] }
        limits: [{ by: [tenant], requests: 4, per: hour }]
";
    let open = "  public: { address: \"127.0.0.1:$PORT\" }\n";
    let secured = format!("  public: {{ address: \"127.0.0.1:$PORT\", {tls} }}\n");
    let config = tollgate_e2e::config(routes);
    assert!(config.contains(open), "{config}");
    format!("routing: {{ shards: {shards} }}\n{}", config.replace(open, &secured))
}

/// A folder with what the listener shows, and who says so.
fn certified() -> (TempDir, Authority) {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("servers").unwrap());
    let shown = authority.sign(&Wanted::server().unwrap()).unwrap();
    fs::write(folder.path().join("server.pem"), &shown.pem).unwrap();
    fs::write(folder.path().join("server.key"), &shown.key_pem).unwrap();
    (folder, authority)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_callers_by_http3_hold_is_bounded() {
    let (folder, authority) = certified();
    let config = config(folder.path(), "never").replace("requests: 4,", "requests: 1000,");
    let tier = "basic: { limits:";
    assert!(config.contains(tier));
    let config = config.replace(tier, "basic: { connections: 1, limits:");
    let gateway = Gateway::start(&config).await.unwrap();
    let by_http3 = TlsClient::new(Protocol::Http2, &authority, None).unwrap();
    let by_http3 = QuicClient::new(&by_http3).unwrap();
    // Where connections count, the module is made ready twice.
    let open = async || by_http3.open_at_once(gateway.address, 150).await.ok();
    let open = eventually("it is served by UDP", PATIENCE, open).await.unwrap();
    assert_eq!(open, 100, "as by HTTP/2");

    let call = Call::get(HOST, "/orders").header("x-api-key", ACME);
    let (answer, first) = by_http3.send_and_stay(&call, gateway.address).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let refused = by_http3.send(&call, gateway.address).await.unwrap();
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.json()["type"], "urn:tollgate:problem:too-many-connections");
    drop(first);
    eventually("there is room again", PATIENCE, async || {
        let answer = by_http3.send(&call, gateway.address).await.ok()?;
        (answer.status == 200).then_some(())
    })
    .await
    .unwrap();
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_come_by_http3_too_and_are_told_of_it() {
    for shards in ["never", "always"] {
        let (folder, authority) = certified();
        let gateway = Gateway::start(&config(folder.path(), shards)).await.unwrap();
        let [by_http1, by_http2] = [Protocol::Http1, Protocol::Http2]
            .map(|protocol| TlsClient::new(protocol, &authority, None).unwrap());
        let by_http3 = QuicClient::new(&by_http2).unwrap();

        let anonymous = Call::get(HOST, "/orders");
        let call = anonymous.clone().header("x-api-key", ACME);
        let refused = by_http3.send(&anonymous, gateway.address).await.unwrap();
        assert_eq!((refused.status, refused.header("alt-svc")), (401, None), "{refused:?}");
        // Whoever comes again could have what was sent early sent by somebody else too.
        assert!(!by_http3.may_send_early(gateway.address).unwrap());
        let posted = Call::new("POST", HOST, "/orders").header("x-api-key", ACME).body("two");
        let forged = posted.header("x-tollgate-tenant", "globex");
        assert_eq!(by_http3.send(&forged, gateway.address).await.unwrap().status, 200);
        let seen = gateway.upstream.seen().pop().unwrap();
        assert_eq!((seen.values("x-tollgate-tenant"), seen.body_bytes), (vec!["acme"], 3));

        // By TCP as before, counted together.
        let told = format!("h3=\":{}\"; ma=86400", gateway.address.port());
        for client in [by_http1, by_http2] {
            for (call, status) in [(&call, 200), (&anonymous, 401)] {
                let answer = call.send_secure(&client, gateway.address).await.unwrap();
                assert_eq!((answer.status, answer.header("alt-svc")), (status, Some(&*told)));
            }
        }
        assert_eq!(by_http3.send(&call, gateway.address).await.unwrap().status, 200);
        assert_eq!(by_http3.send(&call, gateway.address).await.unwrap().status, 429);
        let spoken = gateway.envoy.access_log();
        assert!(spoken.iter().any(|line| line["protocol"] == "HTTP/3"), "{spoken:?}");
        gateway.never_trapped().await.unwrap();
    }
}

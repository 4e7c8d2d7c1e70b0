//! HTTP/3, beside the others.

use std::fs;
use std::path::Path;

use tollgate_e2e::{ACME, Gateway, HOST};
use tollgate_support::{Authority, Call, Protocol, QuicClient, TlsClient, Wanted};

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

#[tokio::test(flavor = "multi_thread")]
async fn callers_come_by_http3_too_and_are_told_of_it() {
    for shards in ["never", "always"] {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("servers").unwrap();
        let shown = authority.sign(&Wanted::server().unwrap()).unwrap();
        fs::write(folder.path().join("server.pem"), &shown.pem).unwrap();
        fs::write(folder.path().join("server.key"), &shown.key_pem).unwrap();
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

//! Providers and caches behind TLS.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tollgate_identity::{
    Cache as _, Entry, Name, Redis, RedisSpec, Secret, SourceSpec, SystemClock,
};
use tollgate_support::{RedisServer, eventually, free_port};

use crate::http::{HttpServer, honest};
use crate::world::{World, is_active, is_unavailable, source};

fn certificate() -> CertifiedKey<rcgen::KeyPair> {
    generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

/// Takes TLS off and passes on the rest.
async fn terminate(certificate: &CertifiedKey<rcgen::KeyPair>, to: String) -> u16 {
    let key = PrivateKeyDer::try_from(certificate.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, to) = (acceptor.clone(), to.clone());
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                copy_bidirectional(&mut stream, &mut TcpStream::connect(to).await?).await
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_believed_only_under_a_certificate_that_is_trusted() {
    let provider = HttpServer::start(honest).await;
    let address = provider.url().replace("http://", "").replace("/introspect", "");
    let (ours, theirs) = (certificate(), certificate());
    let port = terminate(&ours, address).await;
    let ask = async |host: &str, ca: Option<String>| {
        let url = format!("https://{host}:{port}/introspect");
        let spec = SourceSpec { ca: ca.map(String::into_bytes), ..source(&url) };
        World::new(spec).ask("good").await
    };
    assert!(is_active(&ask("localhost", Some(ours.cert.pem())).await));
    let both = theirs.cert.pem() + &ours.cert.pem();
    assert!(is_active(&ask("localhost", Some(both)).await));
    assert_eq!(provider.count(), 2);
    assert!(is_unavailable(&ask("127.0.0.1", Some(ours.cert.pem())).await), "another name");
    assert!(is_unavailable(&ask("localhost", Some(theirs.cert.pem())).await), "another issuer");
    assert!(is_unavailable(&ask("localhost", None).await), "no public issuer");
    assert_eq!(provider.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_is_used_only_under_a_certificate_that_is_trusted() {
    let (folder, ours) = (TempDir::new().unwrap(), certificate());
    let file = |name: &str, text: String| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).display().to_string()
    };
    let (cert, key) =
        (file("cert", ours.cert.pem()), file("key", ours.signing_key.serialize_pem()));
    let port = free_port().unwrap();
    let _server = RedisServer::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        &key,
        "--tls-auth-clients",
        "no",
    ])
    .await
    .unwrap();
    let redis = |ca: String| {
        let url = Secret::new(format!("rediss://localhost:{port}"));
        let (ca, secret) = (Some(ca.into_bytes()), Secret::new("s".repeat(32)));
        Redis::compile(RedisSpec { url, ca, secret }, Arc::new(SystemClock)).unwrap()
    };
    let entry = Entry { claims: "{}".into(), lifetime: std::time::Duration::from_secs(30) };
    let name = Name::of([b"a".as_slice()]);
    let trusting = redis(ours.cert.pem());
    eventually("an entry is kept", std::time::Duration::from_secs(20), async || {
        trusting.put(&name, entry.clone()).await;
        trusting.get(&name).await
    })
    .await
    .unwrap();
    let distrusting = redis(certificate().cert.pem());
    for _ in 0..50 {
        assert_eq!(distrusting.get(&name).await, None);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(!distrusting.is_connected());
}

//! Callers who are known by their certificates, through real handshakes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod renewal;

use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tollgate_e2e::{ACME, GLOBEX, Gateway, HOST};
use tollgate_support::{
    Answer, Authority, Call, Certificate, Connection, ExtendedKeyUsagePurpose, Protocol, SanType,
    Seen, TlsClient, Wanted, eventually,
};

const PROTOCOLS: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

/// What is promised of files that change (SECURITY C26).
const LIVE_WITHIN: Duration = Duration::from_secs(30);

/// A gateway with TLS, and those who sign for it and for its callers.
struct World {
    gateway: Gateway,
    folder: TempDir,
    servers: Authority,
    clients: Authority,
}

impl World {
    /// `mode` is what `client_certificates` says.
    async fn start(mode: &str) -> Self {
        Self::with(mode, |config| config).await
    }

    /// With something else in the configuration.
    async fn with(mode: &str, change: impl Fn(String) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (servers, clients) =
            (Authority::new("servers").unwrap(), Authority::new("clients").unwrap());
        put(folder.path(), "clients.pem", clients.pem());
        put(folder.path(), "clients.crl", &clients.crl(1, &[]).unwrap());
        put_server(folder.path(), &servers.sign(&Wanted::server().unwrap()).unwrap());
        let gateway = Gateway::start(&change(config(folder.path(), mode))).await.unwrap();
        Self { gateway, folder, servers, clients }
    }

    /// A certificate of a tenant.
    fn tenant(&self, tenant: &str) -> Certificate {
        self.clients.sign(&Wanted::client(&uri(tenant)).unwrap()).unwrap()
    }

    fn client(&self, protocol: Protocol, shows: Option<&Certificate>) -> TlsClient {
        TlsClient::new(protocol, &self.servers, shows).unwrap()
    }

    async fn send(&self, call: &Call, client: &TlsClient) -> anyhow::Result<Answer> {
        call.send_secure(client, self.gateway.address).await
    }

    /// Sends a request that must reach the backend, and tells how it looked there.
    async fn through(&self, call: &Call, client: &TlsClient) -> Seen {
        let before = self.gateway.upstream.count();
        let answer = self.send(call, client).await.unwrap();
        assert_eq!(answer.status, 200, "{call:?}: {answer:?}");
        assert_eq!(self.gateway.upstream.count(), before.saturating_add(1));
        self.gateway.upstream.seen().pop().unwrap()
    }

    /// Sends a request that must not reach the backend: its status, if it was
    /// answered at all.
    async fn refused(&self, path: &str, client: &TlsClient) -> Option<u16> {
        let before = self.gateway.upstream.count();
        let answer = self.send(&Call::get(HOST, path), client).await;
        assert_eq!(self.gateway.upstream.count(), before, "{answer:?}");
        answer.ok().map(|answer| answer.status)
    }

    /// The sum of the counters of the listener that end so.
    async fn count(&self, name: &str) -> u64 {
        let stats = self.gateway.envoy.stats(name).await.unwrap();
        stats.values().sum()
    }
}

fn put(folder: &Path, name: &str, text: &str) {
    let draft = folder.join(format!(".{name}.new"));
    fs::write(&draft, text).unwrap();
    fs::rename(draft, folder.join(name)).unwrap();
}

fn put_server(folder: &Path, certificate: &Certificate) {
    put(folder, "server.pem", &certificate.pem);
    put(folder, "server.key", &certificate.key_pem);
}

fn uri(tenant: &str) -> String {
    format!("spiffe://acme/tenant/{tenant}")
}

fn config(folder: &Path, mode: &str) -> String {
    let route = |name: &str, auth: &str| {
        format!("      {name}: {{ match: {{ path: /{name} }}, backend: echo, auth: {auth} }}\n")
    };
    let routes = [
        route("certified", "{ any_of: [mtls] }"),
        route("either", "{ any_of: [mtls, api_key] }"),
        route("optional", "{ optional: [mtls] }"),
        route("open", "none"),
    ]
    .concat();
    let file = |name: &str| folder.join(name).display().to_string();
    let mtls = format!(
        "identity:\n  mtls: {{ tenant: uri_san, pattern: \"{}\", scopes: [orders.read] }}\n",
        uri("{tenant}")
    );
    let tls = format!(
        "  public:\n    address: \"127.0.0.1:$PORT\"\n    tls:\n      certificate: {}\n      \
         key: {}\n      client_ca: {}\n      crl: {}\n      client_certificates: {mode}\n",
        file("server.pem"),
        file("server.key"),
        file("clients.pem"),
        file("clients.crl"),
    );
    tollgate_e2e::config(&routes)
        .replace("  public: { address: \"127.0.0.1:$PORT\" }\n", &tls)
        .replace("identity:\n", &mtls)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_its_tenant_to_the_backend() {
    let world = World::start("optional").await;
    let certificate = world.tenant("acme");
    for protocol in PROTOCOLS {
        let client = world.client(protocol, Some(&certificate));
        for path in ["/certified", "/either", "/optional"] {
            let forged = Call::get(HOST, path).header("x-tollgate-tenant", "globex");
            let seen = world.through(&forged, &client).await;
            assert_eq!(seen.values("x-tollgate-tenant"), ["acme"], "{path}");
            assert_eq!(seen.values("x-tollgate-subject"), [uri("acme")]);
            assert_eq!(seen.values("x-tollgate-tier"), ["basic"]);
            assert_eq!(seen.values("x-tollgate-scopes"), ["orders.read"]);
            assert_eq!(seen.values("x-forwarded-proto"), ["https"]);
        }
        let keyed = Call::get(HOST, "/either").header("x-api-key", ACME);
        let seen = world.through(&keyed, &client).await;
        assert_eq!(seen.values("x-tollgate-subject"), ["acme-1"], "the request's own comes first");
        let wrong = Call::get(HOST, "/either").header("x-api-key", "wrong");
        assert_eq!(world.send(&wrong, &client).await.unwrap().status, 401);
    }
    world.gateway.never_trapped().await.unwrap();
}

/// Whatever its requests show besides, and whoever they are counted for.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_that_of_the_certificate_it_began_with() {
    let limits = "basic: { limits: [{ requests: 1000000, per: second }] }";
    let capped = |config: String| config.replace(limits, "basic: { connections: 1 }");
    let world = World::with("optional", capped).await;
    let keyed = Call::get(HOST, "/either").header("x-api-key", GLOBEX);
    let certified = Call::get(HOST, "/certified");
    for protocol in PROTOCOLS {
        let plain = world.client(protocol, None);
        eventually("requests are served", LIVE_WITHIN, async || {
            world.send(&keyed, &plain).await.ok().filter(|answer| answer.status == 200)
        })
        .await
        .unwrap();
        let client = world.client(protocol, Some(&world.tenant("acme")));
        let mut one = Connection::secure(&client, world.gateway.address).await.unwrap();
        assert_eq!(one.send(&keyed).await.unwrap().status, 200);
        let refused = world.send(&certified, &client).await.unwrap();
        assert_eq!(refused.json()["type"], "urn:tollgate:problem:too-many-connections");
        assert_eq!(world.send(&keyed, &client).await.unwrap().status, 503, "of whom it is");
        assert_eq!(world.send(&keyed, &plain).await.unwrap().status, 200);
        assert_eq!(one.send(&certified).await.unwrap().status, 200);
        drop(one);
        eventually("there is room again", LIVE_WITHIN, async || {
            world.send(&certified, &client).await.ok().filter(|answer| answer.status == 200)
        })
        .await
        .unwrap();
    }
    world.gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_nobody_is_known() {
    let world = World::start("optional").await;
    for protocol in PROTOCOLS {
        let client = world.client(protocol, None);
        assert_eq!(world.refused("/certified", &client).await, Some(401));
        assert_eq!(world.refused("/either", &client).await, Some(401));
        let seen = world.through(&Call::get(HOST, "/optional"), &client).await;
        assert!(seen.values("x-tollgate-tenant").is_empty());
        let keyed = Call::get(HOST, "/either").header("x-api-key", ACME);
        assert_eq!(world.through(&keyed, &client).await.values("x-tollgate-tenant"), ["acme"]);
    }
    let answer = Call::get(HOST, "/certified");
    let answer = world.send(&answer, &world.client(Protocol::Http2, None)).await.unwrap();
    assert_eq!(answer.values("www-authenticate"), ["ClientCertificate"]);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_certificates_are_required_there_is_no_connection_without() {
    let world = World::start("required").await;
    let certificate = world.tenant("acme");
    for protocol in PROTOCOLS {
        assert_eq!(world.refused("/open", &world.client(protocol, None)).await, None);
        let client = world.client(protocol, Some(&certificate));
        world.through(&Call::get(HOST, "/open"), &client).await;
    }
}

/// Certificates that do not hold, with what is wrong with them.
fn worthless(world: &World) -> Vec<(&'static str, Certificate)> {
    let good = Wanted::client(&uri("acme")).unwrap();
    let sign = |wanted: &Wanted| world.clients.sign(wanted).unwrap();
    let other = Authority::new("clients").unwrap();
    vec![
        ("of another authority with the same name", other.sign(&good).unwrap()),
        ("of the authority of servers", world.servers.sign(&good).unwrap()),
        ("expired", sign(&Wanted { years: (2020, 2021), ..good.clone() })),
        ("not yet", sign(&Wanted { years: (2090, 2099), ..good.clone() })),
        ("of a server", sign(&Wanted { usage: ExtendedKeyUsagePurpose::ServerAuth, ..good })),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_does_not_hold_is_no_connection_wherever_none_would_do() {
    for mode in ["optional", "required"] {
        let world = World::start(mode).await;
        for (what, certificate) in worthless(&world) {
            for protocol in PROTOCOLS {
                let client = world.client(protocol, Some(&certificate));
                assert_eq!(world.refused("/open", &client).await, None, "{mode}: {what}");
            }
        }
        assert!(0 < world.count("ssl.fail_verify_error").await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_whole_name_counts() {
    let world = World::start("optional").await;
    let named = |uri: &str| Wanted::client(uri).unwrap();
    let unnamed = Wanted { names: Vec::new(), common_name: uri("acme"), ..named("x") };
    let host = SanType::DnsName("acme".try_into().unwrap());
    for (what, wanted) in [
        ("a zero byte at the end", named("spiffe://acme/tenant/acme\0")),
        ("a zero byte and more", named("spiffe://acme/tenant/acme\0.evil.example")),
        ("a zero byte before", named("\0spiffe://acme/tenant/acme")),
        ("another authority", named("spiffe://evil/spiffe://acme/tenant/acme")),
        ("a part more", named("spiffe://acme/tenant/acme/x")),
        ("only a common name", unnamed),
        ("only a host name", Wanted { names: vec![host], ..named("x") }),
        (
            "another name first",
            Wanted {
                names: [named("spiffe://other/x").names, named(&uri("acme")).names].concat(),
                ..named("x")
            },
        ),
    ] {
        let certificate = world.clients.sign(&wanted).unwrap();
        for protocol in PROTOCOLS {
            let client = world.client(protocol, Some(&certificate));
            for path in ["/certified", "/optional"] {
                let status = world.refused(path, &client).await;
                assert!([None, Some(401)].contains(&status), "{what}: {status:?}");
            }
        }
    }
    world.gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_header_says_of_a_certificate_reaches_nobody() {
    let world = World::start("optional").await;
    let certificate = world.tenant("acme");
    let lie = "By=x;Hash=ab;URI=spiffe://acme/tenant/globex;Subject=\"CN=globex\"";
    for shows in [None, Some(&certificate)] {
        for protocol in PROTOCOLS {
            let client = world.client(protocol, shows);
            for name in [
                "x-forwarded-client-cert",
                "X-Forwarded-Client-Cert",
                "x-forwarded.client.cert",
                "x.forwarded-client-cert",
                "x_forwarded_client_cert",
                "x-forwarded_client-cert",
            ] {
                // HTTP/2 has no capital letters (RFC 9113, section 8.2.1).
                let name = if protocol == Protocol::Http2 {
                    name.to_ascii_lowercase()
                } else {
                    name.to_owned()
                };
                let call = Call::get(HOST, "/optional").header(&name, lie).header(&name, lie);
                let before = world.gateway.upstream.count();
                // Envoy resets HTTP/2 streams with an underscore in a name.
                let status = world.send(&call, &client).await.map_or(0, |answer| answer.status);
                let seen = world.gateway.upstream.seen().split_off(before);
                assert_eq!(status == 200, !name.contains('_'), "{name}: {status}");
                assert_eq!(seen.len(), usize::from(status == 200), "{name}: {status}");
                for line in seen.iter().flat_map(|seen| &seen.headers) {
                    assert!(!line.1.contains("globex"), "{name}: {line:?}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_is_refused_within_seconds_and_no_session_brings_it_back() {
    let world = World::start("optional").await;
    let (revoked, other) = (world.tenant("acme"), world.tenant("acme"));
    let call = Call::get(HOST, "/certified");
    let clients = PROTOCOLS.map(|protocol| world.client(protocol, Some(&revoked)));
    // Often enough that the client has tickets, had it been given any.
    for client in clients.iter().chain(&clients) {
        world.through(&call, client).await;
    }
    put(world.folder.path(), "clients.crl", &world.clients.crl(2, &[&revoked]).unwrap());
    for client in &clients {
        eventually("the revoked certificate is refused", LIVE_WITHIN, async || {
            world.send(&call, client).await.is_err().then_some(())
        })
        .await
        .unwrap();
        for _ in 0..5 {
            assert_eq!(world.refused("/open", client).await, None);
        }
        world.through(&call, &world.client(client.protocol(), Some(&other))).await;
    }
    assert_eq!(world.count("ssl.session_reused").await, 0);
    assert!(0 < world.count("ssl.handshake").await);
}

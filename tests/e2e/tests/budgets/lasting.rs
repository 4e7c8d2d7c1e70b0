//! Streams of every kind end with what their callers may.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tollgate_e2e::{Gateway, HOST, config};
use tollgate_support::{Built, Conversation, GrpcUpstream, Key, eventually, now_seconds};

use crate::{shows, streams};

const ISSUER: &str = "https://id.example";

/// What is promised, from when a caller may no longer call.
const BOUND: Duration = Duration::from_secs(5);

/// Each stream says something ten times a second, or more often.
pub(crate) const OFTEN: Duration = Duration::from_millis(100);

/// How long the token lives that expires.
const LIVES: u64 = 9;

/// A server of events whose answer never ends, and says something every so often.
pub(crate) async fn events(every: Duration) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let mut goes_on = stream.read(&mut request).await.is_ok();
                let mut next: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                    transfer-encoding: chunked\r\n\r\n";
                while goes_on {
                    goes_on = stream.write_all(next).await.is_ok();
                    next = b"9\r\ndata: x\n\n\r\n";
                    tokio::time::sleep(every).await;
                }
            });
        }
    });
    port
}

fn tollgate(store: &str, arguments: &[&str]) {
    let mut command = Command::new(Built::find().unwrap().tollgate);
    let output = command.args(arguments).args(["--store", store]).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

struct World {
    gateway: Gateway,
    key: Key,
    store: String,
    _grpc: GrpcUpstream,
    _folder: tempfile::TempDir,
}

async fn world() -> World {
    let (folder, key) = (tempfile::tempdir().unwrap(), Key::new("ES256", "k1").unwrap());
    let (grpc, events) = (GrpcUpstream::start().unwrap(), events(OFTEN).await);
    let routes = "
      events: { match: { path: /events }, backend: events, stream: {}, auth: { any_of: [jwt.acme] } }
      echo: { match: { prefix: /test.Echo }, backend: grpc, stream: {}, auth: { any_of: [jwt.acme] } }
      socket: { match: { path: /socket }, backend: echo, websocket: {}, auth: { any_of: [jwt.acme] } }
";
    let issuer = format!(
        "identity:\n  revocation: {{ max_age: 5m }}\n  jwt:\n    acme:\n      issuer: {ISSUER}\n      \
         audiences: [api]\n      clock_skew: 0s\n      claims: {{ tenant: tenant }}\n      \
         jwks: {{ inline: {} }}\n",
        key.jwks()
    );
    let backends = format!(
        "backends:\n  events: {{ endpoints: [\"127.0.0.1:{events}\"] }}\n  grpc: {{ endpoints: \
         [\"127.0.0.1:{}\"], protocol: grpc }}\n",
        grpc.port()
    );
    let config = config(routes).replace("identity:\n", &issuer).replace("backends:\n", &backends);
    let store = folder_store(folder.path());
    tollgate(&store, &["tenants", "create", "globex"]);
    let built = Built::find().unwrap();
    let gateway = Gateway::of(&built, &config, &["--store", &store]).await.unwrap();
    World { gateway, key, store, _grpc: grpc, _folder: folder }
}

fn folder_store(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("tollgate.db").display())
}

/// One of each kind that stays open, until it ends.
struct Streams {
    events: JoinHandle<Instant>,
    conversation: JoinHandle<Instant>,
    socket: JoinHandle<Instant>,
}

impl World {
    fn token(&self, changes: &Value) -> String {
        let mut claims = json!({
            "iss": ISSUER, "aud": "api", "sub": "ann", "exp": now_seconds() + 600,
            "iat": now_seconds(), "tenant": "acme",
        });
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        format!("Bearer {}", self.key.sign(&claims).unwrap())
    }

    async fn open(&self, changes: &Value) -> Streams {
        let token = self.token(changes);
        let credential = format!("authorization: {token}");
        let events = streams::listen(&self.gateway, "/events", &credential).await;
        let headers = [("authorization", token.as_str())];
        let mut said = Conversation::open(self.gateway.address, HOST, &headers).await.unwrap();
        assert_eq!(said.say("one").await.unwrap().as_deref(), Some("one"));
        let (socket, status) = streams::open(&self.gateway, &credential).await;
        assert_eq!(status, 101);
        Streams {
            events: streams::ended(events),
            conversation: tokio::spawn(async move {
                while said.say("on").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Instant::now()
            }),
            socket: streams::talking(socket),
        }
    }
}

impl Streams {
    /// All end within the bound, and not before.
    async fn end_after(self, what: &str, moment: Instant) {
        let Self { events, conversation, socket } = self;
        let all = [("events", events), ("a conversation", conversation), ("a socket", socket)];
        for (kind, stream) in all {
            let ended = stream.await.unwrap();
            let early = moment.checked_duration_since(ended).unwrap_or_default();
            let late = ended.checked_duration_since(moment).unwrap_or_default();
            println!("{what}: {kind} ended {late:?} later");
            // A token's end is a whole second.
            assert!(early < Duration::from_secs(1), "{what}: {kind} ended {early:?} before");
            assert!(late <= BOUND, "{what}: {kind} ended {late:?} later");
        }
    }

    fn go_on(&self) -> bool {
        let Self { events, conversation, socket } = self;
        [events, conversation, socket].into_iter().all(|stream| !stream.is_finished())
    }

    fn abort(&self) {
        let Self { events, conversation, socket } = self;
        [events, conversation, socket].into_iter().for_each(JoinHandle::abort);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_every_kind_count_and_end_with_what_their_callers_may() {
    let world = world().await;
    eventually("the first exchange", Duration::from_secs(30), async || {
        let stats = world.gateway.envoy.stats("tollgate.sync").await.ok()?;
        let age = stats.iter().find(|(name, _)| name.ends_with("seconds_since_exchange"))?;
        (*age.1 < 60).then_some(())
    })
    .await
    .unwrap();
    let expiry = Instant::now() + Duration::from_secs(LIVES);
    let expires = world.open(&json!({"exp": now_seconds() + LIVES})).await;
    let revoked = world.open(&json!({"jti": "one"})).await;
    let denied = world.open(&json!({"tenant": "globex"})).await;
    let stays = world.open(&json!({"sub": "bob"})).await;
    shows(&world.gateway, "tollgate.budget.streams", 12).await;
    tollgate(&world.store, &["tokens", "revoke", "--issuer", ISSUER, "--jti", "one"]);
    let revocation = Instant::now();
    tollgate(&world.store, &["tenants", "suspend", "globex"]);
    let suspension = Instant::now();
    revoked.end_after("revoked", revocation).await;
    denied.end_after("denied", suspension).await;
    assert!(expires.go_on());
    expires.end_after("expired", expiry).await;
    assert!(stays.go_on());
    shows(&world.gateway, "tollgate.budget.streams", 3).await;
    stays.abort();
    shows(&world.gateway, "tollgate.budget.streams", 0).await;
    world.gateway.never_trapped().await.unwrap();
}

//! Keys of the store: they sign from when they are made until they are revoked.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tollgate_e2e::{Gateway, HOST};
use tollgate_support::{Answer, Built};

use crate::{PRIVATE, PUBLIC, Sent, problem};

/// What is promised, from the end of the command to the first refusal.
const BOUND: Duration = Duration::from_secs(5);

/// Longer than a key is believed in without being asked for again.
const BELIEVED: Duration = Duration::from_secs(40);

/// So many that each of the two workers gets some.
const REQUESTS: usize = 12;

const CONFIG: &str = r#"
listeners:
  public: { address: "127.0.0.1:$PORT" }
identity:
  hmac: {}
  sigv4: { region: eu-central-1, service: execute-api, presigned: true }
  http_signature: {}
backends:
  echo: { endpoints: ["127.0.0.1:$BACKEND"] }
apis:
  orders:
    hosts: [$HOST]
    routes:
      orders:
        match: { prefix: /orders }
        backend: echo
        auth: { any_of: [hmac, sigv4, http_signature] }
        allow: { scopes: [orders.write] }
"#;

/// A gateway whose file names no key.
struct Kept {
    gateway: Gateway,
    store: String,
    folder: tempfile::TempDir,
    signed: usize,
}

/// A key of the store, and how it signs.
struct Key {
    id: String,
    changes: Value,
    scheme: &'static str,
}

impl Kept {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = format!("sqlite:{}", folder.path().join("tollgate.db").display());
        tollgate(&store, &["tenants", "create", "acme"]);
        let config = CONFIG.replace("$HOST", HOST);
        let gateway = Gateway::with_arguments(&config, &["--store", &store]).await.unwrap();
        std::fs::write(folder.path().join("acme.pem"), PUBLIC).unwrap();
        Self { gateway, store, folder, signed: 0 }
    }

    fn tollgate(&self, arguments: &[&str]) -> String {
        tollgate(&self.store, arguments)
    }

    fn key(&self, kind: &str, scheme: &'static str, id: &str) -> Key {
        let public = self.folder.path().join("acme.pem");
        let create = ["signing-keys", "create", "--tenant", "acme", "--scopes", "orders.write"];
        let mut arguments = [&create[..], &["--kind", kind, "--id", id]].concat();
        let is_public = id == "public";
        let path = public.display().to_string();
        if is_public {
            arguments.extend(["--algorithm", "ed25519", "--public-key", &path]);
        }
        let secret = self.tollgate(&arguments).trim().to_owned();
        let secret = if is_public { PRIVATE.to_owned() } else { secret };
        Key { id: id.to_owned(), scheme, changes: json!({"key_id": id, "secret": secret}) }
    }

    /// One of each kind.
    fn keys(&self) -> [Key; 5] {
        [
            self.key("hmac", "hmac", "acme-1"),
            self.key("sigv4", "sigv4", "AKIDACME"),
            self.key("sigv4", "presigned", "AKIDOTHER"),
            self.key("http-signature", "http_signature", "public"),
            self.key("http-signature", "http_hmac", "shared"),
        ]
    }

    /// Requests that were never sent before.
    fn requests(&mut self, key: &Key, count: usize) -> Vec<Sent> {
        let body = if key.scheme == "presigned" { "" } else { "{\"item\": 7}" };
        let from = self.signed;
        self.signed = self.signed.saturating_add(count);
        let nonces: Vec<_> = (from..self.signed).map(|nonce| nonce.to_string()).collect();
        Sent::many(key.scheme, body, &key.changes, &nonces)
    }

    async fn send(&self, sent: &Sent) -> Answer {
        self.gateway.send(&sent.call()).await.unwrap()
    }

    /// How long it takes until none of a dozen requests is answered anything else.
    async fn until(&mut self, key: &Key, expected: &str, bound: Duration) -> Duration {
        let began = Instant::now();
        loop {
            let mut others = Vec::new();
            for sent in self.requests(key, REQUESTS) {
                let answer = self.send(&sent).await;
                let verdict =
                    if answer.status == 200 { "200".to_owned() } else { problem(&answer) };
                others.extend(Some(verdict).filter(|verdict| verdict != expected));
            }
            let took = began.elapsed();
            if others.is_empty() {
                return took;
            }
            assert!(took < bound, "{}: {others:?} after {took:?}", key.id);
        }
    }

    /// Whether nothing more of a key reaches the backend.
    async fn is_out(&mut self, key: &Key) {
        let before = self.gateway.upstream.count();
        for sent in self.requests(key, REQUESTS) {
            let answer = self.send(&sent).await;
            assert_ne!(answer.status, 200, "{}", key.id);
        }
        assert_eq!(self.gateway.upstream.count(), before, "{} reached the backend", key.id);
    }

    async fn questions(&self) -> u64 {
        let name = "cluster.tollgate-identity.upstream_rq_total";
        self.gateway.envoy.stats(name).await.unwrap()[name]
    }
}

/// What a command that went well has printed.
fn tollgate(store: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(Path::new(&Built::find().unwrap().tollgate));
    let output = command.args(arguments).args(["--store", store]).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_signs_as_soon_as_it_is_made_and_is_refused_within_seconds_of_its_end() {
    let mut kept = Kept::start().await;
    // Whoever asked before it was there is not kept out for long.
    let early = Sent::wanted("hmac", "{}", &json!({"nonce": "early", "key_id": "acme-1"}));
    assert_eq!(problem(&kept.send(&early).await), "401 invalid-signature");
    for key in kept.keys() {
        kept.until(&key, "200", BOUND * 2).await;
        for sent in kept.requests(&key, 2) {
            let seen = kept.gateway.through(&sent.call()).await.unwrap();
            let header = |name: &str| {
                let found = seen.headers.iter().find(|(found, _)| found == name);
                found.map(|(_, value)| value.as_str())
            };
            assert_eq!(header("x-tollgate-tenant"), Some("acme"), "{}", key.id);
            assert_eq!(header("x-tollgate-subject"), Some(&*key.id));
            assert_eq!(problem(&kept.send(&sent).await), "401 replayed-signature", "{}", key.id);
        }
        kept.tollgate(&["signing-keys", "revoke", &key.id]);
        let took = kept.until(&key, "401 revoked", BOUND).await;
        println!("{} ({}): refused after {} ms", key.id, key.scheme, took.as_millis());
        kept.is_out(&key).await;
        let secret = key.changes["secret"].as_str().unwrap();
        assert!(!kept.gateway.control_plane.log().contains(secret), "{}", key.id);
    }
    kept.gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_with_nobodys_key_and_who_signs_wrongly_are_told_the_same() {
    let mut kept = Kept::start().await;
    let good = kept.key("hmac", "hmac", "acme-1");
    kept.until(&good, "200", BOUND * 2).await;
    let secret = "another secret of the same length as ours.";
    let of = |id: &str| Key {
        id: id.to_owned(),
        scheme: "hmac",
        changes: json!({"key_id": id, "secret": secret}),
    };
    let before = (kept.gateway.upstream.count(), kept.questions().await);
    let mut answers = Vec::new();
    for key in [of("acme-1"), of("nobody")] {
        for sent in kept.requests(&key, REQUESTS) {
            let answer = kept.send(&sent).await;
            answers.push((problem(&answer), answer.json()["detail"].clone()));
        }
    }
    answers.dedup();
    let detail = Value::from("the signature does not hold");
    assert_eq!(answers, [("401 invalid-signature".to_owned(), detail)]);
    assert_eq!(kept.gateway.upstream.count(), before.0);
    // At most once for each worker, and for a memory of five seconds that ended.
    let asked = kept.questions().await - before.1;
    assert!((1..=4).contains(&asked), "{asked}");
    kept.gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_tenant_signs_nothing_until_it_is_back() {
    let mut kept = Kept::start().await;
    let key = kept.key("hmac", "hmac", "acme-1");
    kept.until(&key, "200", BOUND * 2).await;
    kept.tollgate(&["tenants", "suspend", "acme"]);
    kept.until(&key, "401 revoked", BOUND).await;
    kept.is_out(&key).await;
    kept.tollgate(&["tenants", "resume", "acme"]);
    kept.until(&key, "200", BOUND * 2).await;
    kept.gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_control_plane_nobody_passes_who_is_not_known() {
    let mut kept = Kept::start().await;
    let (known, stranger) =
        (kept.key("hmac", "hmac", "acme-1"), kept.key("sigv4", "sigv4", "AKIDACME"));
    kept.until(&known, "200", BOUND * 2).await;
    kept.gateway.control_plane.kill();
    let before = kept.gateway.upstream.count();
    for sent in kept.requests(&stranger, REQUESTS) {
        let answer = kept.send(&sent).await;
        assert_eq!(problem(&answer), "503 caller-unknown");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    }
    assert_eq!(kept.gateway.upstream.count(), before);
    // Longer than it would be believed in while somebody can be asked.
    let began = Instant::now();
    while began.elapsed() < BELIEVED {
        for sent in kept.requests(&known, REQUESTS) {
            assert_eq!(kept.send(&sent).await.status, 200, "after {:?}", began.elapsed());
        }
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
    kept.gateway.control_plane.run().await.unwrap();
    kept.until(&known, "200", BELIEVED).await;
    kept.until(&stranger, "200", BELIEVED).await;
    kept.gateway.never_trapped().await.unwrap();
}

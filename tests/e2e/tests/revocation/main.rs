//! Who is revoked is refused within seconds, by every worker.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod orphaned;
mod trapping;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tollgate_e2e::{ACME, GLOBEX, Gateway, HOST, config};
use tollgate_support::{Built, Call, Key, OidcProvider, TokenRequest, eventually, now_seconds};

const ISSUER: &str = "https://id.example";

/// What is promised, from the end of the command to the first refusal.
const BOUND: Duration = Duration::from_secs(5);

/// So many connections that each of the two workers gets some.
const CONNECTIONS: usize = 16;

struct World {
    gateway: Gateway,
    key: Key,
    folder: tempfile::TempDir,
}

async fn world(revocation: &str) -> World {
    asking(&Built::find().unwrap(), revocation, "", "").await
}

/// With one more way to be known, and what there is to say about it.
async fn asking(built: &Built, revocation: &str, method: &str, said: &str) -> World {
    let (folder, key) = (tempfile::tempdir().unwrap(), Key::new("ES256", "k1").unwrap());
    let routes = format!(
        "      get:\n        match: {{ path: /orders }}\n        backend: echo\n        \
         auth: {{ any_of: [jwt.acme, api_key{method}] }}\n"
    );
    let issuer = format!(
        "identity:\n  revocation: {revocation}\n  jwt:\n    acme:\n      issuer: {ISSUER}\n      \
         audiences: [api]\n      claims: {{ tenant: tenant }}\n      jwks: {{ inline: {} }}\n{said}",
        key.jwks()
    );
    let config = config(&routes).replace("identity:\n", &issuer);
    let store = store(folder.path());
    tollgate(&store, &["tenants", "create", "globex"]);
    let gateway = Gateway::of(built, &config, &["--store", &store]).await.unwrap();
    World { gateway, key, folder }
}

fn store(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("tollgate.db").display())
}

/// What a command that went well has printed.
fn tollgate(store: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(Built::find().unwrap().tollgate);
    let output = command.args(arguments).args(["--store", store]).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

impl World {
    fn tollgate(&self, arguments: &[&str]) -> String {
        tollgate(&store(self.folder.path()), arguments)
    }

    fn token(&self, changes: &Value) -> Call {
        let mut claims = json!({
            "iss": ISSUER, "aud": "api", "sub": "ann", "exp": now_seconds() + 600,
            "iat": now_seconds(),
        });
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        Call::get(HOST, "/orders").bearer(&self.key.sign(&claims).unwrap())
    }

    /// What every connection is answered.
    async fn answers(&self, call: &Call) -> Vec<u16> {
        let mut answers = Vec::new();
        for _ in 0..CONNECTIONS {
            answers.push(self.gateway.send(call).await.unwrap().status);
        }
        answers.sort_unstable();
        answers.dedup();
        answers
    }

    /// How long it takes until nobody is answered anything else.
    async fn until(&self, call: &Call, status: u16, what: &str, bound: Duration) -> Duration {
        let began = Instant::now();
        loop {
            let answers = self.answers(call).await;
            let took = began.elapsed();
            if answers == [status] {
                println!("{what}: {status} on every worker after {} ms", took.as_millis());
                return took;
            }
            assert!(took < bound, "{what}: {answers:?} after {took:?}");
        }
    }

    /// How many questions Envoy has asked the control plane about credentials.
    async fn questions(&self) -> u64 {
        let stats = self.gateway.envoy.stats("cluster.tollgate-identity.upstream_rq_total").await;
        stats.unwrap()["cluster.tollgate-identity.upstream_rq_total"]
    }

    async fn synced(&self) {
        eventually("the first exchange", Duration::from_secs(30), async || {
            let stats = self.gateway.envoy.stats("tollgate.sync").await.ok()?;
            let age = stats.iter().find(|(name, _)| name.ends_with("seconds_since_exchange"))?;
            (*age.1 < 60).then_some(())
        })
        .await
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_revoked_is_refused_by_every_worker_within_seconds() {
    let world = world("{ max_age: 5m }").await;
    world.synced().await;
    let tenant = |name: &str| world.token(&json!({"tenant": name, "sub": "bob"}));
    for (what, call, command) in [
        (
            "token",
            world.token(&json!({"jti": "one"})),
            &["tokens", "revoke", "--issuer", ISSUER, "--jti", "one"][..],
        ),
        (
            "subject",
            world.token(&json!({"sub": "carol"})),
            &["tokens", "revoke", "--issuer", ISSUER, "--subject", "carol"],
        ),
        ("tenant", tenant("initech"), &["tokens", "revoke", "--tenant", "initech"]),
        ("API key", with_key(ACME), &["tokens", "revoke", "--api-key", "acme-1"]),
        ("suspended tenant", tenant("globex"), &["tenants", "suspend", "globex"]),
    ] {
        world.until(&call, 200, &format!("{what}, before"), BOUND).await;
        world.tollgate(command);
        world.until(&call, 401, what, BOUND).await;
        let answer = world.gateway.send(&call).await.unwrap();
        assert_eq!(answer.json()["type"], "urn:tollgate:problem:revoked", "{what}");
    }
    // A file's key of that tenant too, and all of it again when the tenant is back.
    world.until(&with_key(GLOBEX), 401, "key of a suspended tenant", BOUND).await;
    world.tollgate(&["tenants", "resume", "globex"]);
    world.until(&tenant("globex"), 200, "tenant resumed", BOUND).await;
    world.until(&with_key(GLOBEX), 200, "key of a tenant resumed", BOUND).await;
    // The others never noticed, and tokens that are issued later are good.
    assert_eq!(world.answers(&world.token(&json!({"jti": "two"}))).await, [200]);
    let later = world.token(&json!({"sub": "carol", "iat": now_seconds() + 10}));
    assert_eq!(world.answers(&later).await, [200]);
    let stats = world.gateway.envoy.stats("tollgate.sync").await.unwrap();
    println!("{stats:?}");
    assert!(stats.keys().any(|name| name.ends_with("last_denial_seconds")), "{stats:?}");
    world.gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_configuration_lets_nobody_in_again() {
    let world = world("{ max_age: 5m }").await;
    world.synced().await;
    let call = world.token(&json!({"jti": "one"}));
    world.tollgate(&["tokens", "revoke", "--issuer", ISSUER, "--jti", "one"]);
    world.until(&call, 401, "token", BOUND).await;
    let config = std::fs::read_to_string(world.gateway.control_plane.config_path()).unwrap();
    for age in ["6m", "7m", "8m"] {
        world.gateway.control_plane.write(&config.replace("5m", age)).unwrap();
        let changed = Instant::now();
        while changed.elapsed() < Duration::from_secs(2) {
            assert_eq!(world.gateway.send(&call).await.unwrap().status, 401, "{age}");
        }
    }
    world.gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_control_plane_what_is_known_stays_and_is_caught_up_on() {
    let mut world = world("{ max_age: 5s }").await;
    world.synced().await;
    let (one, two) = (world.token(&json!({"jti": "one"})), world.token(&json!({"jti": "two"})));
    world.tollgate(&["tokens", "revoke", "--issuer", ISSUER, "--jti", "one"]);
    world.until(&one, 401, "token", BOUND).await;
    world.gateway.control_plane.kill();
    let killed = Instant::now();
    while killed.elapsed() < Duration::from_secs(8) {
        assert_eq!([world.answers(&one).await, world.answers(&two).await], [[401], [200]]);
    }
    world.tollgate(&["tokens", "revoke", "--issuer", ISSUER, "--jti", "two"]);
    world.gateway.control_plane.run().await.unwrap();
    world.until(&two, 401, "revoked meanwhile, after the control plane is back", BOUND * 2).await;
    world.gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_that_is_asked_for_nobody_is_served_by_what_is_old() {
    let mut world = world("{ max_age: 5s, when_stale: refuse }").await;
    let call = world.token(&json!({"jti": "one"}));
    world.until(&call, 200, "after the first exchange", BOUND).await;
    world.gateway.control_plane.kill();
    let took = world.until(&call, 503, "control plane gone, refuse after 5 s", BOUND * 2).await;
    assert!(Duration::from_secs(3) < took, "{took:?}");
    let answer = world.gateway.send(&call).await.unwrap();
    assert_eq!(answer.json()["type"], "urn:tollgate:problem:revocations-unknown");
    assert_eq!(answer.header("retry-after"), Some("5"));
    world.gateway.control_plane.run().await.unwrap();
    world.until(&call, 200, "control plane back", BOUND * 2).await;
    world.gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_api_chooses_what_becomes_of_its_callers_meanwhile() {
    const CAREFUL: &str = "payments.example.com";
    let api = |name: &str, host: &str, when_stale: &str| {
        format!(
            "  {name}:\n    hosts: [{host}]\n    revocation: {{ when_stale: {when_stale} }}\n    \
             routes:\n      get:\n        match: {{ path: /orders }}\n        backend: echo\n        \
             auth: {{ any_of: [api_key] }}\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    tollgate(&store, &["tenants", "create", "globex"]);
    let config = config(
        "      get: { match: { path: /orders }, backend: echo, auth: { any_of: [api_key] } }\n",
    )
    .replace("identity:\n", "identity:\n  revocation: { max_age: 5s }\n");
    let config = format!("{config}{}", api("payments", CAREFUL, "refuse"));
    let mut gateway = Gateway::with_arguments(&config, &["--store", &store]).await.unwrap();
    let status = async |gateway: &Gateway, host: &str| {
        let call = Call::get(host, "/orders").header("x-api-key", ACME);
        gateway.send(&call).await.unwrap().status
    };
    let both = async |gateway: &Gateway, expected: [u16; 2]| {
        eventually(&format!("{expected:?}"), BOUND * 4, async || {
            for _ in 0..CONNECTIONS {
                if [status(gateway, HOST).await, status(gateway, CAREFUL).await] != expected {
                    return None;
                }
            }
            Some(())
        })
        .await
        .unwrap();
    };
    both(&gateway, [200, 200]).await;
    gateway.control_plane.kill();
    both(&gateway, [200, 503]).await;
    gateway.control_plane.run().await.unwrap();
    both(&gateway, [200, 200]).await;
    // And the other way round.
    let strict = config
        .replace("max_age: 5s }", "max_age: 5s, when_stale: refuse }")
        .replace("when_stale: refuse }\n    routes", "when_stale: serve }\n    routes");
    gateway.write(&strict).unwrap();
    both(&gateway, [200, 200]).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    gateway.control_plane.kill();
    both(&gateway, [503, 200]).await;
    gateway.never_trapped().await.unwrap();
}

fn with_key(key: &str) -> Call {
    Call::get(HOST, "/orders").header("x-api-key", key)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_the_store_are_revoked_and_nobody_is_asked_about_made_up_ones() {
    let world = world("{ max_age: 5m }").await;
    world.synced().await;
    let key = world.tollgate(&["keys", "create", "--tenant", "globex", "--id", "g-1"]);
    let call = with_key(key.trim());
    world.until(&call, 200, "a new key of the store", BOUND).await;
    // Good keys, of another store.
    let other = format!("sqlite:{}", world.folder.path().join("other.db").display());
    tollgate(&other, &["tenants", "create", "globex"]);
    let made_up: Vec<_> = (0..20)
        .map(|_| tollgate(&other, &["keys", "create", "--tenant", "globex"]))
        .map(|key| with_key(key.trim()))
        .collect();
    eventually("every worker has the filter", BOUND, async || {
        let before = world.questions().await;
        assert_eq!(world.answers(&made_up[0]).await, [401]);
        (world.questions().await == before).then_some(())
    })
    .await
    .unwrap();
    let before = world.questions().await;
    for call in &made_up {
        assert_eq!(world.answers(call).await, [401]);
    }
    let asked = world.questions().await - before;
    println!("{} requests with made-up keys: {asked} questions", made_up.len() * CONNECTIONS);
    assert_eq!(asked, 0);
    world.until(&call, 200, "the key of the store, still", BOUND).await;
    world.tollgate(&["keys", "revoke", "g-1"]);
    world.until(&call, 401, "key of the store", BOUND).await;
    world.gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn opaque_tokens_are_revoked_here_while_their_provider_believes_in_them() {
    let provider = OidcProvider::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, OidcProvider::CLIENT_SECRET).unwrap();
    let said = format!(
        "  introspection:\n    idp:\n      url: {}\n      client_id: {}\n      \
         client_secret: {{ file: {} }}\n      ttl: 5m\n",
        provider.introspection_url(),
        OidcProvider::CLIENT_ID,
        secret.display()
    );
    let built = Built::find().unwrap();
    let world = asking(&built, "{ max_age: 5m }", ", introspection.idp", &said).await;
    world.synced().await;
    let token = async || {
        let token = provider.token(&TokenRequest::default()).await.unwrap();
        Call::get(HOST, "/orders").bearer(&token)
    };
    let call = token().await;
    world.until(&call, 200, "opaque token, before", BOUND).await;
    let asked = world.questions().await;
    let issuer = provider.issuer();
    world.tollgate(&["tokens", "revoke", "--issuer", &issuer, "--subject", "app"]);
    world.until(&call, 401, "subject of an opaque token", BOUND).await;
    let answer = world.gateway.send(&call).await.unwrap();
    assert_eq!(answer.json()["type"], "urn:tollgate:problem:revoked");
    assert_eq!(world.questions().await, asked, "the provider would have said that it is good");
    world.gateway.never_trapped().await.unwrap();
}

//! A provider that is gone, and one that hangs: whoever is known, or known without
//! it, is served as before, and nobody else passes.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tollgate_e2e::{ACME, Bystander, Gateway, HOST, address_of, config};
use tollgate_support::{Call, OidcProvider, TokenRequest, Upstream, eventually};

use crate::PATIENCE;

/// How long each fault is looked at.
const SPAN: Duration = Duration::from_secs(5);

/// How often each of those comes who are known.
const PAUSE: Duration = Duration::from_millis(10);

/// How many come at a time whom nobody knows yet: more than may be asked about.
const STRANGERS: usize = 150;

/// What is promised, from the provider's return to its first new caller.
const BACK_WITHIN: Duration = Duration::from_secs(5);

struct World {
    provider: OidcProvider,
    gateway: Gateway,
    /// By a token that was asked about, by one that is signed, and by a key.
    known: [Call; 3],
    /// What stands behind the route of all others.
    behind: Upstream,
    _folder: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let provider = OidcProvider::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, OidcProvider::CLIENT_SECRET).unwrap();
        let said = format!(
            "identity:\n  introspection:\n    idp:\n      url: {}\n      client_id: {}\n      \
             client_secret: {{ file: {} }}\n      ttl: 5m\n  jwt:\n    idp:\n      issuer: {}\n      \
             audiences: [api]\n      jwks: {{ url: \"{}\" }}\n",
            provider.introspection_url(),
            OidcProvider::CLIENT_ID,
            secret.display(),
            provider.issuer(),
            provider.jwks_url(),
        );
        let behind = Upstream::start().await.unwrap();
        let backends =
            format!("backends:\n  behind: {{ endpoints: [\"127.0.0.1:{}\"] }}\n", behind.port());
        let routes = "      known: { match: { path: /known }, backend: echo, auth: { any_of: \
                      [jwt.idp, introspection.idp, api_key] } }\n      new: { match: { path: /new \
                      }, backend: behind, auth: { any_of: [introspection.idp] } }\n";
        let config = config(routes).replace("identity:\n", &said);
        let config = config.replace("backends:\n", &backends);
        // So that callers may be at any address.
        let config = config.replace("$PORT\" }", "$PORT\", trusted_hops: 1 }");
        let gateway = Gateway::start(&config).await.unwrap();
        let token = async |is_jwt| {
            let wanted = TokenRequest { is_jwt, ..TokenRequest::default() };
            Call::get(HOST, "/known").bearer(&provider.token(&wanted).await.unwrap())
        };
        let key = Call::get(HOST, "/known").header("x-api-key", ACME);
        let known = [token(false).await, token(true).await, key];
        let this = Self { provider, gateway, known, behind, _folder: folder };
        this.are_known().await;
        this
    }

    /// Until every worker knows them.
    async fn are_known(&self) {
        for call in &self.known {
            eventually("they are known", PATIENCE, async || {
                let mut is_served = true;
                for _ in 0..20 {
                    is_served &= self.gateway.send(call).await.unwrap().status == 200;
                }
                is_served.then_some(())
            })
            .await
            .unwrap();
        }
    }

    /// What those get who are known, over two connections each.
    fn watch(&self, span: Duration) -> JoinSet<Bystander> {
        let mut watched = JoinSet::new();
        for call in self.known.iter().chain(&self.known) {
            let (address, call) = (self.gateway.address, call.clone());
            let seen = async move { Bystander::watch(address, &call, PAUSE, span).await.unwrap() };
            watched.spawn(seen);
        }
        watched
    }

    /// Strangers come all the time and are told so, and none passes; what those get who
    /// are known.
    async fn refuses(&self, what: &str, told: &[u16]) -> Bystander {
        let (begun, passed) = (Instant::now(), self.behind.count());
        let watched = self.watch(SPAN);
        let (mut strangers, mut slowest) = (0, Duration::ZERO);
        while begun.elapsed() < SPAN {
            let mut round = JoinSet::new();
            for _ in 0..STRANGERS {
                let call = new(&format!("{what}{strangers}"));
                let address = self.gateway.address;
                round.spawn(async move {
                    let sent = Instant::now();
                    (call.send(address).await.unwrap(), sent.elapsed())
                });
                strangers += 1;
            }
            for (answer, took) in round.join_all().await {
                assert!(told.contains(&answer.status), "{what}: {answer:?}");
                let is_told_when = answer.header("retry-after").is_some();
                assert_eq!(is_told_when, answer.status == 503, "{what}: {answer:?}");
                slowest = slowest.max(took);
            }
            sleep(Duration::from_millis(200)).await;
        }
        let known = Bystander::together(watched.join_all().await);
        println!("{what}: {strangers} strangers, told within {slowest:?}; those known: {known:?}");
        assert_eq!(known.not_served, 0, "{what}: {known:?}");
        assert_eq!(self.behind.count(), passed, "{what}: a stranger passed");
        known
    }

    async fn is_back(&self, what: &str) {
        let back = Instant::now();
        eventually("a new caller is served", PATIENCE, async || {
            let token = self.provider.token(&TokenRequest::default()).await.ok()?;
            (self.gateway.send(&new(&token)).await.unwrap().status == 200).then_some(())
        })
        .await
        .unwrap();
        println!("{what}: back after {:?}", back.elapsed());
        assert!(back.elapsed() < BACK_WITHIN, "{what}: after {:?}", back.elapsed());
    }
}

/// What somebody sends whom nobody has seen.
fn new(token: &str) -> Call {
    Call::get(HOST, "/new").bearer(token).header("x-forwarded-for", address_of(token))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_provider_whoever_is_known_is_served_as_before_and_nobody_else() {
    let mut world = World::start().await;
    let before = world.refuses("there", &[401, 503]).await;
    world.provider.kill();
    let gone = world.refuses("gone", &[503]).await;
    world.provider.run().await.unwrap();
    world.is_back("gone").await;
    world.provider.pause().unwrap();
    let hanging = world.refuses("hanging", &[503]).await;
    world.provider.resume().unwrap();
    world.is_back("hanging").await;
    let [gone, hanging] = [gone, hanging].map(|during| during.slower_than(&before));
    println!("the slowest in a hundred took {gone:.2} and {hanging:.2} times as long");
    world.gateway.never_trapped().await.unwrap();
}

//! A cache that two control planes share: it dies, stops, forgets, is full and
//! lies, while callers with opaque tokens come to both.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tollgate_e2e::{Gateway, HOST, address_of, config};
use tollgate_support::{
    Call, Connection, OidcProvider, Protocol, RedisServer, RedisValue, TokenRequest, eventually,
};

use crate::PATIENCE;

/// Callers who come to both control planes.
const TOKENS: usize = 8;

/// How often each of them comes.
const PAUSE: Duration = Duration::from_millis(40);

/// How long each fault is looked at: more than twice as long as an answer is believed.
const SPAN: Duration = Duration::from_secs(5);

const TTL: Duration = Duration::from_secs(2);

/// Entries that are left as they are.
const UNCHANGED: usize = 20;

/// One provider, one cache, and two gateways with a control plane each.
struct Region {
    provider: OidcProvider,
    redis: RedisServer,
    gateways: [Gateway; 2],
    _folder: tempfile::TempDir,
}

impl Region {
    async fn start(ttl: Duration) -> Self {
        let provider = OidcProvider::start().await.unwrap();
        let redis = RedisServer::start(&["--enable-debug-command", "yes"]).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let secret = |name: &str, value: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, value).unwrap();
            path.display().to_string()
        };
        let config = asking(&provider, &secret("client", OidcProvider::CLIENT_SECRET), ttl);
        let cache_secret = format!("file:{}", secret("cache", &"0123456789abcdef".repeat(2)));
        let (url, name) = (redis.url(), "--cache-secret");
        let arguments = ["--cache", &url, name, &cache_secret];
        let gateways = [
            Gateway::with_arguments(&config, &arguments).await.unwrap(),
            Gateway::with_arguments(&config, &arguments).await.unwrap(),
        ];
        let this = Self { provider, redis, gateways, _folder: folder };
        this.is_shared().await;
        this
    }

    async fn token(&self) -> Call {
        self.token_for("/orders").await
    }

    async fn token_for(&self, path: &str) -> Call {
        let token = self.provider.token(&TokenRequest::default()).await.unwrap();
        Call::get(HOST, path).bearer(&token).header("x-forwarded-for", address_of(&token))
    }

    async fn asked(&self) -> u64 {
        self.provider.introspections().await.unwrap()
    }

    /// Both control planes use the cache: what one has asked, the other need not.
    async fn is_shared(&self) {
        eventually("one call does for both", PATIENCE, async || {
            let (call, before) = (self.token().await, self.asked().await);
            for gateway in &self.gateways {
                assert_eq!(gateway.send(&call).await.unwrap().status, 200);
            }
            (self.asked().await == before + 1).then_some(())
        })
        .await
        .unwrap();
    }

    /// Callers come to both gateways, and `fault` happens again and again. Nobody
    /// notices, and the provider is asked no more than if there were no cache.
    async fn serves(&self, what: &str, mut fault: impl FnMut(&RedisServer)) {
        let (asked, begun) = (self.asked().await, Instant::now());
        let is_over = Arc::new(AtomicBool::new(false));
        let mut callers = JoinSet::new();
        for _ in 0..TOKENS {
            let call = self.token().await;
            for gateway in &self.gateways {
                callers.spawn(comes_back(gateway.address, call.clone(), Arc::clone(&is_over)));
            }
        }
        while begun.elapsed() < SPAN {
            fault(&self.redis);
            tokio::time::sleep(PAUSE).await;
        }
        is_over.store(true, Ordering::Relaxed);
        let mut latencies = callers.join_all().await.concat();
        latencies.sort_unstable();
        let asked = self.asked().await - asked;
        // An answer is believed for nine tenths of its time at least.
        let rounds = begun.elapsed().as_millis() / (TTL.as_millis() * 9 / 10) + 1;
        let alone = 2 * TOKENS as u128 * rounds;
        println!(
            "{what}: {} requests, half within {:?}, 99 % within {:?}; {asked} calls of {alone}",
            latencies.len(),
            latencies[latencies.len() / 2],
            latencies[latencies.len() * 99 / 100],
        );
        assert!(u128::from(asked) <= alone, "{what}: {asked} calls of {alone}");
        assert!(4 * TOKENS < latencies.len(), "{what}: hardly anybody came");
        for gateway in &self.gateways {
            gateway.never_trapped().await.unwrap();
        }
    }
}

/// One caller who is always served; how long each answer took.
async fn comes_back(
    address: std::net::SocketAddr,
    call: Call,
    is_over: Arc<AtomicBool>,
) -> Vec<Duration> {
    let mut connection = Connection::open(Protocol::Http1, address).await.unwrap();
    let mut latencies = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let sent = Instant::now();
        let answer = connection.send(&call).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        latencies.push(sent.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    latencies
}

fn asking(provider: &OidcProvider, secret: &str, ttl: Duration) -> String {
    let said = format!(
        "identity:\n  introspection:\n    idp:\n      url: {}\n      client_id: {}\n      \
         client_secret: {{ file: {secret} }}\n      ttl: {}s\n      timeout: 4s\n      \
         claims: {{ tenant: tenant }}\n",
        provider.introspection_url(),
        OidcProvider::CLIENT_ID,
        ttl.as_secs(),
    );
    let routes = "      get:\n        match: { path: /orders }\n        backend: echo\n        \
                  auth: { any_of: [introspection.idp] }\n      counted:\n        \
                  match: { path: /counted }\n        backend: echo\n        \
                  auth: { any_of: [introspection.idp] }\n        \
                  limits: [{ by: [tenant], requests: 20, per: month }]\n";
    let config = config(routes).replace("identity:\n", &said);
    // So that callers may be at any address.
    config.replace("$PORT\" }", "$PORT\", trusted_hops: 1 }")
}

/// Bytes that never are an entry, other kinds of values, and entries of others.
fn spoil(redis: &RedisServer) {
    for (number, key) in redis.keys().unwrap().iter().enumerate() {
        let words: &[&[u8]] = match number % 3 {
            0 => &[b"SET", key, b"\x01garbage", b"PX", b"60000"],
            1 => &[b"SETRANGE", key, b"40", b"garbage"],
            _ => &[b"RENAME", key, b"tollgate:identity:elsewhere"],
        };
        // It may have expired meanwhile, and then nothing has to be spoilt.
        redis.ask::<RedisValue>(words).ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_becomes_of_the_cache_every_caller_is_served() {
    let mut region = Region::start(TTL).await;
    region.serves("as it should be", |_| {}).await;
    region.redis.kill();
    region.serves("killed", |_| {}).await;
    region.redis.run().await.unwrap();
    region.serves("back", |_| {}).await;
    region.redis.pause().unwrap();
    region.serves("stopped", |_| {}).await;
    region.redis.resume().unwrap();
    region.is_shared().await;
    region.redis.ask::<()>(&[b"CLIENT", b"PAUSE", b"10000", b"ALL"]).unwrap();
    region.serves("CLIENT PAUSE", |_| {}).await;
    region.is_shared().await;
    region.redis.begin(&[b"DEBUG", b"SLEEP", b"10"]).unwrap();
    region.serves("DEBUG SLEEP", |_| {}).await;
    region.is_shared().await;
    region.serves("FLUSHALL", |redis| redis.ask::<()>(&[b"FLUSHALL"]).unwrap()).await;
    region.redis.ask::<()>(&[b"CONFIG", b"SET", b"maxmemory", b"1"]).unwrap();
    region.serves("out of memory", |_| {}).await;
    region.redis.ask::<()>(&[b"CONFIG", b"SET", b"maxmemory", b"0"]).unwrap();
    region.is_shared().await;
    region.serves("spoilt", spoil).await;
    region.is_shared().await;
}

/// Who somebody is stands in the cache; what it has used does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_is_flushed_or_lost_gives_nobody_another_quota() {
    let mut region = Region::start(TTL).await;
    let call = region.token_for("/counted").await;
    let (gateway, mut admitted) = (&region.gateways[0], 0);
    for round in 0..3 {
        for _ in 0..12 {
            let answer = gateway.send(&call).await.unwrap();
            assert!([200, 429].contains(&answer.status), "{answer:?}");
            admitted += usize::from(answer.status == 200);
        }
        match round {
            0 => region.redis.ask::<()>(&[b"FLUSHALL"]).unwrap(),
            _ => region.redis.kill(),
        }
        // Until nobody remembers the caller.
        tokio::time::sleep(TTL).await;
    }
    assert_eq!(admitted, 20);
}

/// Whoever can write into the cache can make it forget, and nothing else: not
/// one changed bit makes a caller somebody else, or nobody.
#[tokio::test(flavor = "multi_thread")]
async fn no_entry_with_a_changed_bit_is_believed() {
    let region = Region::start(Duration::from_mins(5)).await;
    let [first, second] = &region.gateways;
    region.redis.ask::<()>(&[b"FLUSHALL"]).unwrap();
    let mut calls = Vec::new();
    let mut bytes = 1;
    // As many entries as one has bytes: each is changed at another place.
    while calls.len() < bytes + UNCHANGED {
        let call = region.token().await;
        assert_eq!(first.send(&call).await.unwrap().status, 200);
        calls.push(call);
        let key = eventually("an entry", PATIENCE, async || region.redis.keys().unwrap().pop());
        bytes = region.redis.ask::<usize>(&[b"STRLEN", &key.await.unwrap()]).unwrap();
    }
    let keys = region.redis.keys().unwrap();
    // Some stay as they are, or nobody would know whether the cache is asked.
    let changed = bytes.min(keys.len() - UNCHANGED);
    assert!(bytes * 9 / 10 < keys.len(), "{} entries of {bytes} bytes", keys.len());
    for (at, key) in keys.iter().take(changed).enumerate() {
        let mut value = region.redis.ask::<Vec<u8>>(&[b"GET", key]).unwrap();
        let place = at % value.len();
        value[place] ^= 1 << (at % 8);
        region.redis.ask::<()>(&[b"SET", key, &value, b"PX", b"300000"]).unwrap();
    }
    let before = region.asked().await;
    for call in &calls {
        let seen = second.through(call).await.unwrap();
        assert_eq!(seen.values("x-tollgate-tenant"), ["acme"]);
    }
    let asked = region.asked().await - before;
    println!("{changed} of {} entries changed, each at another byte: {asked} calls", calls.len());
    assert!(changed as u64 <= asked, "a changed entry was believed");
    assert!(asked < calls.len() as u64, "the cache was not asked");
    second.never_trapped().await.unwrap();
    region.is_shared().await;
}

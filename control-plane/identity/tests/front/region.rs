//! A cache that replicas share: what others have found out, and what becomes
//! of a front when the cache fails, lies or is full.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tollgate_identity::{
    Cache, Clock, Entry, Front, InProcess, Name, Redis, RedisSpec, Secret, SourceSpec, SystemClock,
};
use tollgate_support::{RedisServer, eventually};

use crate::clock::TestClock;
use crate::http::{HttpServer, honest};
use crate::world::{SOURCE, compile, counts, is_active, shown, source};

const PATIENCE: Duration = Duration::from_secs(20);

fn redis_with(url: &str, secret: &str, clock: Arc<dyn Clock>) -> Arc<Redis> {
    let secret = Secret::new(format!("{secret}{}", "-".repeat(32)));
    let spec = RedisSpec { url: Secret::new(url), ca: None, secret };
    Arc::new(Redis::compile(spec, clock).unwrap())
}

fn redis(server: &RedisServer) -> Arc<Redis> {
    redis_with(&server.url(), "a", Arc::new(SystemClock))
}

fn run<T: redis::FromRedisValue>(server: &RedisServer, words: &[&[u8]]) -> T {
    server.ask(words).unwrap()
}

fn name(text: &str) -> Name {
    Name::of([text.as_bytes()])
}

fn entry(claims: &'static str, seconds: u64) -> Entry {
    Entry { claims: Bytes::from_static(claims.as_bytes()), lifetime: Duration::from_secs(seconds) }
}

/// Keeps an entry, and waits until it can be read: an operation may be late on
/// a busy machine, and is then lost.
async fn keep(cache: &dyn Cache, name: &Name, entry: &Entry) -> Entry {
    eventually("an entry is kept", PATIENCE, async || {
        cache.put(name, entry.clone()).await;
        cache.get(name).await
    })
    .await
    .unwrap()
}

/// Whether an entry is there, once the cache can be asked at all.
async fn is_there(cache: &dyn Cache, wanted: &Name) -> bool {
    let witness = name("witness");
    keep(cache, &witness, &entry("{}", 30)).await;
    for _ in 0..10 {
        if cache.get(wanted).await.is_some() {
            return true;
        }
    }
    false
}

/// What every cache does.
async fn check_contract(cache: &dyn Cache) {
    assert_eq!(cache.get(&name("a")).await, None);
    let kept = keep(cache, &name("a"), &entry(r#"{"active":true}"#, 30)).await;
    assert_eq!(kept.claims, r#"{"active":true}"#);
    assert!(Duration::ZERO < kept.lifetime && kept.lifetime <= Duration::from_secs(30));
    assert!(!is_there(cache, &name("b")).await);
    let newer = eventually("the newer entry replaces it", PATIENCE, async || {
        cache.put(&name("a"), entry("{}", 10)).await;
        cache.get(&name("a")).await.filter(|kept| kept.claims == "{}")
    })
    .await
    .unwrap();
    assert!(newer.lifetime <= Duration::from_secs(10));
    cache.put(&name("c"), entry("{}", 0)).await;
    assert!(!is_there(cache, &name("c")).await);
    let brief = Entry { lifetime: Duration::from_millis(200), ..entry("{}", 0) };
    keep(cache, &name("d"), &brief).await;
    eventually("an entry expires", PATIENCE, async || {
        (!is_there(cache, &name("d")).await).then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cache_does_the_same() {
    check_contract(&InProcess::new(1 << 20, Arc::new(SystemClock))).await;
    let server = RedisServer::start(&[]).await.unwrap();
    check_contract(redis(&server).as_ref()).await;
}

fn front(provider: &HttpServer, cache: Arc<dyn Cache>) -> Arc<Front> {
    compile(source(&provider.url()), Some(cache), Arc::new(SystemClock))
}

async fn ask(front: &Front, token: &str) -> bool {
    is_active(&front.introspect(SOURCE, token).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_knows_what_another_has_found_out() {
    let server = RedisServer::start(&[]).await.unwrap();
    let provider = HttpServer::start(honest).await;
    let first = front(&provider, redis(&server));
    eventually("an answer reaches the cache", PATIENCE, async || {
        let token = format!("good{}", provider.count());
        assert!(ask(&first, &token).await);
        (0 < run::<u64>(&server, &[b"DBSIZE"])).then_some(())
    })
    .await
    .unwrap();
    let token = format!("good{}", provider.count() - 1);
    let calls = provider.count();
    eventually("another front finds it", PATIENCE, async || {
        let second = front(&provider, redis(&server));
        // The first question only connects.
        ask(&second, "bad").await;
        ask(&second, &token).await;
        (counts(&second).shared == 1).then_some(())
    })
    .await
    .unwrap();
    assert!(calls < provider.count());
}

#[tokio::test]
async fn what_another_has_found_out_is_believed_no_longer_than_our_own_answers() {
    let provider = HttpServer::start(honest).await;
    let clock = Arc::new(TestClock::new());
    let region = Arc::new(InProcess::new(1 << 20, Arc::clone(&clock) as Arc<dyn Clock>));
    let front = |seconds: u64| {
        let ttl = Duration::from_secs(seconds);
        let spec = SourceSpec { ttl, ..source(&provider.url()) };
        compile(spec, Some(Arc::clone(&region) as Arc<dyn Cache>), Arc::clone(&clock) as _)
    };
    let told = async |front: &Front| {
        shown(&front.introspect(SOURCE, "good").await.unwrap(), clock.as_ref())
    };
    let first = front(300);
    let first = told(&first).await;
    assert!(first.starts_with("active 2") || first == "active 300", "{first}");
    let second = front(5);
    assert_eq!(told(&second).await, "active 5");
    assert_eq!((provider.count(), counts(&second).shared), (1, 1));
    // None at all is believed by one that always asks.
    let third = front(0);
    assert_eq!(told(&third).await, "active 0");
    assert_eq!((provider.count(), counts(&third).shared), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_tokens_nor_claims_can_be_read_in_the_cache() {
    let server = RedisServer::start(&[]).await.unwrap();
    let cache = redis(&server);
    keep(cache.as_ref(), &name("canary"), &entry(r#"{"sub":"canary"}"#, 30)).await;
    let keys: Vec<Vec<u8>> = run(&server, &[b"KEYS", b"*"]);
    let [key] = &keys[..] else { panic!("{keys:?}") };
    assert!(key.starts_with(b"tollgate:identity:"));
    let value: Vec<u8> = run(&server, &[b"GET", key]);
    for bytes in [key, &value] {
        assert!(!bytes.windows(6).any(|window| window == b"canary"));
    }
    let millis: i64 = run(&server, &[b"PTTL", key]);
    assert!(0 < millis && millis <= 30_000, "{millis}");
}

/// Whoever can write into the cache can make it forget, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn entries_that_were_changed_or_moved_are_not_there() {
    let server = RedisServer::start(&[]).await.unwrap();
    let cache = redis(&server);
    keep(cache.as_ref(), &name("a"), &entry(r#"{"active":true}"#, 600)).await;
    let keys: Vec<Vec<u8>> = run(&server, &[b"KEYS", b"*"]);
    let (key, value): (_, Vec<u8>) = (&keys[0], run(&server, &[b"GET", &keys[0]]));
    for at in 0..value.len() {
        let mut changed = value.clone();
        changed[at] ^= 1;
        let _: () = run(&server, &[b"SET", key, &changed, b"PX", b"600000"]);
        let before = cache.unreadable();
        eventually("the entry is looked at", PATIENCE, async || {
            assert_eq!(cache.get(&name("a")).await, None, "byte {at}");
            (before < cache.unreadable()).then_some(())
        })
        .await
        .unwrap();
    }
    let _: () = run(&server, &[b"SET", key, &value, b"PX", b"600000"]);
    assert!(is_there(cache.as_ref(), &name("a")).await);
    // Without an expiry it did not come from us.
    let _: () = run(&server, &[b"SET", key, &value]);
    assert!(!is_there(cache.as_ref(), &name("a")).await);
    // Under the key of another token.
    keep(cache.as_ref(), &name("b"), &entry("{}", 600)).await;
    let keys: Vec<Vec<u8>> = run(&server, &[b"KEYS", b"*"]);
    for key in &keys {
        let _: () = run(&server, &[b"SET", key, &value, b"PX", b"600000"]);
    }
    assert!(!is_there(cache.as_ref(), &name("b")).await);
    // Of another kind, or far too long.
    for key in &keys {
        let _: () = run(&server, &[b"DEL", key]);
        let _: () = run(&server, &[b"LPUSH", key, b"x"]);
        let _: () = run(&server, &[b"PEXPIRE", key, b"600000"]);
    }
    assert!(!is_there(cache.as_ref(), &name("a")).await);
    for key in &keys {
        let _: () = run(&server, &[b"DEL", key]);
        let _: () = run(&server, &[b"SETRANGE", key, b"50000000", b"x"]);
        let _: () = run(&server, &[b"PEXPIRE", key, b"600000"]);
    }
    assert!(!is_there(cache.as_ref(), &name("a")).await);
    assert!(cache.is_connected());
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_under_another_secret_are_not_there() {
    let server = RedisServer::start(&[]).await.unwrap();
    let clock = || Arc::new(SystemClock);
    let ours = redis_with(&server.url(), "a", clock());
    let theirs = redis_with(&server.url(), "b", clock());
    keep(theirs.as_ref(), &name("a"), &entry("{}", 600)).await;
    assert!(!is_there(ours.as_ref(), &name("a")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_lives_no_longer_than_either_clock_says() {
    let server = RedisServer::start(&[]).await.unwrap();
    let clock = Arc::new(TestClock::new());
    let cache = redis_with(&server.url(), "a", Arc::clone(&clock) as Arc<dyn Clock>);
    let kept = keep(cache.as_ref(), &name("a"), &entry("{}", 30)).await;
    assert!(kept.lifetime <= Duration::from_secs(30));
    // Our clock is late, theirs is not.
    clock.set(crate::clock::START - 1_000);
    let kept = eventually("it is read", PATIENCE, async || cache.get(&name("a")).await).await;
    assert!(kept.unwrap().lifetime <= Duration::from_secs(30));
    // Theirs says that it lives on, what was sealed says that it does not.
    clock.set(crate::clock::START + 30);
    for _ in 0..20 {
        assert_eq!(cache.get(&name("a")).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_becomes_of_the_cache_callers_notice_nothing() {
    let mut server = RedisServer::start(&[]).await.unwrap();
    let provider = HttpServer::start(honest).await;
    let cache = redis(&server);
    let front = front(&provider, Arc::clone(&cache) as Arc<dyn Cache>);
    let mut tokens = (0..).map(|token| format!("good{token}"));
    let mut ask_many = async || {
        for token in tokens.by_ref().take(50) {
            assert!(ask(&front, &token).await, "{token}");
        }
    };
    let connected = async |cache: &Redis| {
        eventually("the cache is found", PATIENCE, async || {
            cache.get(&name("a")).await;
            cache.is_connected().then_some(())
        })
        .await
        .unwrap();
    };
    connected(&cache).await;
    ask_many().await;
    let _: () = run(&server, &[b"FLUSHALL"]);
    ask_many().await;
    let _: () = run(&server, &[b"CONFIG", b"SET", b"maxmemory", b"1"]);
    ask_many().await;
    assert!(cache.is_connected());
    let _: () = run(&server, &[b"CONFIG", b"SET", b"maxmemory", b"0"]);
    server.pause().unwrap();
    ask_many().await;
    assert!(!cache.is_connected());
    server.resume().unwrap();
    connected(&cache).await;
    server.kill();
    ask_many().await;
    server.run().await.unwrap();
    connected(&cache).await;
    ask_many().await;
    keep(cache.as_ref(), &name("a"), &entry("{}", 30)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_is_stuck_is_not_waited_for() {
    let server = RedisServer::start(&[]).await.unwrap();
    let cache = redis(&server);
    keep(cache.as_ref(), &name("a"), &entry("{}", 600)).await;
    server.pause().unwrap();
    let begun = Instant::now();
    for _ in 0..2_000 {
        assert_eq!(cache.get(&name("a")).await, None);
    }
    // Five wait for 20 ms each, and then none: else it would be 40 s.
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    server.resume().unwrap();
    eventually("the entry is read again", PATIENCE, async || cache.get(&name("a")).await)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_wants_a_password_gets_it() {
    let server = RedisServer::start(&["--requirepass", "secret"]).await.unwrap();
    let clock = Arc::new(SystemClock);
    let open = redis_with(&server.url(), "a", Arc::clone(&clock) as Arc<dyn Clock>);
    for _ in 0..20 {
        assert_eq!(open.get(&name("a")).await, None);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!open.is_connected());
    let url = format!("redis://:secret@{}", server.address());
    keep(redis_with(&url, "a", clock).as_ref(), &name("a"), &entry("{}", 30)).await;
}

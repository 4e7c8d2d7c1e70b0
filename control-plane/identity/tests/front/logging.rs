//! What is logged: that a provider fails and that it is back, once each, and
//! never a token, a claim or a secret.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tollgate_identity::{
    Cache as _, Entry, Name, Redis, RedisSpec, Secret, SourceSpec, SystemClock,
};
use tollgate_support::{RedisServer, eventually};
use tracing_subscriber::filter::LevelFilter;

use crate::http::{HttpServer, Play, answer, honest, json};
use crate::world::{World, source};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything, of all crates, that is logged on this thread.
fn listen() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

fn lines(log: &Log, level: &str) -> Vec<String> {
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with(level));
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_failure_is_logged_once_and_so_is_its_end() {
    let (log, _guard) = listen();
    let provider =
        HttpServer::start(|_| Play::Say(answer("500 Oops", "text/plain", "canary"))).await;
    let spec = SourceSpec { client_secret: Secret::new("canary"), ..source(&provider.url()) };
    let world = World::new(spec);
    for token in 0..4 {
        world.ask(&format!("good-canary{token}")).await;
    }
    provider.play(honest);
    world.ask("good-canary").await;
    provider.play(|_| json(r#"{"active":"canary"}"#));
    world.ask("good-canary-2").await;
    assert_eq!(
        lines(&log, "WARN"),
        [
            "WARN tollgate_identity::report: the identity provider gives no answer: the answer is \
             500, not 200; tokens that are not remembered are answered 503 source=\"acme\"",
            "WARN tollgate_identity::report: the identity provider gives no answer: the answer is \
             none: `active` is not true or false; tokens that are not remembered are answered 503 \
             source=\"acme\"",
        ]
    );
    assert_eq!(
        lines(&log, "INFO"),
        ["INFO tollgate_identity::report: the identity provider answers again source=\"acme\""]
    );
    assert_eq!(lines(&log, "").iter().filter(|line| line.contains("canary")).count(), 0);
}

#[tokio::test]
async fn a_cache_that_is_not_there_is_logged_once_without_its_password() {
    let (log, _guard) = listen();
    let spec = RedisSpec {
        url: Secret::new("redis://user:canary@127.0.0.1:1"),
        ca: None,
        secret: Secret::new("canary".repeat(6)),
    };
    let redis = Redis::compile(spec, Arc::new(SystemClock)).unwrap();
    let name = Name::of([b"a".as_slice()]);
    for _ in 0..30 {
        assert_eq!(redis.get(&name).await, None);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let warnings = lines(&log, "WARN");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("the shared cache cannot be used: "), "{warnings:?}");
    assert!(warnings[0].ends_with("; this process remembers alone"), "{warnings:?}");
    assert_eq!(lines(&log, "").iter().filter(|line| line.contains("canary")).count(), 0);
}

#[tokio::test]
async fn entries_that_somebody_changed_are_logged_now_and_then() {
    let (log, _guard) = listen();
    let server = RedisServer::start(&[]).await.unwrap();
    let spec = RedisSpec {
        url: Secret::new(server.url()),
        ca: None,
        secret: Secret::new("canary".repeat(6)),
    };
    let redis = Redis::compile(spec, Arc::new(SystemClock)).unwrap();
    let name = Name::of([b"a".as_slice()]);
    let patience = Duration::from_secs(20);
    eventually("an entry is kept", patience, async || {
        let claims = Bytes::from_static(b"canary");
        redis.put(&name, Entry { claims, lifetime: patience * 10 }).await;
        redis.get(&name).await
    })
    .await
    .unwrap();
    let key = server.keys().unwrap().remove(0);
    server.ask::<()>(&[b"SETRANGE", &key, b"30", b"changed"]).unwrap();
    eventually("it is looked at five times", patience, async || {
        assert_eq!(redis.get(&name).await, None);
        (5 <= redis.unreadable()).then_some(())
    })
    .await
    .unwrap();
    let said = "WARN tollgate_identity::report: an entry of the shared cache does not open and \
                counts as none: somebody has changed it count=";
    assert_eq!(lines(&log, "WARN"), [1, 2, 4].map(|count| format!("{said}{count}")));
    assert_eq!(lines(&log, "").iter().filter(|line| line.contains("canary")).count(), 0);
}

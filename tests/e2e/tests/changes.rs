//! What happens to callers while the configuration changes.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and its figures are for people"
)]

use std::env;
use std::time::{Duration, Instant};

use serde_json::json;
use tollgate_e2e::{ACME, Gateway, HOST, config, revision};
use tollgate_support::{Call, Key, Load, Report, Upstream, eventually, now_seconds};

/// Not a promise, which is one second and printed: a bound on a busy machine.
const LIVE_WITHIN: Duration = Duration::from_secs(20);

/// What is promised of keys that an issuer adds or takes back.
const KEYS_WITHIN: Duration = Duration::from_secs(30);

const CONNECTIONS: usize = 8;

fn call() -> Call {
    Call::get(HOST, "/orders").header("x-api-key", ACME)
}

#[expect(clippy::disallowed_methods, reason = "it measures the real time of a real change")]
async fn becomes_live(gateway: &Gateway, name: &str) -> Duration {
    let start = Instant::now();
    gateway.write(&revision(name)).unwrap();
    eventually(&format!("{name} is live"), LIVE_WITHIN, async || {
        let answer = gateway.send(&call()).await.unwrap();
        (answer.header("x-revision") == Some(name)).then_some(())
    })
    .await
    .unwrap();
    start.elapsed()
}

/// No request was answered otherwise than it should have been.
fn flawless(report: &Report) {
    assert_eq!(report.errors, Vec::<String>::new());
    assert_eq!(report.statuses.keys().collect::<Vec<_>>(), [&200], "{report:?}");
}

/// How many changes there are, each 600 ms after the one before it: `CHANGES=500` is
/// 100 a minute for five minutes.
fn changes() -> usize {
    env::var("CHANGES").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

const CHANGE_EVERY: Duration = Duration::from_millis(600);

/// A hundred times a minute, over and over.
#[tokio::test(flavor = "multi_thread")]
async fn many_changes_fail_no_request_and_leave_nothing_in_memory() {
    let mut gateway = Gateway::start(&revision("r0")).await.unwrap();
    let load = Load::start(gateway.address, CONNECTIONS, &call());
    let (mut took, mut resident, mut ticks) =
        (Vec::new(), Vec::new(), tokio::time::interval(CHANGE_EVERY));
    for change in 0..changes() {
        ticks.tick().await;
        took.push(becomes_live(&gateway, &format!("change-{change}")).await);
        let control_plane = gateway.control_plane.process().unwrap().usage().unwrap();
        let envoy = gateway.envoy.usage().unwrap();
        resident.push([control_plane.resident_bytes, envoy.resident_bytes]);
    }
    let report = load.stop().await.unwrap();
    took.sort();
    let (median, last) = (took[took.len() / 2], took[took.len() - 1]);
    let (third, end) = (resident[resident.len() / 3], resident[resident.len() - 1]);
    println!("{} changes, live in {median:?}, the slowest in {last:?}", took.len());
    println!(
        "resident, control plane and Envoy: {third:?} bytes after a third, {end:?} at the end"
    );
    println!("meanwhile {} requests, the slowest {:?}", report.answers(), report.slowest());
    flawless(&report);
    for (third, end) in third.into_iter().zip(end) {
        assert!(end <= third + third / 5, "{resident:?}");
    }
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_live_soon_and_fails_no_request() {
    let gateway = Gateway::start(&revision("r0")).await.unwrap();
    let load = Load::start(gateway.address, CONNECTIONS, &call());
    load.and_more(200).await.unwrap();
    let mut took = Vec::new();
    for name in ["r1", "r2", "r3", "r4", "r5"] {
        took.push(becomes_live(&gateway, name).await);
    }
    load.and_more(200).await.unwrap();
    let report = load.stop().await.unwrap();
    println!("from the file to the first request that saw it: {took:?}");
    println!("meanwhile {} requests, the slowest {:?}", report.answers(), report.slowest());
    flawless(&report);
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_and_policies_come_and_go() {
    let routes = |rest: &str| {
        config(&format!(
            "
      one: {{ match: {{ path: /one }}, backend: echo, auth: none }}
{rest}"
        ))
    };
    let two = |auth: &str| {
        format!("      two: {{ match: {{ path: /two }}, backend: echo, auth: {auth} }}")
    };
    let gateway = Gateway::start(&routes("")).await.unwrap();
    for (rest, expected) in [
        (String::new(), 404),
        (two("none"), 200),
        (two("{ any_of: [api_key] }"), 401),
        (String::new(), 404),
    ] {
        gateway.write(&routes(&rest)).unwrap();
        let two = Call::get(HOST, "/two");
        eventually(&format!("/two is answered {expected}"), LIVE_WITHIN, async || {
            (gateway.send(&two).await.unwrap().status == expected).then_some(())
        })
        .await
        .unwrap();
        assert_eq!(gateway.send(&Call::get(HOST, "/one")).await.unwrap().status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_configuration_changes_nothing() {
    let gateway = Gateway::start(&revision("good")).await.unwrap();
    let load = Load::start(gateway.address, CONNECTIONS, &call());
    let bad = revision("bad");
    let reserved = bad.replace("response:", "request:").replace("x-revision", "x-tollgate-tenant");
    for (broken, words) in [
        ("listeners: [", "not YAML"),
        ("", "listeners"),
        (&*bad.replace("backend: echo", "backend: nowhere"), "nowhere"),
        (&*bad.replace("path: /orders", "regex: \"(\""), "not a regular expression"),
        (&*bad.replace("auth: {", "oauth: {"), "oauth"),
        (&*reserved, "x-tollgate-tenant"),
    ] {
        let before = refusals(&gateway);
        gateway.write(broken).unwrap();
        eventually(&format!("a refusal that names {words}"), LIVE_WITHIN, async || {
            let log = gateway.control_plane.log();
            (before < refusals(&gateway) && log.contains(words)).then_some(())
        })
        .await
        .unwrap();
        load.and_more(200).await.unwrap();
        let answer = gateway.send(&call()).await.unwrap();
        assert_eq!(answer.header("x-revision"), Some("good"), "{broken}");
    }
    becomes_live(&gateway, "better").await;
    flawless(&load.stop().await.unwrap());
    gateway.never_trapped().await.unwrap();
}

fn refusals(gateway: &Gateway) -> usize {
    gateway.control_plane.log().matches("is not published").count()
}

/// How long the control plane is gone; `TOLLGATE_GONE_SECONDS=600` for the whole of it.
fn gone_span() -> Duration {
    let seconds = env::var("TOLLGATE_GONE_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(3))
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_on_while_the_control_plane_is_gone() {
    let mut gateway = Gateway::start(&revision("before")).await.unwrap();
    let load = Load::start(gateway.address, CONNECTIONS, &call());
    load.and_more(200).await.unwrap();
    gateway.control_plane.kill();
    // As many requests as make no machine busy for long.
    gateway.upstream.delay(Duration::from_millis(50));
    tokio::time::sleep(gone_span()).await;
    load.and_more(200).await.unwrap();
    // What changed meanwhile is made up for.
    gateway.write(&revision("meanwhile")).unwrap();
    gateway.control_plane.run().await.unwrap();
    eventually("what changed meanwhile is live", Duration::from_mins(1), async || {
        let answer = gateway.send(&call()).await.unwrap();
        (answer.header("x-revision") == Some("meanwhile")).then_some(())
    })
    .await
    .unwrap();
    becomes_live(&gateway, "after").await;
    flawless(&load.stop().await.unwrap());
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_fetched_and_followed_when_they_change() {
    let [old, new] = ["old", "new"].map(|id| Key::new("ES256", id).unwrap());
    let upstream = Upstream::start().await.unwrap();
    upstream.serve("/jwks", old.jwks().to_string());
    let routes =
        "      one: { match: { path: /one }, backend: echo, auth: { any_of: [jwt.acme] } }";
    let issuer = "identity:
  jwt:
    acme:
      issuer: https://id.acme.example
      audiences: [api]
      jwks: { url: \"http://127.0.0.1:$BACKEND/jwks\" }
";
    let config = config(routes).replace("identity:\n", issuer);
    let gateway = Gateway::with_upstream(upstream, &config).await.unwrap();
    let calls = [&old, &new].map(|key| {
        let claims = json!({
            "iss": "https://id.acme.example", "aud": "api", "sub": "ada", "exp": now_seconds() + 600,
        });
        Call::get(HOST, "/one").bearer(&key.sign(&claims).unwrap())
    });
    answered(&gateway, &calls, [200, 401]).await;
    let both = json!({"keys": [old.jwk(), new.jwk()]});
    gateway.upstream.serve("/jwks", both.to_string());
    answered(&gateway, &calls, [200, 200]).await;
    // A key that is withdrawn counts no longer, not even for callers that are remembered.
    gateway.upstream.serve("/jwks", new.jwks().to_string());
    answered(&gateway, &calls, [401, 200]).await;
    // Whoever answers nonsense changes nothing.
    gateway.upstream.serve("/jwks", "<html>Sorry</html>");
    tokio::time::sleep(Duration::from_secs(20)).await;
    answered(&gateway, &calls, [401, 200]).await;
    gateway.never_trapped().await.unwrap();
}

async fn answered(gateway: &Gateway, calls: &[Call; 2], expected: [u16; 2]) {
    eventually(&format!("{expected:?}"), KEYS_WITHIN, async || {
        let mut statuses = [0; 2];
        for (call, status) in calls.iter().zip(&mut statuses) {
            *status = gateway.send(call).await.unwrap().status;
        }
        (statuses == expected).then_some(())
    })
    .await
    .unwrap();
}

/// How often Envoy gave up waiting for something that it had been told of.
async fn given_up(gateway: &Gateway) -> u64 {
    gateway.envoy.stats("init_fetch_timeout").await.unwrap().values().sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn backends_are_swapped_under_load_and_no_request_fails() {
    let with = |backend: &str, name: &str| revision(name).replace("echo", backend);
    let gateway = Gateway::start(&with("blue", "r0")).await.unwrap();
    let load = Load::start(gateway.address, CONNECTIONS, &call());
    load.and_more(200).await.unwrap();
    for (backend, name) in [("green", "r1"), ("blue", "r2"), ("red", "r3")] {
        gateway.write(&with(backend, name)).unwrap();
        eventually(&format!("{name} is live"), LIVE_WITHIN, async || {
            let answer = gateway.send(&call()).await.unwrap();
            (answer.header("x-revision") == Some(name)).then_some(())
        })
        .await
        .unwrap();
        eventually("only the new backend is left", LIVE_WITHIN, async || {
            let clusters = gateway.envoy.page("/clusters").await.unwrap();
            let has = |name: &str| clusters.contains(&format!("{name}::"));
            let left = ["blue", "green", "red"].into_iter().filter(|name| has(name));
            (left.collect::<Vec<_>>() == [backend]).then_some(())
        })
        .await
        .unwrap();
    }
    load.and_more(200).await.unwrap();
    flawless(&load.stop().await.unwrap());
    // A new cluster waits for its endpoints, and Envoy says nothing of it before.
    assert_eq!(given_up(&gateway).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_changed_meanwhile_is_live_after_a_reconnect() {
    let mut gateway = Gateway::start(&revision("r0")).await.unwrap();
    let load = Load::start(gateway.address, CONNECTIONS, &call());
    gateway.control_plane.kill();
    load.and_more(100).await.unwrap();
    // The cluster is another, and its endpoints are the same.
    let endpoints = "echo: { endpoints: [\"127.0.0.1:$BACKEND\"]";
    let changed = revision("r1").replace(endpoints, &format!("{endpoints}, connect_timeout: 7s"));
    gateway.write(&changed).unwrap();
    gateway.control_plane.run().await.unwrap();
    eventually("r1 is live", LIVE_WITHIN, async || {
        let answer = gateway.send(&call()).await.unwrap();
        (answer.header("x-revision") == Some("r1")).then_some(())
    })
    .await
    .unwrap();
    eventually("the new cluster is in use", LIVE_WITHIN, async || {
        let dump = gateway.envoy.config_dump().await.unwrap().to_string();
        dump.contains(r#""connect_timeout":"7s""#).then_some(())
    })
    .await
    .unwrap();
    load.and_more(100).await.unwrap();
    flawless(&load.stop().await.unwrap());
    assert_eq!(given_up(&gateway).await, 0);
}

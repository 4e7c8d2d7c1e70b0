use tollgate_e2e::{GLOBEX, HOST};
use tollgate_support::{Call, Upstream, eventually};

use super::{PATIENCE, get, start};

const ROUTES: &str = r"
      canary:
        match: { prefix: /canary }
        split: { echo: 75, next: 25 }
        auth: { any_of: [api_key] }
      tenants:
        match: { prefix: /tenants }
        split: { echo: 50, next: 50 }
        hash: [tenant]
        auth: { any_of: [api_key] }
      sessions:
        match: { prefix: /sessions }
        split: { echo: 50, next: 50 }
        hash: [{ header: x-session }, { cookie: session }]
        auth: { any_of: [api_key] }
      mirrored:
        match: { prefix: /mirrored }
        backend: echo
        mirror: { backend: next }
        auth: { any_of: [api_key] }
";

fn next(upstream: &Upstream) -> String {
    format!("  next: {{ endpoints: [\"{}\"] }}", upstream.address())
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_shared_by_weight() {
    let next = Upstream::start().await.unwrap();
    let gateway = start(&self::next(&next), ROUTES).await;
    assert_eq!(gateway.send(&Call::get(HOST, "/canary")).await.unwrap().status, 401);
    assert_eq!((gateway.upstream.count(), next.count()), (0, 0));
    for _ in 0..400 {
        assert_eq!(gateway.send(&get("/canary")).await.unwrap().status, 200);
    }
    let (most, few) = (gateway.upstream.count(), next.count());
    assert_eq!(most + few, 400);
    // A hundred are expected; that it is fifty off, happens once in a hundred million times.
    assert!((50..=150).contains(&few), "{few} of 400");
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_alike_goes_to_the_same_backend() {
    let next = Upstream::start().await.unwrap();
    let gateway = start(&self::next(&next), ROUTES).await;
    let session = |name: &str| get("/sessions").header("x-session", name);
    let cookie = |name: &str| get("/sessions").header("cookie", format!("session={name}"));
    let globex = Call::get(HOST, "/tenants").header("x-api-key", GLOBEX);
    let mut calls = vec![get("/tenants"), globex];
    calls.extend((0..32).map(|number| session(&number.to_string())));
    calls.extend((0..32).map(|number| cookie(&number.to_string())));
    let mut chosen = Vec::new();
    for call in &calls {
        let before = next.count();
        for _ in 0..5 {
            assert_eq!(gateway.send(call).await.unwrap().status, 200);
        }
        let went = next.count() - before;
        assert!([0, 5].contains(&went), "{call:?}: {went} of 5");
        chosen.push(went);
    }
    // Nobody says which, only that not all go one way.
    assert!(chosen.contains(&0) && chosen.contains(&5), "{chosen:?}");
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_say_whose_they_are_and_bear_no_credential() {
    let next = Upstream::start().await.unwrap();
    let gateway = start(&self::next(&next), ROUTES).await;
    for _ in 0..10 {
        gateway.through(&get("/mirrored/7?a=b")).await.unwrap();
    }
    eventually("ten copies arrive", PATIENCE, async || (next.count() == 10).then_some(()))
        .await
        .unwrap();
    for copy in next.seen() {
        assert_eq!(copy.path, "/mirrored/7?a=b");
        assert_eq!(copy.values("host"), [HOST], "{copy:?}");
        assert_eq!(copy.values("x-tollgate-tenant"), ["acme"], "{copy:?}");
        assert_eq!(copy.values("x-api-key"), [""; 0], "{copy:?}");
    }
    assert_eq!(gateway.send(&Call::get(HOST, "/mirrored")).await.unwrap().status, 401);
    gateway.never_trapped().await.unwrap();
    assert_eq!((gateway.upstream.count(), next.count()), (10, 10));
}

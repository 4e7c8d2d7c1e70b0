use tollgate_support::Upstream;

use super::{get, reaches, start};

const ROUTES: &str = r"
      strict:
        match: { path: /strict }
        backend: strict
        auth: { any_of: [api_key] }
      logical:
        match: { path: /logical }
        backend: logical
        auth: { any_of: [api_key] }
";

#[tokio::test(flavor = "multi_thread")]
async fn backends_are_found_by_name() {
    let backends = r#"
  strict: { endpoints: ["localhost:$BACKEND"], dns: strict }
  logical: { endpoints: ["localhost:$BACKEND"], dns: logical }
"#;
    let gateway = start(backends, ROUTES).await;
    for path in ["/strict", "/logical"] {
        gateway.through(&get(path)).await.unwrap();
    }
    gateway.never_trapped().await.unwrap();
}

/// In the words of the shipped bootstrap, Envoy stands in `zone-1`.
#[tokio::test(flavor = "multi_thread")]
async fn endpoints_of_the_own_zone_are_preferred() {
    let elsewhere = Upstream::start().await.unwrap();
    let zoned = |own: &str, other: &str| {
        format!(
            "    endpoints:\n    - {{ address: \"127.0.0.1:$BACKEND\", zone: {own} }}\n    \
             - {{ address: \"{}\", zone: {other} }}\n",
            elsewhere.address()
        )
    };
    let backends = format!(
        "  strict:\n{}  logical:\n{}",
        zoned("zone-1", "zone-2"),
        zoned("zone-2", "zone-3")
    );
    let gateway = start(&backends, ROUTES).await;
    for _ in 0..40 {
        assert_eq!(gateway.send(&get("/strict")).await.unwrap().status, 200);
    }
    assert_eq!((gateway.upstream.count(), elsewhere.count()), (40, 0));
    // Nobody is near: all of them count alike.
    for _ in 0..80 {
        assert_eq!(gateway.send(&get("/logical")).await.unwrap().status, 200);
    }
    assert!(0 < elsewhere.count() && elsewhere.count() < 80, "{}", elsewhere.count());
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_keeps_failing_gets_no_more_requests() {
    let broken = Upstream::start().await.unwrap();
    broken.fail(500, usize::MAX);
    let backends = format!(
        "  pair:\n    endpoints: [\"127.0.0.1:$BACKEND\", \"{}\"]\n    balancing: round_robin\n    \
         outlier_detection: {{ consecutive_errors: 3, ejection_time: 1h }}",
        broken.address()
    );
    let routes = ROUTES.replace("backend: strict", "backend: pair");
    let routes = routes.replace("backend: logical", "backend: echo");
    let gateway = start(&backends, &routes).await;
    while broken.count() < 3 {
        gateway.send(&get("/strict")).await.unwrap();
    }
    reaches(&gateway, "cluster.pair.outlier_detection.ejections_active", 1).await;
    let before = broken.count();
    for _ in 0..20 {
        let answer = gateway.send(&get("/strict")).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(broken.count(), before);
}

use std::time::Duration;

use super::{at_once, get, reaches, start};

const BACKENDS: &str = r#"
  thrifty:
    endpoints: ["127.0.0.1:$BACKEND"]
    retry_budget: { percent: 0, min: 1 }
  narrow: { endpoints: ["127.0.0.1:$BACKEND"], in_flight: 2 }
"#;

const ROUTES: &str = r"
      patient:
        match: { path: /patient, methods: [GET] }
        backend: echo
        retries: { on: [gateway_error], attempts: 2 }
        auth: { any_of: [api_key] }
      once:
        match: { path: /once }
        backend: echo
        auth: { any_of: [api_key] }
      hasty:
        match: { path: /hasty, methods: [GET] }
        backend: echo
        retries: { on: [reset], per_try_timeout: 200ms }
        auth: { any_of: [api_key] }
      thrifty:
        match: { path: /thrifty, methods: [GET] }
        backend: thrifty
        retries: { on: [5xx], attempts: 3 }
        auth: { any_of: [api_key] }
      narrow:
        match: { path: /narrow }
        backend: narrow
        auth: { any_of: [api_key] }
";

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_tried_again_as_often_as_is_written() {
    let gateway = start(BACKENDS, ROUTES).await;
    let upstream = &gateway.upstream;
    for (path, failures, status, attempts) in [
        ("/patient", 0, 200, 1),
        ("/patient", 2, 200, 3),
        ("/patient", 3, 503, 3),
        ("/once", 1, 503, 1),
    ] {
        let before = upstream.count();
        upstream.fail(503, failures);
        let answer = gateway.send(&get(path)).await.unwrap();
        assert_eq!(answer.status, status, "{path}, {failures} failures: {answer:?}");
        assert_eq!(upstream.count() - before, attempts, "{path}, {failures} failures");
    }
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_takes_too_long_is_given_up_for_another() {
    let gateway = start(BACKENDS, ROUTES).await;
    gateway.upstream.delay(Duration::from_secs(5));
    let answer = gateway.send(&get("/hasty")).await.unwrap();
    assert_eq!(answer.status, 504, "{answer:?}");
    assert_eq!(answer.json()["type"], "urn:tollgate:problem:backend-timeout");
    reaches(&gateway, "cluster.echo.upstream_rq_per_try_timeout", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_stay_within_their_budget() {
    let gateway = start(BACKENDS, ROUTES).await;
    gateway.upstream.fail(503, usize::MAX);
    gateway.upstream.delay(Duration::from_millis(500));
    let answers = at_once(&gateway, &get("/thrifty"), 20).await;
    assert!(answers.iter().all(|answer| answer.status == 503), "{answers:?}");
    // Each might have been tried three times more.
    let tried = gateway.upstream.count();
    assert!((21..=40).contains(&tried), "{tried} attempts for 20 requests");
    reaches(&gateway, "cluster.thrifty.upstream_rq_retry_overflow", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_gets_no_more_requests_at_a_time_than_it_bears() {
    let gateway = start(BACKENDS, ROUTES).await;
    gateway.upstream.delay(Duration::from_secs(2));
    let answers = at_once(&gateway, &get("/narrow"), 12).await;
    let (served, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(served.len(), gateway.upstream.count());
    assert!(2 <= served.len() && served.len() < 12, "{} were served", served.len());
    for answer in refused {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.json()["type"], "urn:tollgate:problem:backend-busy");
        assert_eq!(answer.header("retry-after"), Some("1"), "{answer:?}");
    }
    let overflow = "cluster.narrow.circuit_breakers.default.remaining_rq";
    let left = gateway.envoy.stats(overflow).await.unwrap();
    assert_eq!(left.get(overflow), Some(&2), "{left:?}");
}

//! Many callers at once, and callers that mean harm.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tollgate_identity::{Front, SourceSpec, SystemClock};
use tollgate_support::eventually;

use crate::http::{Call, HttpServer, Play, honest, json};
use crate::world::{SOURCE, World, compile, counts, is_active, is_unavailable, source};

fn slowly(call: &Call) -> Play {
    match honest(call) {
        Play::Say(bytes) => Play::SayLater(Duration::from_millis(200), bytes),
        play => play,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_who_ask_the_same_cause_one_call() {
    let provider = HttpServer::start(slowly).await;
    let world = World::new(source(&provider.url()));
    let mut asking = JoinSet::new();
    for _ in 0..1_000 {
        let front = Arc::clone(&world.front);
        asking.spawn(async move { front.introspect(SOURCE, "good").await.unwrap() });
    }
    let answers = asking.join_all().await;
    assert_eq!(answers.iter().filter(|answer| is_active(answer)).count(), 1_000);
    assert_eq!(provider.count(), 1);
    let counts = world.counts();
    assert_eq!(counts.called + counts.joined + counts.remembered, 1_000, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asked_first_may_leave_before_the_answer() {
    let provider = HttpServer::start(slowly).await;
    let world = World::new(source(&provider.url()));
    let front = Arc::clone(&world.front);
    let first = tokio::spawn(async move { front.introspect(SOURCE, "good").await });
    while provider.count() == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    first.abort();
    assert!(is_active(&world.ask("good").await));
    assert_eq!(provider.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_calls_are_outstanding_and_the_rest_is_told_at_once() {
    let provider = HttpServer::start(|_| Play::Nothing).await;
    let spec = SourceSpec { calls_per_second: 100_000, ..source(&provider.url()) };
    let world = World::new(SourceSpec { timeout: Duration::from_secs(5), ..spec });
    let mut asking = JoinSet::new();
    for token in 0..500 {
        let front = Arc::clone(&world.front);
        asking.spawn(async move { front.introspect(SOURCE, &format!("{token}")).await.unwrap() });
    }
    let begun = Instant::now();
    for _ in 0..468 {
        assert!(is_unavailable(&asking.join_next().await.unwrap().unwrap()));
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // Newcomers get half of the 64 places.
    eventually("the others arrive", Duration::from_secs(20), async || {
        (provider.open_max() == 32).then_some(())
    })
    .await
    .unwrap();
    assert_eq!(asking.len(), 32);
    assert!(asking.join_all().await.iter().all(is_unavailable));
    assert_eq!((provider.open_max(), provider.count()), (32, 32));
}

/// Five thousand made-up tokens a second, while fifty good ones are used all
/// the time and have to be asked about again every second.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_made_up_tokens_keeps_no_good_one_out() {
    const SECONDS: u32 = 4;
    const PER_SECOND: u32 = 200;
    let provider = HttpServer::start(honest).await;
    let front = compile(
        SourceSpec {
            ttl: Duration::from_secs(1),
            calls_per_second: PER_SECOND,
            ..source(&provider.url())
        },
        None,
        Arc::new(SystemClock),
    );
    for token in 0..50 {
        assert!(is_active(&front.introspect(SOURCE, &format!("good{token}")).await.unwrap()));
    }
    let before = provider.count();
    let flood = tokio::spawn(flood(Arc::clone(&front), SECONDS));
    let (mut good, mut all, mut slowest) = (0, 0, Duration::ZERO);
    while !flood.is_finished() {
        for token in 0..50 {
            let begun = Instant::now();
            let answer = front.introspect(SOURCE, &format!("good{token}")).await.unwrap();
            slowest = slowest.max(begun.elapsed());
            all += 1;
            good += u32::from(is_active(&answer));
        }
        sleep(Duration::from_millis(5)).await;
    }
    let (sent, seconds) = flood.await.unwrap();
    assert!(5_000 * u64::from(SECONDS) <= sent, "{sent}");
    assert_eq!(good, all, "good tokens must not notice; slowest {slowest:?}");
    assert!(1_000 < all, "{all}");
    // One second's worth to begin with, and what came back meanwhile.
    let most = f64::from(PER_SECOND) * (seconds + 2.0);
    assert!(f64::from(u32::try_from(provider.count() - before).unwrap()) <= most);
    let remembered = front.remembered();
    assert_eq!(remembered.positives, 50);
    assert!(remembered.negatives <= provider.count(), "{remembered:?}");
    assert!(10_000 < counts(&front).refused, "{:?}", counts(&front));
}

/// Returns how many tokens there were, and in how many seconds.
async fn flood(front: Arc<Front>, seconds: u32) -> (u64, f64) {
    let begun = Instant::now();
    let (mut asking, mut sent) = (JoinSet::new(), 0u64);
    for tick in 0..seconds * 100 {
        sleep_until(begun + Duration::from_millis(10) * tick).await;
        for _ in 0..50 {
            let (front, token) = (Arc::clone(&front), format!("made-up-{sent}"));
            sent += 1;
            asking.spawn(async move { front.introspect(SOURCE, &token).await });
        }
        while asking.try_join_next().is_some() {}
    }
    asking.join_all().await;
    (sent, begun.elapsed().as_secs_f64())
}

#[tokio::test]
async fn a_token_that_was_revoked_goes_before_no_other() {
    let provider = HttpServer::start(honest).await;
    // One call for newcomers and one more for those who are known.
    let world = World::new(SourceSpec { calls_per_second: 2, ..source(&provider.url()) });
    let are_known = async || {
        world.advance(60_000);
        assert_eq!(world.told("made-up").await, "inactive 10");
        is_unavailable(&world.ask("made-up-too").await) && !is_unavailable(&world.ask("good").await)
    };
    assert!(is_active(&world.ask("good").await));
    assert!(are_known().await);
    provider.play(|_| json(r#"{"active":false}"#));
    assert!(are_known().await, "the first time nobody knows that it was revoked");
    assert!(!are_known().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_remembered_of_bad_tokens_is_bounded() {
    let provider = HttpServer::start(honest).await;
    let spec = SourceSpec {
        calls_per_second: 100_000,
        negative_ttl: Duration::from_mins(5),
        ..source(&provider.url())
    };
    let world = World::new(spec);
    assert!(is_active(&world.ask("good").await));
    let claims = format!(r#"{{"active":true,"x":"{}"}}"#, "x".repeat(60_000));
    provider.play(move |_| json(&claims));
    for token in 0..1_500 {
        world.advance(10);
        world.ask(&format!("good{token}")).await;
    }
    let remembered = world.front.remembered();
    assert!(remembered.positive_bytes <= 64 << 20, "{remembered:?}");
    assert!(1_000 < remembered.positives && remembered.positives < 1_200, "{remembered:?}");
}

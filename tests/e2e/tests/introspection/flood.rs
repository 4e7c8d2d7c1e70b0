//! A flood of made-up tokens: `TOLLGATE_FLOOD_SECONDS` long, or six seconds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tollgate_support::{Connection, Protocol};

use crate::gate::{Gate, WORKERS, order};
use crate::provider_double::{ProviderDouble, Says};

/// Made-up tokens a second, as far as the machine gets.
const FLOOD: u64 = 5_000;

/// Connections over which they come.
const CLIENTS: u64 = 16;

/// Good tokens, all of them known to both workers.
const GOOD: u64 = 50;

/// How often one of them comes.
const GOOD_EVERY: Duration = Duration::from_millis(5);

/// Requests with new made-up tokens over one connection, until `end`.
async fn make_up(address: SocketAddr, client: u64, end: Instant, sent: Arc<AtomicU64>) {
    let mut connection = Connection::open(Protocol::Http1, address).await.unwrap();
    let mut pace = interval(Duration::from_secs(1) / u32::try_from(FLOOD / CLIENTS).unwrap());
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while Instant::now() < end {
        pace.tick().await;
        let number = sent.fetch_add(1, Ordering::Relaxed);
        let answer = connection.send(&order(&format!("x{client}y{number}"))).await.unwrap();
        assert!([401, 429, 503].contains(&answer.status), "{answer:?}");
    }
}

/// Good callers on connections of their own, so that they meet both workers.
/// How many came; each was served.
async fn good_callers(gate: &Gate, span: Duration) -> u64 {
    let (begun, mut came) = (Instant::now(), 0);
    while begun.elapsed() < span {
        let status = gate.status(&format!("good{}", came % GOOD)).await;
        assert_eq!(status, 200, "after {came}");
        came += 1;
        tokio::time::sleep(GOOD_EVERY).await;
    }
    came
}

/// What part of the good callers was known without a question.
fn hit_rate(came: u64, asked: u64) -> f64 {
    let part = |number: u64| f64::from(u32::try_from(number).unwrap());
    1.0 - part(asked) / part(came)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_made_up_tokens_neither_reaches_the_provider_nor_others() {
    let seconds = std::env::var("TOLLGATE_FLOOD_SECONDS").ok().and_then(|text| text.parse().ok());
    let span = Duration::from_secs(seconds.unwrap_or(6));
    let provider = ProviderDouble::start().await;
    provider.says(Says::Honest);
    let gate = Gate::start(provider.address(), 300).await;
    // On so many connections that none of them is unknown to one of the workers.
    for _ in 0..20 {
        for good in 0..GOOD {
            // Slowly enough that none of them is taken for a part of a flood.
            assert_eq!(gate.status(&format!("good{good}")).await, 200);
            tokio::time::sleep(GOOD_EVERY).await;
        }
    }
    let asked = provider.asked_about_good();
    let came = good_callers(&gate, span / 4).await;
    let before = hit_rate(came, provider.asked_about_good() - asked);

    let asked = (provider.asked(), provider.asked_about_good());
    let (begun, sent) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let mut flood = JoinSet::new();
    for client in 0..CLIENTS {
        flood.spawn(make_up(gate.address, client, begun + span, Arc::clone(&sent)));
    }
    let first = good_callers(&gate, span / 3).await;
    let resident = gate.envoy.usage().unwrap().resident_bytes;
    let came = first + good_callers(&gate, span.saturating_sub(begun.elapsed())).await;
    let grown = gate.envoy.usage().unwrap().resident_bytes.saturating_sub(resident);
    flood.join_all().await;

    let (sent, seconds) = (sent.load(Ordering::Relaxed), begun.elapsed().as_secs() + 1);
    let asked_good = provider.asked_about_good() - asked.1;
    let asked = provider.asked() - asked.0 - asked_good;
    let during = hit_rate(came, asked_good);
    println!(
        "{sent} made-up tokens in {seconds} s: {asked} questions; of {came} good callers {:.2} % \
         were known, before {:.2} %; {} KiB more resident",
        during * 100.0,
        before * 100.0,
        grown >> 10,
    );
    // For each worker 100 at once, and 100 a second.
    let worth = u64::from(WORKERS) * (100 + 100 * seconds);
    assert!(asked <= worth, "{asked} calls of {worth}, for {sent} tokens");
    assert!(2 * asked < sent, "there was no flood: {sent}");
    assert!(0.99 * before <= during, "{during} after {before}");
    assert!(grown < 16 << 20, "{grown} bytes more");
    gate.never_trapped().await;
}

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tollgate_core::Timestamp;
use tollgate_quota::{Ask, Balance, Instance, Key};
use tollgate_store::{LeaseAsk, Store, StoreUnavailable, Window};
use tollgate_sync::deal;

use crate::clock::now;

/// Lends counts to Envoys. What several ask at once, or soon after others, is one
/// change of the store.
#[derive(Clone)]
pub(crate) struct Lender(mpsc::Sender<Question>);

struct Question {
    asks: Vec<LeaseAsk>,
    answer: oneshot::Sender<Vec<deal::Lent>>,
}

/// Where balances stand.
enum Books {
    /// In this process, with the ends of their windows.
    Here(BTreeMap<Window, (Balance, Option<Timestamp>)>),
    In(Store),
}

/// Questions that wait for the ones before them.
const WAITING_MAX: usize = 1_024;

/// A change of the store, which is a write to the disk, does not begin sooner than this
/// after the last: meanwhile others ask. Whoever asks after a pause waits for nobody.
const GATHER: Duration = Duration::from_millis(20);

/// Envoys do not wait much longer themselves.
const PATIENCE: Duration = Duration::from_millis(800);

const FORGET_EVERY: Duration = Duration::from_mins(10);

/// As many windows as there is room for in the process; further ones are not
/// lent of.
const WINDOWS_MAX: usize = 1_000_000;

/// What an Envoy asks, as the store wants it.
pub(crate) fn ask(told: &deal::Ask, instance: Instance, number: u64) -> LeaseAsk {
    let deal::Ask { high, low, begins, ends, limit, spent, cap, wants } = *told;
    LeaseAsk {
        window: Window { key: Key(deal::key(high, low)), begins: Timestamp::from_seconds(begins) },
        ends: (ends != 0).then(|| Timestamp::from_seconds(ends)),
        ask: Ask { instance, number, limit, spent, cap, wants },
    }
}

// === impl Lender ===

impl Lender {
    pub(crate) fn start(store: Option<Store>) -> Self {
        let (sender, questions) = mpsc::channel(WAITING_MAX);
        let books = store.map_or_else(|| Books::Here(BTreeMap::new()), Books::In);
        tokio::spawn(keep(books, questions));
        Self(sender)
    }

    /// What is lent; nothing while the store cannot be used: the Envoys have what
    /// they have, and ask again.
    pub(crate) async fn lend(&self, asks: Vec<LeaseAsk>) -> Vec<deal::Lent> {
        if asks.is_empty() {
            return Vec::new();
        }
        let (answer, answered) = oneshot::channel();
        if self.0.try_send(Question { asks, answer }).is_err() {
            return Vec::new();
        }
        timeout(PATIENCE, answered).await.ok().and_then(Result::ok).unwrap_or_default()
    }
}

async fn keep(mut books: Books, mut questions: mpsc::Receiver<Question>) {
    let mut forgot_at = Instant::now();
    let mut waiting = Vec::new();
    while 0 < questions.recv_many(&mut waiting, WAITING_MAX).await {
        let began = Instant::now();
        let asks: Vec<LeaseAsk> = waiting.iter().flat_map(|q| q.asks.iter().copied()).collect();
        let lent = books.lend(&asks).await.unwrap_or_default();
        let mut lent = lent.into_iter();
        for Question { asks, answer } in waiting.drain(..) {
            // Whoever no longer waits asks again.
            answer.send(lent.by_ref().take(asks.len()).collect()).ok();
        }
        if FORGET_EVERY < forgot_at.elapsed() {
            forgot_at = Instant::now();
            // What was not forgotten will be.
            books.forget().await.ok();
        }
        if let Books::In(_) = books {
            sleep(GATHER.saturating_sub(began.elapsed())).await;
        }
    }
}

// === impl Books ===

impl Books {
    async fn lend(&mut self, asks: &[LeaseAsk]) -> Result<Vec<deal::Lent>, StoreUnavailable> {
        let now = now();
        let caps: Vec<u64> = match self {
            Self::Here(balances) => asks.iter().map(|ask| lend_here(balances, ask, now)).collect(),
            Self::In(store) => {
                store.lend(asks, now).await?.into_iter().map(|lent| lent.cap).collect()
            }
        };
        Ok(asks.iter().zip(caps).map(|(ask, cap)| lent(ask.window, cap)).collect())
    }

    async fn forget(&mut self) -> Result<(), StoreUnavailable> {
        let now = now();
        match self {
            Self::Here(balances) => {
                balances.retain(|_, (_, ends)| ends.is_none_or(|ends| now < ends));
                Ok(())
            }
            Self::In(store) => store.forget_windows(now).await,
        }
    }
}

fn lend_here(
    balances: &mut BTreeMap<Window, (Balance, Option<Timestamp>)>,
    LeaseAsk { window, ends, ask }: &LeaseAsk,
    now: Timestamp,
) -> u64 {
    if WINDOWS_MAX <= balances.len() && !balances.contains_key(window) {
        return ask.cap;
    }
    let (balance, _) = balances.entry(*window).or_insert_with(|| (Balance::default(), *ends));
    balance.settle(now);
    balance.ask(ask, now).cap
}

fn lent(Window { key, begins }: Window, cap: u64) -> deal::Lent {
    let (high, low) = deal::halves(key.0);
    deal::Lent { high, low, begins: begins.as_seconds(), cap }
}

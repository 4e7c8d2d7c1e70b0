use std::collections::BTreeMap;
use std::mem;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::{Answer, Call, Connection, Protocol};

/// Requests that go on and on over a number of connections, until told to stop.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

/// What its workers share.
#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    sent: AtomicU64,
    report: Mutex<Report>,
}

/// How a load went.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many answers had which status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests that got no answer.
    pub errors: Vec<String>,
    /// Connections that the gateway closed between two requests, as it may.
    pub reconnects: u64,
    /// How long each answer took.
    pub times: Vec<Duration>,
}

impl Load {
    /// Sends `call` over and over on each of `connections` connections.
    pub fn start(address: SocketAddr, connections: usize, call: &Call) -> Self {
        Self::pausing(address, connections, call, Duration::ZERO)
    }

    /// Likewise, with a pause after each answer that is a refusal, or that did not come.
    pub fn pausing(address: SocketAddr, connections: usize, call: &Call, pause: Duration) -> Self {
        let shared = Arc::new(Shared::default());
        let workers = (0..connections)
            .map(|_| {
                let worker = Worker { address, call: call.clone(), pause, connection: None };
                tokio::spawn(worker.run(Arc::clone(&shared)))
            })
            .collect();
        Self { shared, workers }
    }

    /// How many requests were answered so far.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// Waits until this many more requests were answered.
    pub async fn and_more(&self, requests: u64) -> Result<()> {
        let goal = self.sent().saturating_add(requests);
        let patience = Duration::from_mins(1);
        crate::eventually("the load goes on", patience, async || {
            (goal <= self.sent()).then_some(())
        })
        .await
    }

    /// Breaks off, with requests under way.
    pub fn abort(self) {
        self.workers.iter().for_each(JoinHandle::abort);
    }

    /// How it went since this was last asked; it goes on.
    pub fn take(&self) -> Report {
        self.shared.with(mem::take)
    }

    /// Stops, and tells how it went since.
    pub async fn stop(self) -> Result<Report> {
        self.shared.stop.store(true, Ordering::Relaxed);
        for worker in self.workers {
            worker.await?;
        }
        Ok(self.shared.with(mem::take))
    }
}

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut Report) -> T) -> T {
        act(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Worker {
    address: SocketAddr,
    call: Call,
    pause: Duration,
    connection: Option<Connection>,
}

impl Worker {
    async fn run(mut self, shared: Arc<Shared>) {
        while !shared.stop.load(Ordering::Relaxed) {
            let start = Instant::now();
            let mut reconnects = 0;
            let answer = self.send(&mut reconnects).await;
            let is_served = answer.as_ref().is_ok_and(|answer| answer.status < 400);
            shared.with(|report| report.note(answer, start.elapsed(), reconnects));
            shared.sent.fetch_add(1, Ordering::Relaxed);
            if !is_served && !self.pause.is_zero() {
                tokio::time::sleep(self.pause).await;
            }
        }
    }

    /// A connection that was closed while it was idle is replaced once, as
    /// every client does: the request then never reached the gateway.
    async fn send(&mut self, reconnects: &mut u64) -> Result<Answer> {
        if let Some(mut connection) = self.connection.take() {
            if let Ok(answer) = connection.send(&self.call).await {
                self.keep(connection, &answer);
                return Ok(answer);
            }
            *reconnects = reconnects.saturating_add(1);
        }
        let mut connection = Connection::open(Protocol::Http1, self.address).await?;
        let answer = connection.send(&self.call).await?;
        self.keep(connection, &answer);
        Ok(answer)
    }

    fn keep(&mut self, connection: Connection, answer: &Answer) {
        let closing = answer.header("connection").is_some_and(|value| value.contains("close"));
        self.connection = (!closing).then_some(connection);
    }
}

impl Report {
    fn note(&mut self, answer: Result<Answer>, time: Duration, reconnects: u64) {
        self.times.push(time);
        self.reconnects = self.reconnects.saturating_add(reconnects);
        match answer {
            Ok(Answer { status, .. }) => {
                let count = self.statuses.entry(status).or_default();
                *count = count.saturating_add(1);
            }
            Err(error) => self.errors.push(format!("{error:#}")),
        }
    }

    /// How many answers there were.
    pub fn answers(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// The longest that an answer took.
    pub fn slowest(&self) -> Duration {
        self.times.iter().max().copied().unwrap_or_default()
    }

    /// What so many in a hundred answers took at most.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        let at = times.len().saturating_mul(percent).checked_div(100).unwrap_or_default();
        times.get(at).copied().unwrap_or_default()
    }

    /// Counts another in.
    pub fn add(&mut self, other: Self) {
        let Self { statuses, errors, reconnects, times } = other;
        for (status, count) in statuses {
            let total = self.statuses.entry(status).or_default();
            *total = total.saturating_add(count);
        }
        self.errors.extend(errors);
        self.reconnects = self.reconnects.saturating_add(reconnects);
        self.times.extend(times);
    }
}

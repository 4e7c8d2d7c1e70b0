use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::clock::now;
use crate::http::Client;

/// What is sent, and how each of it may be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requests<'a> {
    pub(crate) all: &'a [Vec<u8>],
    pub(crate) answers: &'a [u16],
}

/// When one connection sends its requests.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    first: Instant,
    period: Duration,
    last: Instant,
}

impl<'a> Requests<'a> {
    /// Those that are let pass.
    pub(crate) fn admitted(all: &'a [Vec<u8>]) -> Self {
        Self { all, answers: &[200] }
    }

    /// From one of `clients` places on, over and over.
    fn starting_at(self, place: usize, clients: usize) -> impl Iterator<Item = &'a [u8]> {
        let first = self.all.len().saturating_mul(place).checked_div(clients).unwrap_or_default();
        self.all.iter().cycle().skip(first).map(Vec::as_slice)
    }

    fn send(self, client: &mut Client, request: &[u8]) -> Result<()> {
        let status = client.send(request)?;
        ensure!(self.answers.contains(&status), "a request was answered {status} under load");
        Ok(())
    }
}

/// Sends requests as fast as answers come; how many were answered.
pub(crate) fn flat_out(
    address: SocketAddr,
    requests: Requests<'_>,
    connections: usize,
    duration: Duration,
) -> Result<u64> {
    let stop = AtomicBool::new(false);
    let stop = &stop;
    thread::scope(|scope| {
        let clients: Vec<_> = (0..connections)
            .map(|place| {
                let own = requests.starting_at(place, connections);
                let own = own.take_while(move |_| !stop.load(Ordering::Relaxed));
                scope.spawn(move || send_all(address, requests, own))
            })
            .collect();
        thread::sleep(duration);
        stop.store(true, Ordering::Relaxed);
        sum(clients)
    })
}

/// Whose turn it is, and how many of each kind have been answered.
struct Turn {
    kind: AtomicUsize,
    answered: Vec<AtomicU64>,
}

/// How long one kind has its turn, from when the last answers to the kind before
/// should have come.
const TURN: Duration = Duration::from_millis(45);
const SETTLED: Duration = Duration::from_millis(5);

/// Sends several kinds of requests, each for a moment and over and over, so that
/// what else the machine does falls on all of them alike. For each kind, what `cpu`
/// grew by, and how many were answered meanwhile.
pub(crate) fn in_turn(
    address: SocketAddr,
    kinds: &[Requests<'_>],
    connections: usize,
    duration: Duration,
    cpu: impl Fn() -> Result<Duration>,
) -> Result<Vec<(Duration, u64)>> {
    let turn = &Turn::new(kinds.len());
    thread::scope(|scope| {
        let clients: Vec<_> = (0..connections)
            .map(|place| scope.spawn(move || turn.follow(address, kinds, (place, connections))))
            .collect();
        let measured = turn.measure(duration, cpu);
        turn.end();
        sum(clients)?;
        measured
    })
}

impl Turn {
    /// The turn of nobody any more.
    const NOBODYS: usize = usize::MAX;

    fn new(kinds: usize) -> Self {
        let answered = (0..kinds).map(|_| AtomicU64::new(0)).collect();
        Self { kind: AtomicUsize::new(0), answered }
    }

    fn end(&self) {
        self.kind.store(Self::NOBODYS, Ordering::Relaxed);
    }

    fn measure(
        &self,
        duration: Duration,
        cpu: impl Fn() -> Result<Duration>,
    ) -> Result<Vec<(Duration, u64)>> {
        let turns = duration.as_millis().div_ceil(TURN.as_millis());
        let mut measured = vec![(Duration::ZERO, 0_u64); self.answered.len()];
        for _ in 0..turns {
            for (kind, (used, answered)) in measured.iter_mut().enumerate() {
                self.kind.store(kind, Ordering::Relaxed);
                thread::sleep(SETTLED);
                let (cpu_before, answered_before) = (cpu()?, self.answered(kind));
                thread::sleep(TURN);
                let (cpu_after, answered_after) = (cpu()?, self.answered(kind));
                *used = used.saturating_add(cpu_after.saturating_sub(cpu_before));
                *answered = answered.saturating_add(answered_after.saturating_sub(answered_before));
            }
        }
        Ok(measured)
    }

    fn answered(&self, kind: usize) -> u64 {
        self.answered.get(kind).map_or(0, |answered| answered.load(Ordering::Relaxed))
    }

    /// Sends what has its turn until nobody has.
    fn follow(
        &self,
        address: SocketAddr,
        kinds: &[Requests<'_>],
        (place, clients): (usize, usize),
    ) -> Result<u64> {
        let mut client = Client::open(address)?;
        let mut own: Vec<_> = kinds.iter().map(|kind| kind.starting_at(place, clients)).collect();
        let mut sent = 0_u64;
        loop {
            let kind = self.kind.load(Ordering::Relaxed);
            let (Some(requests), Some(answered)) = (kinds.get(kind), self.answered.get(kind))
            else {
                return Ok(sent);
            };
            let Some(request) = own.get_mut(kind).and_then(Iterator::next) else { return Ok(sent) };
            requests.send(&mut client, request)?;
            answered.fetch_add(1, Ordering::Relaxed);
            sent = sent.saturating_add(1);
        }
    }
}

/// Sends each request once, as fast as answers come; how many there were.
pub(crate) fn once_each(
    address: SocketAddr,
    requests: Requests<'_>,
    connections: usize,
) -> Result<u64> {
    let share = requests.all.len().div_ceil(connections).max(1);
    thread::scope(|scope| {
        let clients = requests.all.chunks(share).map(|own| {
            scope.spawn(move || send_all(address, requests, own.iter().map(Vec::as_slice)))
        });
        sum(clients.collect())
    })
}

fn send_all<'a>(
    address: SocketAddr,
    requests: Requests<'_>,
    own: impl Iterator<Item = &'a [u8]>,
) -> Result<u64> {
    let mut client = Client::open(address)?;
    let mut answered = 0_u64;
    for request in own {
        requests.send(&mut client, request)?;
        answered = answered.saturating_add(1);
    }
    Ok(answered)
}

fn sum(clients: Vec<thread::ScopedJoinHandle<'_, Result<u64>>>) -> Result<u64> {
    let counts: Result<Vec<u64>> = clients.into_iter().map(joined).collect();
    Ok(counts?.into_iter().sum())
}

/// Sends `rate` requests a second, evenly spread; how long each answer took.
pub(crate) fn at_rate(
    address: SocketAddr,
    requests: Requests<'_>,
    connections: usize,
    rate: u32,
    duration: Duration,
) -> Result<Vec<Duration>> {
    let interval = Duration::from_secs(1).checked_div(rate).unwrap_or_default();
    let period = interval.saturating_mul(u32::try_from(connections)?);
    thread::scope(|scope| {
        let start = now();
        let clients: Vec<_> = (0_u32..)
            .zip(0..connections)
            .map(|(turn, place)| {
                let first = later(start, interval.saturating_mul(turn));
                let schedule = Schedule { first, period, last: later(start, duration) };
                let own = requests.starting_at(place, connections);
                scope.spawn(move || on_schedule(address, requests, own, schedule))
            })
            .collect();
        let latencies: Result<Vec<_>> = clients.into_iter().map(joined).collect();
        Ok(latencies?.into_iter().flatten().collect())
    })
}

/// A late answer delays the next request, but not the moment from which that
/// one is timed: otherwise one slow answer would hide all that queued behind it.
fn on_schedule<'a>(
    address: SocketAddr,
    requests: Requests<'_>,
    own: impl Iterator<Item = &'a [u8]>,
    Schedule { first, period, last }: Schedule,
) -> Result<Vec<Duration>> {
    let mut client = Client::open(address)?;
    let mut latencies = Vec::new();
    let mut due = first;
    for request in own {
        if last <= due {
            break;
        }
        let wait = due.saturating_duration_since(now());
        thread::sleep(wait);
        // How exactly the system wakes us is not the gateway's doing.
        let start = if wait.is_zero() { due } else { now() };
        requests.send(&mut client, request)?;
        latencies.push(now().saturating_duration_since(start));
        due = later(due, period);
    }
    Ok(latencies)
}

fn later(moment: Instant, span: Duration) -> Instant {
    moment.checked_add(span).unwrap_or(moment)
}

pub(crate) fn joined<T>(thread: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    let Ok(result) = thread.join() else { bail!("a client panicked") };
    result
}

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
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

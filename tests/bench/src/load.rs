use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::clock::now;
use crate::http::Client;

/// Sends `request` as fast as answers come; how many were answered.
pub(crate) fn flat_out(
    address: SocketAddr,
    request: &[u8],
    connections: usize,
    duration: Duration,
) -> Result<u64> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..connections)
            .map(|_| scope.spawn(|| repeat(Client::open(address)?, request, &stop)))
            .collect();
        thread::sleep(duration);
        stop.store(true, Ordering::Relaxed);
        let counts: Result<Vec<u64>> = clients.into_iter().map(joined).collect();
        Ok(counts?.into_iter().sum())
    })
}

fn repeat(mut client: Client, request: &[u8], stop: &AtomicBool) -> Result<u64> {
    let mut answered = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        admitted(client.send(request)?)?;
        answered = answered.saturating_add(1);
    }
    Ok(answered)
}

/// Sends `rate` requests a second, evenly spread; how long each answer took.
pub(crate) fn at_rate(
    address: SocketAddr,
    request: &[u8],
    connections: usize,
    rate: u32,
    duration: Duration,
) -> Result<Vec<Duration>> {
    let share = u32::try_from(connections)?;
    let interval = Duration::from_secs(1).checked_div(rate).unwrap_or_default();
    let period = interval.saturating_mul(share);
    thread::scope(|scope| {
        let start = now();
        let clients: Vec<_> = (0..share)
            .map(|place| {
                let first = later(start, interval.saturating_mul(place));
                let last = later(start, duration);
                let client = Client::open(address);
                scope.spawn(move || on_schedule(client?, request, first, period, last))
            })
            .collect();
        let latencies: Result<Vec<_>> = clients.into_iter().map(joined).collect();
        Ok(latencies?.into_iter().flatten().collect())
    })
}

/// A late answer delays the next request, but not the moment from which that
/// one is timed: otherwise one slow answer would hide all that queued behind it.
fn on_schedule(
    mut client: Client,
    request: &[u8],
    first: Instant,
    period: Duration,
    last: Instant,
) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    let mut due = first;
    while due < last {
        let wait = due.saturating_duration_since(now());
        thread::sleep(wait);
        // How exactly the system wakes us is not the gateway's doing.
        let start = if wait.is_zero() { due } else { now() };
        admitted(client.send(request)?)?;
        latencies.push(now().saturating_duration_since(start));
        due = later(due, period);
    }
    Ok(latencies)
}

fn later(moment: Instant, span: Duration) -> Instant {
    moment.checked_add(span).unwrap_or(moment)
}

fn admitted(status: u16) -> Result<()> {
    ensure!(status == 200, "a request was answered {status} under load");
    Ok(())
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    let Ok(result) = thread.join() else { bail!("a client panicked") };
    result
}

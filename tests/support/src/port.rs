use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Result, bail};

/// Below the range from which the system takes ports for outgoing connections:
/// under load, those would take a port between its choice and its use.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port of loopback on which nothing listens.
pub fn free_port() -> Result<u16> {
    // Processes that run at the same time start at different places.
    let start = process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = start.wrapping_add(step).checked_rem(u32::from(COUNT)).unwrap_or_default();
        let port = FIRST.saturating_add(u16::try_from(offset).unwrap_or_default());
        if is_free(port) {
            return Ok(port);
        }
    }
    bail!("no port from {FIRST} on is free")
}

/// Refuses a port that something else listens on, with `remedy` for whoever chose it.
pub fn claim(port: u16, what: &str, remedy: &str) -> Result<()> {
    if is_free(port) {
        Ok(())
    } else {
        bail!("port {port} is taken, and {what} needs it; {remedy}")
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

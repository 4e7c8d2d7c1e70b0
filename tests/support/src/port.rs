use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};

/// Below the range from which the system takes ports for outgoing connections:
/// under load, those would take a port between its choice and its use.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

const RESERVING: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

static NEXT: AtomicU16 = AtomicU16::new(0);

static RESERVED: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

/// A port of loopback on which nothing listens, and which no other process gets
/// from here while this one runs.
pub fn free_port() -> Result<u16> {
    // Processes that run at the same time start at different places.
    let start = process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = start.wrapping_add(step).checked_rem(u32::from(COUNT)).unwrap_or_default();
        let port = FIRST.saturating_add(u16::try_from(offset).unwrap_or_default());
        if reserve(port) && is_free(port) {
            return Ok(port);
        }
    }
    bail!("no port from {FIRST} on is free")
}

/// Where what a gateway calls listens: on loopback, or, where containers are tested,
/// on all addresses, since they reach no other's loopback.
pub fn reachable() -> Ipv4Addr {
    let stack = std::env::var_os("TOLLGATE_STACK");
    stack.map_or(Ipv4Addr::LOCALHOST, |_| Ipv4Addr::UNSPECIFIED)
}

/// Refuses a port that something else listens on, with `remedy` for whoever chose it.
pub fn claim(port: u16, what: &str, remedy: &str) -> Result<()> {
    if is_free(port) {
        Ok(())
    } else {
        bail!("port {port} is taken, and {what} needs it; {remedy}")
    }
}

/// Between its choice and its use nothing listens on a port, so two processes
/// could choose the same one. UDP has ports of its own, and loopback has addresses
/// that nothing here uses: whoever has the port of that number there has this one,
/// until its process ends.
fn reserve(port: u16) -> bool {
    let Ok(socket) = UdpSocket::bind((RESERVING, port)) else { return false };
    RESERVED.lock().unwrap_or_else(PoisonError::into_inner).push(socket);
    true
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once_and_can_be_used() {
        let port = free_port().unwrap();
        assert!(!reserve(port));
        assert!(is_free(port));
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(!is_free(port));
        drop(taken);
        assert_ne!(free_port().unwrap(), port);
    }
}

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::Instant;
use tollgate_support::{Call, Connection, Protocol};

/// What somebody got who keeps to its limit, whatever others do.
#[derive(Clone, Copy, Debug)]
pub struct Bystander {
    /// How long half of its calls took at most.
    pub median: Duration,
    /// How long all but one of a hundred took at most.
    pub p99: Duration,
    /// How many calls there were.
    pub calls: usize,
    /// How many of them were not answered 200.
    pub not_served: usize,
}

impl Bystander {
    /// Calls over one connection, with such a pause after each answer.
    pub async fn watch(
        address: SocketAddr,
        call: &Call,
        pause: Duration,
        span: Duration,
    ) -> Result<Self> {
        let mut connection = Connection::open(Protocol::Http1, address).await?;
        let (mut took, mut not_served, begun) = (Vec::new(), 0_usize, Instant::now());
        while begun.elapsed() < span {
            let sent = Instant::now();
            let status = connection.send(call).await?.status;
            took.push(sent.elapsed());
            not_served = not_served.saturating_add(usize::from(status != 200));
            tokio::time::sleep(pause).await;
        }
        took.sort_unstable();
        let calls = took.len();
        let at = |percent: usize| {
            let rank = calls.saturating_mul(percent).div_ceil(100).saturating_sub(1);
            took.get(rank).copied().context("nobody called")
        };
        Ok(Self { median: at(50)?, p99: at(99)?, calls, not_served })
    }
}

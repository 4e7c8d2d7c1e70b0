use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;
use tollgate_support::{Call, Connection, Protocol};

/// What somebody got who keeps to its limit, whatever others do.
#[derive(Clone, Default)]
pub struct Bystander {
    /// How long each call took.
    took: Vec<Duration>,
    /// How many of them were not answered 200.
    pub not_served: usize,
}

// === impl Bystander ===

impl Bystander {
    /// Calls over one connection, with such a pause after each answer.
    pub async fn watch(
        address: SocketAddr,
        call: &Call,
        pause: Duration,
        span: Duration,
    ) -> Result<Self> {
        let mut connection = Connection::open(Protocol::Http1, address).await?;
        let (mut seen, begun) = (Self::default(), Instant::now());
        while begun.elapsed() < span {
            let sent = Instant::now();
            let status = connection.send(call).await?.status;
            seen.took.push(sent.elapsed());
            seen.not_served = seen.not_served.saturating_add(usize::from(status != 200));
            tokio::time::sleep(pause).await;
        }
        Ok(seen)
    }

    /// Several of them, as if they were one.
    pub fn together(all: impl IntoIterator<Item = Self>) -> Self {
        let mut sum = Self::default();
        for Self { took, not_served } in all {
            sum.took.extend(took);
            sum.not_served = sum.not_served.saturating_add(not_served);
        }
        sum
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        self.took.len()
    }

    /// How long so many calls in a hundred took at most.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut took = self.took.clone();
        took.sort_unstable();
        let rank = took.len().saturating_mul(percent).div_ceil(100).saturating_sub(1);
        took.get(rank).copied().unwrap_or_default()
    }

    /// How many times as long the slowest in a hundred took as with `before`.
    pub fn slower_than(&self, before: &Self) -> f64 {
        self.percentile(99).as_secs_f64() / before.percentile(99).as_secs_f64()
    }
}

impl fmt::Debug for Bystander {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (median, p99) = (self.percentile(50), self.percentile(99));
        write!(f, "{} calls, {} not served, ", self.calls(), self.not_served)?;
        write!(f, "median {median:?}, slowest in a hundred {p99:?}")
    }
}

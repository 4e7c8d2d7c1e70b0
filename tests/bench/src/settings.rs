use std::env;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, bail};

/// How much is measured; each value can be changed by a variable.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `BENCH_ROUNDS`: how often each chain has its turn.
    pub(crate) rounds: usize,
    /// `BENCH_SECONDS`: how long one measurement takes, of which a turn has two.
    pub(crate) seconds: u32,
    /// `BENCH_CONNECTIONS`: how many connections are kept busy.
    pub(crate) connections: usize,
    /// `BENCH_RATE`: requests a second while latencies are taken. By default
    /// half of what the slowest chain can do.
    rate: Option<u32>,
    /// `BENCH_IDENTITIES`: how many callers are remembered to see what memory they take.
    pub(crate) identities: u32,
    /// `BENCH_FLOOD_SECONDS`: how long made-up tokens come.
    pub(crate) flood_seconds: u32,
    /// `BENCH_FLEET_SECONDS`: how long simulated Envoys share limits.
    pub(crate) fleet_seconds: u32,
}

impl Settings {
    pub(crate) fn from_env() -> Result<Self> {
        Ok(Self {
            rounds: at_least_one("BENCH_ROUNDS")?.unwrap_or(5),
            seconds: at_least_one("BENCH_SECONDS")?.unwrap_or(3),
            connections: at_least_one("BENCH_CONNECTIONS")?.unwrap_or(32),
            rate: at_least_one("BENCH_RATE")?,
            identities: at_least_one("BENCH_IDENTITIES")?.unwrap_or(100_000),
            fleet_seconds: at_least_one("BENCH_FLEET_SECONDS")?.unwrap_or(20),
            flood_seconds: at_least_one("BENCH_FLOOD_SECONDS")?.unwrap_or(10),
        })
    }

    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive rate")]
    pub(crate) fn rate_for(&self, slowest_rps: f64) -> u32 {
        self.rate.unwrap_or_else(|| (slowest_rps / 2.0).max(1.0) as u32)
    }
}

fn at_least_one<T: FromStr + Default + PartialEq>(variable: &str) -> Result<Option<T>> {
    let Some(text) = env::var_os(variable) else { return Ok(None) };
    match text.to_string_lossy().parse() {
        Ok(number) if number != T::default() => Ok(Some(number)),
        _ => bail!("{variable}: {} is not a number from 1 on", text.display()),
    }
}

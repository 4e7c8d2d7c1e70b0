use std::env;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

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
    /// `BENCH_ONLY`: what is measured, by name and separated by commas; everything by default.
    pub(crate) parts: Vec<Part>,
    /// `BENCH_FLEET_SECONDS`: how long simulated Envoys share limits.
    pub(crate) fleet_seconds: u32,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Chains,
    Counters,
    Callers,
    Limits,
    Budgets,
}

impl Part {
    const ALL: [(&'static str, Self); 5] = [
        ("chains", Self::Chains),
        ("counters", Self::Counters),
        ("callers", Self::Callers),
        ("limits", Self::Limits),
        ("budgets", Self::Budgets),
    ];

    fn named(name: &str) -> Result<Self> {
        let mut all = Self::ALL.iter();
        let found = all.find(|(known, _)| *known == name).map(|(_, part)| *part);
        let names = Self::ALL.map(|(name, _)| name).join(", ");
        found.with_context(|| format!("BENCH_ONLY: {name:?} is none of {names}"))
    }
}

impl Settings {
    pub(crate) fn from_env() -> Result<Self> {
        Ok(Self {
            rounds: at_least_one("BENCH_ROUNDS")?.unwrap_or(5),
            seconds: at_least_one("BENCH_SECONDS")?.unwrap_or(3),
            connections: at_least_one("BENCH_CONNECTIONS")?.unwrap_or(32),
            rate: at_least_one("BENCH_RATE")?,
            identities: at_least_one("BENCH_IDENTITIES")?.unwrap_or(100_000),
            parts: parts()?,
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

fn parts() -> Result<Vec<Part>> {
    match env::var("BENCH_ONLY") {
        Ok(names) => names.split(',').map(Part::named).collect(),
        Err(_) => Ok(Part::ALL.map(|(_, part)| part).to_vec()),
    }
}

fn at_least_one<T: FromStr + Default + PartialEq>(variable: &str) -> Result<Option<T>> {
    let Some(text) = env::var_os(variable) else { return Ok(None) };
    match text.to_string_lossy().parse() {
        Ok(number) if number != T::default() => Ok(Some(number)),
        _ => bail!("{variable}: {} is not a number from 1 on", text.display()),
    }
}

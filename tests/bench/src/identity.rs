//! What it costs to know who is calling.

mod callers;
mod flood;
mod memory;
mod provider;

use anyhow::Result;
use tollgate_support::Built;

use crate::samples::median;
use crate::settings::Settings;

/// One promise, and what was measured of it.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// Its name in the report for programs.
    pub(crate) name: &'static str,
    /// What was promised, for people.
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) bar: Bar,
    /// Round by round.
    pub(crate) values: Vec<f64>,
}

/// What was promised.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    AtMost(f64),
    AtLeast(f64),
}

/// Measures everything that is promised about callers.
pub(crate) fn measure(built: &Built, settings: &Settings) -> Result<Vec<Finding>> {
    let mut findings = callers::measure(built, settings)?;
    findings.push(memory::measure(built, settings)?);
    findings.extend(flood::measure(built, settings)?);
    Ok(findings)
}

impl Finding {
    /// Whether the median keeps the promise.
    pub(crate) fn holds(&self) -> bool {
        let measured = median(&self.values);
        match self.bar {
            Bar::AtMost(bar) => measured <= bar,
            Bar::AtLeast(bar) => bar <= measured,
        }
    }
}

/// What two kinds of requests of one round come to, round by round.
pub(crate) fn pairwise(
    some: &[f64],
    others: &[f64],
    combine: impl Fn(f64, f64) -> f64,
) -> Vec<f64> {
    some.iter().zip(others).map(|(one, other)| combine(*one, *other)).collect()
}

/// In a hundred.
pub(crate) fn share(part: f64, whole: f64) -> f64 {
    100.0 * part / whole
}

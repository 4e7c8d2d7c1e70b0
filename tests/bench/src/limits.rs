//! What it costs to count.

pub(crate) mod counters;
mod fleet;
pub(crate) mod service;
mod stage;

use anyhow::Result;
use tollgate_support::Built;

use crate::finding::Finding;
use crate::settings::Settings;

/// Measures everything that is promised about limits.
pub(crate) fn measure(built: &Built, settings: &Settings) -> Result<Vec<Finding>> {
    let mut findings = stage::measure(built, settings)?;
    findings.extend(fleet::measure(built, settings)?);
    Ok(findings)
}

//! What it costs to know who is calling.

mod callers;
mod flood;
mod memory;
mod provider;

use anyhow::Result;
use tollgate_support::Built;

use crate::finding::Finding;
use crate::settings::Settings;

/// Measures everything that is promised about callers.
pub(crate) fn measure(built: &Built, settings: &Settings) -> Result<Vec<Finding>> {
    let mut findings = callers::measure(built, settings)?;
    findings.push(memory::measure(built, settings)?);
    findings.extend(flood::measure(built, settings)?);
    Ok(findings)
}

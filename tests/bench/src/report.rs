use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};
use tollgate_support::Built;

use crate::chain::CHAINS;
use crate::identity::{Bar, Finding};
use crate::samples::{Samples, least, median, most};
use crate::settings::Settings;

/// What was measured, where and with what.
pub(crate) struct Report {
    machine: Value,
    versions: Value,
    settings: Settings,
    chains: Vec<Samples>,
    findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(
        settings: &Settings,
        built: &Built,
        chains: Vec<Samples>,
        findings: Vec<Finding>,
    ) -> Result<Self> {
        Ok(Self {
            machine: machine()?,
            versions: versions(built)?,
            settings: settings.clone(),
            chains,
            findings,
        })
    }

    /// Later benchmarks add files and members beside these.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("report.md"), self.markdown())?;
        fs::write(folder.join("report.json"), format!("{:#}\n", self.json()))?;
        Ok(())
    }

    fn json(&self) -> Value {
        let chains: Vec<_> = self.chains.iter().map(chain_json).collect();
        let identity: Vec<_> = self.findings.iter().map(finding_json).collect();
        json!({
            "machine": self.machine,
            "versions": self.versions,
            "chains": chains,
            "identity": identity,
        })
    }

    pub(crate) fn markdown(&self) -> String {
        let rows: Vec<String> = self.chains.iter().map(|chain| self.row(chain)).collect();
        let legend: Vec<String> = CHAINS
            .iter()
            .map(|chain| format!("- `{}`: {}\n", chain.name, chain.description))
            .collect();
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let (machine, versions) = (&self.machine, &self.versions);
        let Settings { rounds, seconds, connections, .. } = self.settings;
        let rate = self.chains.first().map_or(0, |chain| chain.rate);
        format!(
            "| chain | Envoy CPU, µs a request | added | requests/s | p50 ms | p99 ms | memory, MB |\n\
             |---|---|---|---|---|---|---|\n{}\n{}\n\
             | what is promised | measured | promised | kept |\n|---|---|---|---|\n{}\n\
             Medians of {rounds} alternating rounds of {seconds} s, least and most in parentheses; one worker, \
             {connections} connections.\nLatencies at {rate} requests a second.\n\n\
             {}, {} cores, Linux {}; {}; {}; tollgate {}.\n",
            rows.concat(),
            legend.concat(),
            self.findings.iter().map(finding_row).collect::<String>(),
            text(machine, "cpu"),
            machine["cores"],
            text(machine, "kernel"),
            text(versions, "envoy"),
            text(versions, "rustc"),
            text(versions, "tollgate"),
        )
    }

    fn row(&self, chain: &Samples) -> String {
        let Samples { name, cpu_us, rps, p50_ms, p99_ms, rss_mb, rate: _ } = chain;
        let bare = self.chains.first().map_or(0.0, |bare| median(&bare.cpu_us));
        format!(
            "| {name} | {} | {:+.1} | {} | {} | {} | {:.0} |\n",
            spread(cpu_us, 1),
            median(cpu_us) - bare,
            spread(rps, 0),
            spread(p50_ms, 2),
            spread(p99_ms, 2),
            median(rss_mb),
        )
    }
}

fn finding_row(finding: &Finding) -> String {
    let Finding { name: _, what, unit, bar, values } = finding;
    let (word, bar) = match bar {
        Bar::AtMost(bar) => ("at most", bar),
        Bar::AtLeast(bar) => ("at least", bar),
    };
    let kept = if finding.holds() { "yes" } else { "**no**" };
    format!("| {what} | {} {unit} | {word} {bar:.0} | {kept} |\n", spread(values, 1))
}

fn finding_json(finding: &Finding) -> Value {
    let Finding { name, what: _, unit, bar, values } = finding;
    let (at_most, at_least) = match bar {
        Bar::AtMost(bar) => (Some(rounded(*bar, 2)), None),
        Bar::AtLeast(bar) => (None, Some(rounded(*bar, 2))),
    };
    json!({
        "name": name,
        "unit": unit,
        "median": rounded(median(values), 2),
        "min": rounded(least(values), 2),
        "max": rounded(most(values), 2),
        "at_most": at_most,
        "at_least": at_least,
        "kept": finding.holds(),
    })
}

fn spread(values: &[f64], digits: usize) -> String {
    let (least, most) = (least(values), most(values));
    format!("{:.digits$} ({least:.digits$}–{most:.digits$})", median(values))
}

fn chain_json(chain: &Samples) -> Value {
    let Samples { name, cpu_us, rps, p50_ms, p99_ms, rss_mb, rate: _ } = chain;
    json!({
        "name": name,
        "cpu_us": {
            "median": rounded(median(cpu_us), 2),
            "min": rounded(least(cpu_us), 2),
            "max": rounded(most(cpu_us), 2),
        },
        "rps": rounded(median(rps), 0),
        "p50_ms": rounded(median(p50_ms), 3),
        "p99_ms": rounded(median(p99_ms), 3),
        "rss_mb": rounded(median(rss_mb), 1),
    })
}

fn rounded(value: f64, digits: i32) -> f64 {
    let unit = 10_f64.powi(digits);
    (value * unit).round() / unit
}

fn machine() -> Result<Value> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    Ok(json!({
        "cpu": model.unwrap_or("unknown processor").trim(),
        "cores": std::thread::available_parallelism()?.get(),
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease")?.trim(),
    }))
}

fn versions(built: &Built) -> Result<Value> {
    let envoy = first_line(Command::new(&built.envoy).arg("--version"))?;
    // `…/envoy  version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL`
    let envoy = envoy.split('/').rev().nth(3).unwrap_or(&envoy).to_owned();
    Ok(json!({
        "envoy": format!("Envoy {envoy}"),
        "rustc": first_line(Command::new("rustc").arg("--version"))?,
        "tollgate": env!("CARGO_PKG_VERSION"),
    }))
}

fn first_line(command: &mut Command) -> Result<String> {
    let output = command.output()?.stdout;
    let text = String::from_utf8_lossy(&output);
    Ok(text.lines().find(|line| !line.is_empty()).unwrap_or_default().to_owned())
}

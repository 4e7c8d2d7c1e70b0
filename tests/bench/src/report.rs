use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};
use tollgate_support::Built;

use crate::chain::CHAINS;
use crate::finding::{Bar, Finding};
use crate::limits::counters::COUNTERS;
use crate::samples::{Samples, least, median, most};
use crate::settings::{Part, Settings};

/// What was measured, where and with what.
pub(crate) struct Report {
    machine: Value,
    versions: Value,
    settings: Settings,
    measured: Measured,
}

/// All of it, as far as it was asked for.
#[derive(Default)]
pub(crate) struct Measured {
    /// Ways to do a whole gateway's job.
    pub(crate) chains: Vec<Samples>,
    /// Ways to count one limit.
    pub(crate) counters: Vec<Samples>,
    pub(crate) callers: Vec<Finding>,
    pub(crate) limits: Vec<Finding>,
    pub(crate) budgets: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(settings: &Settings, built: &Built, measured: Measured) -> Result<Self> {
        Ok(Self {
            machine: machine()?,
            versions: versions(built)?,
            settings: settings.clone(),
            measured,
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
        let Measured { chains, counters, callers, limits, budgets } = &self.measured;
        let samples = |all: &[Samples]| all.iter().map(chain_json).collect::<Vec<_>>();
        let findings = |all: &[Finding]| all.iter().map(finding_json).collect::<Vec<_>>();
        json!({
            "machine": self.machine,
            "versions": self.versions,
            "chains": samples(chains),
            "counters": samples(counters),
            "identity": findings(callers),
            "limits": findings(limits),
            "budgets": findings(budgets),
        })
    }

    pub(crate) fn markdown(&self) -> String {
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let Self { machine, versions, measured, .. } = self;
        let Settings { rounds, seconds, connections, ref parts, .. } = self.settings;
        let parts: Vec<_> = parts.iter().map(|part| measured.part(*part)).collect();
        format!(
            "{}\nMedians of {rounds} alternating rounds of {seconds} s, least and most in \
             parentheses; one worker, {connections} connections.\n\n{}, {} cores, Linux {}; {}; {}; \
             tollgate {}.\n",
            parts.join("\n"),
            text(machine, "cpu"),
            machine["cores"],
            text(machine, "kernel"),
            text(versions, "envoy"),
            text(versions, "rustc"),
            text(versions, "tollgate"),
        )
    }
}

impl Measured {
    /// A table for people.
    pub(crate) fn part(&self, part: Part) -> String {
        let Self { chains, counters, callers, limits, budgets } = self;
        let of_chains = CHAINS.iter().map(|chain| (chain.name, chain.description));
        let of_counters = COUNTERS.iter().map(|counter| (counter.name, counter.description));
        match part {
            Part::Chains => table("chain", chains, of_chains),
            Part::Counters => table("one limit for each of 1,000 tenants", counters, of_counters),
            Part::Callers => promises("who is calling", callers),
            Part::Limits => promises("how often they may", limits),
            Part::Budgets => promises("how much at once", budgets),
        }
    }
}

/// Ways to do the same, beside the first of them.
fn table<'a>(
    what: &str,
    ways: &[Samples],
    legend: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let bare = ways.first().map_or(0.0, |bare| median(&bare.cpu_us));
    let rate = ways.first().map_or(0, |bare| bare.rate);
    let rows: String = ways.iter().map(|way| row(way, bare)).collect();
    let legend: Vec<String> = legend.map(|(name, what)| format!("- `{name}`: {what}\n")).collect();
    format!(
        "| {what} | Envoy CPU, µs a request | added | requests/s | p50 ms | p99 ms | memory, MB |\n\
         |---|---|---|---|---|---|---|\n{rows}\n{}\nLatencies at {rate} requests a second.\n",
        legend.concat(),
    )
}

fn promises(about: &str, findings: &[Finding]) -> String {
    let rows: String = findings.iter().map(finding_row).collect();
    format!("| {about} | measured | promised | kept |\n|---|---|---|---|\n{rows}")
}

fn row(way: &Samples, bare: f64) -> String {
    let Samples { name, cpu_us, rps, p50_ms, p99_ms, rss_mb, rate: _ } = way;
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

fn finding_row(finding: &Finding) -> String {
    let Finding { name: _, what, unit, bar, values } = finding;
    let promise = match bar {
        Bar::AtMost(bar) => format!("at most {bar:.1}"),
        Bar::AtLeast(bar) => format!("at least {bar:.1}"),
        Bar::Nothing => "–".to_owned(),
    };
    let kept = match bar {
        Bar::Nothing => "–",
        _ if finding.holds() => "yes",
        _ => "**no**",
    };
    format!("| {what} | {} {unit} | {promise} | {kept} |\n", spread(values, 1))
}

fn finding_json(finding: &Finding) -> Value {
    let Finding { name, what: _, unit, bar, values } = finding;
    let (at_most, at_least) = match bar {
        Bar::AtMost(bar) => (Some(rounded(*bar, 2)), None),
        Bar::AtLeast(bar) => (None, Some(rounded(*bar, 2))),
        Bar::Nothing => (None, None),
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

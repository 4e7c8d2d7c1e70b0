//! The gateway beside Envoy's own filters, in one run: what `make bench` runs.
//!
//! Every chain has an Envoy of its own with one worker, the same listener and
//! the same upstream, and gets the same request. Rounds alternate between the
//! chains, so that what else the machine does falls on all of them alike.

#![expect(clippy::print_stdout, reason = "people read it")]

mod bootstrap;
mod budgets;
mod chain;
mod clock;
mod envoys;
mod finding;
mod http;
mod identity;
mod limits;
mod load;
mod report;
mod rounds;
mod samples;
mod settings;
mod upstream;

use std::path::Path;
use std::slice::from_ref;

use anyhow::Result;
use tollgate_support::Built;

use crate::chain::{CHAINS, Job};
use crate::envoys::Bench;
use crate::limits::counters::{self, COUNTERS};
use crate::limits::service::Service;
use crate::load::Requests;
use crate::report::{Measured, Report};
use crate::samples::Samples;
use crate::settings::{Part, Settings};

const OUTPUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/bench");

fn main() -> Result<()> {
    let settings = Settings::from_env()?;
    let built = Built::find()?;
    let mut measured = Measured::default();
    for part in &settings.parts {
        part.measure(&settings, &built, &mut measured)?;
        // Whoever waits for the others has something to read.
        println!("\n{}", measured.part(*part));
    }
    let report = Report::new(&settings, &built, measured)?;
    report.write(Path::new(OUTPUT))?;
    println!("{}", report.markdown());
    println!("written to target/bench/report.md and target/bench/report.json");
    Ok(())
}

impl Part {
    fn measure(self, settings: &Settings, built: &Built, measured: &mut Measured) -> Result<()> {
        match self {
            Self::Chains => measured.chains = chains(settings, built)?,
            Self::Counters => measured.counters = count(settings, built)?,
            Self::Callers => measured.callers = identity::measure(built, settings)?,
            Self::Limits => measured.limits = limits::measure(built, settings)?,
            Self::Budgets => measured.budgets = budgets::measure(built, settings)?,
        }
        Ok(())
    }
}

/// The ways to do a whole gateway's job.
fn chains(settings: &Settings, built: &Built) -> Result<Vec<Samples>> {
    let job = Job::new()?;
    let names = CHAINS.map(|chain| chain.name);
    measure(settings, &names, from_ref(&job.admitted), || envoys::start(built, &job))
}

/// The ways to count one limit.
fn count(settings: &Settings, built: &Built) -> Result<Vec<Samples>> {
    counters::check(built)?;
    let service = Service::start(counters::UNLIMITED)?;
    let names = COUNTERS.map(|counter| counter.name);
    measure(settings, &names, &counters::requests(), || {
        counters::start(built, counters::UNLIMITED, &service)
    })
}

/// Each round has new Envoys: by where its memory happens to lie, one can be
/// faster than another of the same kind by more than what a filter costs.
fn measure(
    settings: &Settings,
    names: &[&'static str],
    requests: &[Vec<u8>],
    start: impl Fn() -> Result<Vec<Bench>>,
) -> Result<Vec<Samples>> {
    let mut rate = None;
    let mut samples: Vec<_> = names.iter().copied().map(Samples::new).collect();
    let requests = Requests::admitted(requests);
    for round in 0..settings.rounds {
        println!("round {} of {}", round.saturating_add(1), settings.rounds);
        let benches = start()?;
        let slowest = warm_up(settings, &benches, requests)?;
        let rate = *rate.get_or_insert_with(|| settings.rate_for(slowest));
        let mut turns: Vec<_> = benches.iter().zip(&mut samples).collect();
        // Whoever comes first in a round has the coldest caches.
        let chains = turns.len();
        turns.rotate_left(round.checked_rem(chains).unwrap_or_default());
        for (bench, samples) in turns {
            let latencies = bench.at_rate(settings, requests, rate)?;
            samples.add(bench.flat_out(settings, requests)?, latencies, rate);
        }
    }
    Ok(samples)
}

/// The requests a second of the slowest chain.
fn warm_up(settings: &Settings, benches: &[Bench], requests: Requests<'_>) -> Result<f64> {
    let mut slowest = f64::MAX;
    for bench in benches {
        slowest = slowest.min(bench.flat_out(settings, requests)?.rps);
    }
    Ok(slowest)
}

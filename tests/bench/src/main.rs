//! The gateway beside Envoy's own filters, in one run: what `make bench` runs.
//!
//! Every chain has an Envoy of its own with one worker, the same listener and
//! the same upstream, and gets the same request. Rounds alternate between the
//! chains, so that what else the machine does falls on all of them alike.

#![expect(clippy::print_stdout, reason = "people read it")]

mod chain;
mod clock;
mod envoys;
mod http;
mod load;
mod report;
mod samples;
mod settings;
mod upstream;

use std::path::Path;

use anyhow::Result;
use tollgate_support::Built;

use crate::chain::{CHAINS, Job};
use crate::envoys::Bench;
use crate::samples::Samples;
use crate::settings::Settings;

const OUTPUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/bench");

fn main() -> Result<()> {
    let settings = Settings::from_env()?;
    let built = Built::find()?;
    let job = Job::new()?;
    println!("starting {} Envoys, and checking that each does its job", CHAINS.len());
    let benches = envoys::start(&built, &job)?;
    let samples = measure(&settings, &benches, &job)?;
    let report = report::Report::new(&settings, &built, samples)?;
    report.write(Path::new(OUTPUT))?;
    println!("\n{}", report.markdown());
    println!("written to target/bench/report.md and target/bench/report.json");
    Ok(())
}

fn measure(settings: &Settings, benches: &[Bench], job: &Job) -> Result<Vec<Samples>> {
    println!("warming up");
    let rate = settings.rate_for(warm_up(settings, benches, job)?);
    println!("latencies are taken at {rate} requests a second");
    let mut samples: Vec<_> = CHAINS.iter().map(|chain| Samples::new(chain.name, rate)).collect();
    for round in 0..settings.rounds {
        println!("round {} of {}", round.saturating_add(1), settings.rounds);
        let mut turns: Vec<_> = benches.iter().zip(&mut samples).collect();
        // Whoever comes first in a round has the coldest caches.
        let chains = turns.len();
        turns.rotate_left(round.checked_rem(chains).unwrap_or_default());
        for (bench, samples) in turns {
            samples.add(bench.flat_out(settings, job)?, bench.at_rate(settings, job, rate)?);
        }
    }
    Ok(samples)
}

/// The requests a second of the slowest chain.
fn warm_up(settings: &Settings, benches: &[Bench], job: &Job) -> Result<f64> {
    let mut slowest = f64::MAX;
    for bench in benches {
        slowest = slowest.min(bench.flat_out(settings, job)?.rps);
    }
    Ok(slowest)
}

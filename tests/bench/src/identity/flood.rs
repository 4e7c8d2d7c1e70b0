use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tollgate_gateway::ContractSpec;
use tollgate_support::Built;

use super::provider::{GOOD, Provider};
use crate::bootstrap::{Plan, Server, Speaks, UPSTREAM};
use crate::chain::{gateway, with_token};
use crate::clock::now;
use crate::envoys::Bench;
use crate::finding::{Bar, Finding};
use crate::load::{self, Requests, joined};
use crate::settings::Settings;
use crate::upstream::Upstream;

/// Fewer than may be asked about at once for callers at one address.
const GOOD_CALLERS: u32 = 40;
const GOOD_PER_SECOND: u32 = 500;
const FLOOD_PER_SECOND: u32 = 5000;

/// As many tokens that it never saw does a worker ask about.
const ASKED_PER_SECOND: f64 = 100.0;

/// Made-up tokens, about which a provider could be asked, beside good callers.
pub(super) fn measure(built: &Built, settings: &Settings) -> Result<[Finding; 2]> {
    println!("{FLOOD_PER_SECOND} made-up tokens a second for {} s", settings.flood_seconds);
    let (provider, upstream) = (Provider::start()?, Upstream::start()?);
    let filters = json!([gateway(&built.module.display().to_string(), &configuration())]);
    let others = [Server { name: "provider", port: provider.port(), speaks: Speaks::Http1 }];
    let contract = contract()?;
    let plan = Plan { others: &others, ..Plan::new(filters, &contract) };
    let bench = Bench::start(built, &plan, upstream.port())?;
    let good: Vec<_> = (0..GOOD_CALLERS).map(|number| order(&format!("{GOOD}{number}"))).collect();
    let good = Requests::admitted(&good);
    bench.once_each(settings, good)?;

    let span = Duration::from_secs(settings.flood_seconds.into());
    let hits = || hits(&bench, &provider, good, span, settings);
    let before = hits()?;
    let (known, start) = (provider.asked_about_others(), now());
    let during = thread::scope(|scope| {
        let flood = scope.spawn(|| flood(&bench, span, settings));
        let during = hits();
        println!("{} made-up tokens were answered", joined(flood)?);
        during
    })?;
    let asked = provider.asked_about_others().saturating_sub(known);
    ensure!(0 < asked, "the flood never reached the provider, so it was none");
    // A second's worth may be asked about at once.
    let seconds = start.elapsed().as_secs_f64() + 1.0;
    Ok([
        Finding {
            name: "flood_hits_percent",
            what: "5,000 made-up tokens a second: good callers who are still remembered",
            unit: "% of before",
            bar: Bar::AtLeast(99.0),
            values: vec![100.0 * during / before],
        },
        Finding {
            name: "flood_asked_per_second",
            what: "the same: how often the provider is asked about them",
            unit: "a second",
            bar: Bar::AtMost(ASKED_PER_SECOND),
            values: vec![f64::from(u32::try_from(asked)?) / seconds],
        },
    ])
}

/// The share of good callers about whom nobody had to be asked.
fn hits(
    bench: &Bench,
    provider: &Provider,
    good: Requests<'_>,
    span: Duration,
    settings: &Settings,
) -> Result<f64> {
    let before = provider.asked_about_good();
    let sent = load::at_rate(bench.address, good, settings.connections, GOOD_PER_SECOND, span)?;
    let asked = provider.asked_about_good().saturating_sub(before);
    let sent = f64::from(u32::try_from(sent.len())?);
    Ok(1.0 - f64::from(u32::try_from(asked)?) / sent)
}

/// How many were answered.
fn flood(bench: &Bench, span: Duration, settings: &Settings) -> Result<usize> {
    let number = FLOOD_PER_SECOND.saturating_mul(settings.flood_seconds);
    let made_up: Vec<_> = (0..number).map(|number| order(&format!("{number:043}"))).collect();
    // Those about whom nobody is asked any more may try again later.
    let requests = Requests { all: &made_up, answers: &[401, 503] };
    let Settings { connections, .. } = *settings;
    Ok(load::at_rate(bench.address, requests, connections, FLOOD_PER_SECOND, span)?.len())
}

fn order(token: &str) -> Vec<u8> {
    with_token("/orders/7", token)
}

fn configuration() -> Value {
    json!({"identity": {"introspection": {"idp": {
        "cluster": "provider",
        "path": "/introspect",
        "authority": "provider",
        // Longer than is measured: nobody is forgotten because time is up.
        "ttl_seconds": 300,
    }}}})
}

fn contract() -> Result<ContractSpec> {
    Ok(serde_json::from_value(json!({
        "api": "orders",
        "operations": [{
            "name": "get-order",
            "group": UPSTREAM,
            "match": {"path": "/orders/{id}"},
            "access": {"auth": {"any_of": ["introspection.idp"]}},
        }],
    }))?)
}

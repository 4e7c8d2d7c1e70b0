use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::runtime::Runtime;
use tollgate_support::{Built, Envoy, Usage, free_port};

use crate::bootstrap::{Plan, Ports, bootstrap};
use crate::chain::{CHAINS, Chain, Job, contract};
use crate::clock::now;
use crate::http::Client;
use crate::load::{self, Requests};
use crate::samples::FlatOut;
use crate::settings::Settings;
use crate::upstream::Upstream;

/// One Envoy with one worker.
pub(crate) struct Bench {
    envoy: Envoy,
    pub(crate) address: SocketAddr,
}

/// Starts an Envoy for each chain, and makes sure that each does its job: a
/// chain that let everything pass would win.
pub(crate) fn start(built: &Built, job: &Job) -> Result<Vec<Bench>> {
    let upstream = Upstream::start()?;
    let contract = contract()?;
    let module = built.module.display().to_string();
    CHAINS
        .iter()
        .map(|chain| {
            let filters = (chain.filters)(job, &module);
            let bench = Bench::start(built, &Plan::new(filters, &contract), upstream.port())
                .with_context(|| format!("the chain {}", chain.name))?;
            bench.does_its_job(chain, job, &upstream)?;
            Ok(bench)
        })
        .collect()
}

impl Bench {
    pub(crate) fn start(built: &Built, plan: &Plan<'_>, upstream: u16) -> Result<Self> {
        let ports = Ports { listener: free_port()?, admin: free_port()?, upstream };
        let bootstrap = bootstrap(plan, ports).to_string();
        let mut envoy = Envoy::with_bootstrap(&built.envoy, &bootstrap, ports.admin, 1)?;
        Runtime::new()?.block_on(envoy.ready())?;
        Ok(Self { envoy, address: (Ipv4Addr::LOCALHOST, ports.listener).into() })
    }

    fn does_its_job(&self, chain: &Chain, job: &Job, upstream: &Upstream) -> Result<()> {
        let bare = chain.writes.is_empty();
        let (anonymous, unscoped) = if bare { (200, 200) } else { (401, 403) };
        for (what, request, expected) in [
            ("with a token", &job.admitted, 200),
            ("without a token", &job.anonymous, anonymous),
            ("without the scope", &job.unscoped, unscoped),
            ("with a token", &job.remembered, 200),
        ] {
            let status = Client::open(self.address)?.send(request)?;
            let name = chain.name;
            ensure!(status == expected, "{name}: a request {what} got {status}, not {expected}");
        }
        let seen = upstream.remembered();
        for line in chain.writes {
            ensure!(seen.contains(line), "{}: the upstream misses {line:?} in {seen}", chain.name);
        }
        Ok(())
    }

    /// All connections busy, for as long as one measurement takes.
    pub(crate) fn flat_out(&self, settings: &Settings, requests: Requests<'_>) -> Result<FlatOut> {
        let Settings { connections, .. } = *settings;
        self.measured(|| load::flat_out(self.address, requests, connections, settings.duration()))
    }

    /// What kinds of requests cost Envoy that take turns, in microseconds of its
    /// processor time a request.
    pub(crate) fn in_turn<const KINDS: usize>(
        &self,
        settings: &Settings,
        kinds: [Requests<'_>; KINDS],
    ) -> Result<[f64; KINDS]> {
        let duration = settings.duration();
        let cpu = || Ok(self.usage()?.cpu);
        let costs = load::in_turn(self.address, &kinds, settings.connections, duration, cpu)?;
        let mut each = [0.0; KINDS];
        for (each, (cpu, answered)) in each.iter_mut().zip(costs) {
            *each = cpu.as_secs_f64() * 1e6 / f64::from(u32::try_from(answered)?);
        }
        Ok(each)
    }

    /// Each request once, as fast as answers come.
    pub(crate) fn once_each(&self, settings: &Settings, requests: Requests<'_>) -> Result<FlatOut> {
        self.measured(|| load::once_each(self.address, requests, settings.connections))
    }

    /// What Envoy uses for as many requests as `load` says it has sent.
    fn measured(&self, load: impl FnOnce() -> Result<u64>) -> Result<FlatOut> {
        let before = self.usage()?;
        let start = now();
        let answered = load()?;
        let took = start.elapsed();
        let after = self.usage()?;
        let requests = f64::from(u32::try_from(answered)?);
        Ok(FlatOut {
            rps: requests / took.as_secs_f64(),
            cpu_us: after.cpu.saturating_sub(before.cpu).as_secs_f64() * 1e6 / requests,
            rss_mb: megabytes(&after)?,
        })
    }

    /// Its memory by now, in units of 1,048,576 bytes.
    pub(crate) fn rss_mb(&self) -> Result<f64> {
        megabytes(&self.usage()?)
    }

    fn usage(&self) -> Result<Usage> {
        self.envoy.usage()
    }

    /// Latencies at a fixed rate, for as long as one measurement takes.
    pub(crate) fn at_rate(
        &self,
        settings: &Settings,
        requests: Requests<'_>,
        rate: u32,
    ) -> Result<Vec<Duration>> {
        let Settings { connections, .. } = *settings;
        load::at_rate(self.address, requests, connections, rate, settings.duration())
    }
}

fn megabytes(usage: &Usage) -> Result<f64> {
    Ok(f64::from(u32::try_from(usage.resident_bytes / 1024)?) / 1024.0)
}

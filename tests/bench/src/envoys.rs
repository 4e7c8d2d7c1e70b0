use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tollgate_support::{Built, Envoy, free_port};

use crate::chain::{CHAINS, Chain, Job, contract};
use crate::clock::now;
use crate::http::Client;
use crate::load;
use crate::samples::FlatOut;
use crate::settings::Settings;
use crate::upstream::Upstream;

/// One chain in an Envoy of its own.
pub(crate) struct Bench {
    envoy: Envoy,
    address: SocketAddr,
}

/// Starts an Envoy for each chain, and makes sure that each does its job: a
/// chain that let everything pass would win.
pub(crate) fn start(built: &Built, job: &Job) -> Result<Vec<Bench>> {
    let upstream = Upstream::start()?;
    let runtime = tokio::runtime::Runtime::new()?;
    CHAINS
        .iter()
        .map(|chain| {
            let bench = runtime
                .block_on(Bench::start(built, job, chain, upstream.port()))
                .with_context(|| format!("the chain {}", chain.name))?;
            bench.does_its_job(chain, job, &upstream)?;
            Ok(bench)
        })
        .collect()
}

impl Bench {
    async fn start(built: &Built, job: &Job, chain: &Chain, upstream: u16) -> Result<Self> {
        let (port, admin) = (free_port()?, free_port()?);
        let filters = (chain.filters)(job, &built.module.display().to_string());
        let bootstrap = bootstrap(port, admin, upstream, &filters)?.to_string();
        let mut envoy = Envoy::with_bootstrap(&built.envoy, &bootstrap, admin, 1)?;
        envoy.ready().await?;
        Ok(Self { envoy, address: (Ipv4Addr::LOCALHOST, port).into() })
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
    pub(crate) fn flat_out(&self, settings: &Settings, job: &Job) -> Result<FlatOut> {
        let before = self.envoy.usage()?;
        let start = now();
        let duration = settings.duration();
        let answered = load::flat_out(self.address, &job.admitted, settings.connections, duration)?;
        let took = start.elapsed();
        let after = self.envoy.usage()?;
        let requests = f64::from(u32::try_from(answered)?);
        Ok(FlatOut {
            rps: requests / took.as_secs_f64(),
            cpu_us: after.cpu.saturating_sub(before.cpu).as_secs_f64() * 1e6 / requests,
            rss_mb: f64::from(u32::try_from(after.resident_bytes / 1024)?) / 1024.0,
        })
    }

    /// Latencies at a fixed rate, for as long as one measurement takes.
    pub(crate) fn at_rate(
        &self,
        settings: &Settings,
        job: &Job,
        rate: u32,
    ) -> Result<Vec<Duration>> {
        let Settings { connections, .. } = *settings;
        load::at_rate(self.address, &job.admitted, connections, rate, settings.duration())
    }
}

/// The same for every chain, but for the filters.
fn bootstrap(port: u16, admin: u16, upstream: u16, filters: &Value) -> Result<Value> {
    let mut chain = filters.as_array().cloned().unwrap_or_default();
    chain.push(json!({"name": "envoy.filters.http.router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
    }}));
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network\
                  .http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "use_remote_address": true,
        "normalize_path": true,
        "merge_slashes": true,
        "route_config": routes()?,
        "http_filters": chain,
    });
    Ok(json!({
        "admin": {"address": loopback(admin)},
        "static_resources": {
            "listeners": [{
                "name": "bench",
                "address": loopback(port),
                "filter_chains": [{"filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": manager,
                }]}],
            }],
            "clusters": [cluster(upstream)],
        },
    }))
}

fn cluster(upstream: u16) -> Value {
    let endpoint = json!({"endpoint": {"address": loopback(upstream)}});
    json!({
        "name": "upstream",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": "upstream",
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    })
}

fn routes() -> Result<Value> {
    let contract = contract()?;
    let id = contract.id();
    let name = format!("{id} upstream");
    let contracts = json!({id: contract.canonical()});
    Ok(json!({"virtual_hosts": [{
        "name": "all",
        "domains": ["*"],
        "metadata": {"filter_metadata": {"tollgate": {"contracts": contracts}}},
        "routes": [{
            "name": name,
            "match": {"prefix": "/"},
            "route": {"cluster": "upstream"},
        }],
    }]}))
}

fn loopback(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}

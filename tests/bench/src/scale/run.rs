//! One size, from the first start to the last change.

#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tollgate_support::{Built, Call, Envoy, Process, Upstream, eventually, free_port};

use crate::by_api;
use crate::fleet::Fleet;
use crate::table::{HOST, OPERATIONS, Table, path};

const PATIENCE: Duration = Duration::from_mins(20);

/// What a change is waited for. The load of the machine is none of the product's.
const LIVE_WITHIN: Duration = Duration::from_mins(1);

/// What is measured at a size.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) changes: usize,
    /// How many clients are simulated.
    pub(crate) clients: usize,
    /// At how many APIs at most changes by the admin API are measured.
    pub(crate) by_api: usize,
}

pub(crate) async fn measure(
    built: &Built,
    apis: usize,
    Asked { changes, clients, by_api }: Asked,
) -> Result<Value> {
    let operations = apis.saturating_mul(OPERATIONS);
    println!("{operations} operations of {apis} APIs");
    let upstream = Upstream::start().await?;
    let listener = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
    let backend = SocketAddr::from((Ipv4Addr::LOCALHOST, upstream.port()));
    let table = Table::write(apis, listener, backend)?;
    let serving = Serving::start(built, &table, None).await?;
    let Serving { process: control_plane, xds, load, .. } = serving;
    let loaded = control_plane.usage()?;

    let start = now();
    let mut envoy = Envoy::start(&built.envoy, xds)?;
    envoy.ready().await.with_context(|| control_plane.tail())?;
    let last = apis.saturating_sub(1);
    let synced = reached(listener, &path(last), "0", start).await?;
    let envoy_loaded = envoy.usage()?;
    let (first_route, last_route) = (latency(listener, 0).await?, latency(listener, last).await?);

    let (before, bytes) = (control_plane.usage()?.cpu, received(&envoy).await?);
    let envoy_before = envoy.usage()?.cpu;
    let idle = idle(&control_plane, &envoy).await?;
    let (mut live, mut began) = (Vec::new(), now());
    for change in 1..=changes {
        let api = change.saturating_mul(7919).checked_rem(apis).unwrap_or_default();
        let revision = change.to_string();
        let start = now();
        if change == 1 {
            began = start;
        }
        table.change(api, &revision)?;
        live.push(reached(listener, &path(api), &revision, start).await?);
    }
    let took = began.elapsed();
    let spent = control_plane.usage()?.cpu.saturating_sub(before);
    let envoy_spent = envoy.usage()?.cpu.saturating_sub(envoy_before);
    live.sort();
    let each = |total: f64| total / changes.max(1) as f64;
    let fleet = fleet(xds, &table, clients).await?;
    let mut measured = json!({
        "operations": operations,
        "apis": apis,
        "control_plane": {
            "load_and_check_ms": ms(load),
            "load_cpu_ms": ms(loaded.cpu),
            "resident_mb": mb(loaded.resident_bytes),
            "resident_after_changes_mb": mb(control_plane.usage()?.resident_bytes),
        },
        "envoy": {
            "full_sync_ms": ms(synced),
            "cpu_ms": ms(envoy_loaded.cpu),
            "resident_mb": mb(envoy_loaded.resident_bytes),
            "resident_after_changes_mb": mb(envoy.usage()?.resident_bytes),
            "first_route_us": first_route.as_micros(),
            "last_route_us": last_route.as_micros(),
        },
        "change": {
            "changes": changes,
            "seconds": took.as_secs_f64(),
            "live_ms_p50": ms(at(&live, 50)),
            "live_ms_p99": ms(at(&live, 99)),
            "bytes_sent": each((received(&envoy).await?.saturating_sub(bytes)) as f64),
            "control_plane_cpu_ms": each(ms(spent)),
            "envoy_cpu_ms": each(ms(envoy_spent)),
            "cpu_ms_per_second_when_idle": idle,
        },
        "fleet": fleet,
    });
    if apis <= by_api {
        drop((envoy, control_plane));
        let changed = by_api::measure(built, &table, listener, changes).await?;
        measured.as_object_mut().map(|all| all.insert("change_by_api".to_owned(), changed));
    }
    Ok(measured)
}

/// A control plane that serves a table.
pub(crate) struct Serving {
    pub(crate) process: Process,
    pub(crate) xds: SocketAddr,
    pub(crate) admin: SocketAddr,
    /// How long until it listened, which is when all was checked.
    load: Duration,
}

impl Serving {
    pub(crate) async fn start(built: &Built, table: &Table, store: Option<&str>) -> Result<Self> {
        let address =
            || Ok::<_, anyhow::Error>(SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?)));
        let (xds, introspection, admin) = (address()?, address()?, address()?);
        let mut command = Command::new(&built.tollgate);
        command.arg("serve").arg(table.path()).arg("--module").arg(&built.module);
        command.arg("--xds").arg(xds.to_string());
        command.arg("--introspection").arg(introspection.to_string());
        command.arg("--admin").arg(admin.to_string());
        if let Some(store) = store {
            command.arg("--store").arg(store);
        }
        let start = now();
        let mut process = Process::start("the control plane", command, tempfile::tempdir()?)?;
        eventually("the control plane listens", PATIENCE, async || {
            let ended = process.ended().is_some();
            (ended || tokio::net::TcpStream::connect(xds).await.is_ok()).then_some(())
        })
        .await?;
        process.still_running()?;
        Ok(Self { process, xds, admin, load: start.elapsed() })
    }
}

/// Until a request sees a revision of an API.
pub(crate) async fn reached(
    listener: SocketAddr,
    path: &str,
    revision: &str,
    start: Instant,
) -> Result<Duration> {
    let call = Call::get(HOST, path);
    while LIVE_WITHIN.saturating_mul(20) > start.elapsed() {
        let answer = call.send(listener).await;
        if answer.is_ok_and(|answer| answer.header("x-revision") == Some(revision)) {
            return Ok(start.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    anyhow::bail!("revision {revision} at {path} never came")
}

/// The median of some requests.
async fn latency(listener: SocketAddr, api: usize) -> Result<Duration> {
    let call = Call::get(HOST, &path(api));
    let mut took = Vec::new();
    for _ in 0..300 {
        let start = now();
        call.send(listener).await?;
        took.push(start.elapsed());
    }
    took.sort();
    Ok(at(&took, 50))
}

/// What both take while nothing happens, in milliseconds a second.
async fn idle(control_plane: &Process, envoy: &Envoy) -> Result<Value> {
    let before = [control_plane.usage()?.cpu, envoy.usage()?.cpu];
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = [control_plane.usage()?.cpu, envoy.usage()?.cpu];
    let spent = |index: usize| {
        let [before, after] =
            [before, after].map(|both| both.get(index).copied().unwrap_or_default());
        ms(after.saturating_sub(before)) / 5.0
    };
    Ok(json!({ "control_plane": spent(0), "envoy": spent(1) }))
}

pub(crate) async fn received(envoy: &Envoy) -> Result<u64> {
    let stats = envoy.stats("cluster.xds.upstream_cx_rx_bytes_total").await?;
    Ok(stats.values().sum())
}

/// Simulated clients: how long after a change the first and the last of them has
/// acknowledged it.
async fn fleet(xds: SocketAddr, table: &Table, clients: usize) -> Result<Value> {
    if clients == 0 {
        return Ok(Value::Null);
    }
    let start = now();
    let mut fleet = Fleet::connect(xds, clients).await?;
    let synced = fleet.settled(start).await;
    let bytes = fleet.bytes();
    let (mut all, mut apart) = (Vec::new(), Vec::new());
    for change in 0..20_usize {
        let start = now();
        let revision = format!("fleet-{change}");
        let api = change.checked_rem(table.apis).unwrap_or_default();
        let (first, last) = fleet.all_hear(|| table.change(api, &revision)).await?;
        all.push(last.saturating_duration_since(start));
        apart.push(last.saturating_duration_since(first));
    }
    all.sort();
    apart.sort();
    Ok(json!({
        "clients": clients,
        "full_sync_ms": ms(synced),
        "full_sync_mb": mb(bytes),
        "last_ack_after_write_ms_p50": ms(at(&all, 50)),
        "last_ack_after_write_ms_max": ms(at(&all, 100)),
        "last_ack_after_first_ms_p50": ms(at(&apart, 50)),
        "last_ack_after_first_ms_max": ms(at(&apart, 100)),
    }))
}

pub(crate) fn at(sorted: &[Duration], percent: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    let index = sorted.len().saturating_mul(percent).div_ceil(100).saturating_sub(1);
    sorted.get(index.min(last)).copied().unwrap_or_default()
}

pub(crate) fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1_000_000.0
}

#[expect(clippy::disallowed_methods, reason = "it measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

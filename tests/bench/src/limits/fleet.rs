//! A control plane that deals limits among hundreds of Envoys, all of which are
//! simulated: what they say is what ours would.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tollgate_support::{Built, ControlPlane};
use tollgate_sync::deal::{Ask, Demand, METHOD, PAGE, Request, Response, SERVICE, halves, key};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use crate::clock::now;
use crate::finding::{Bar, Finding};
use crate::settings::Settings;

const ENVOYS: u32 = 200;
const KEYS: u32 = 100_000;

/// Each key is asked for at so many Envoys.
const EACH_AT: u32 = 4;

/// Windows of which every Envoy is lent some.
const WINDOWS: u32 = 1_000;

/// Of how many keys the demand at one Envoy has changed from one exchange to the next.
const CHANGES: usize = 20;

/// Five exchanges a second.
const PERIOD: Duration = Duration::from_millis(200);

/// In which everybody has told everything.
const WARM_UP: Duration = Duration::from_secs(13);

const WHOLE: u32 = 1_000_000;
const SHARE: u32 = WHOLE / ENVOYS;

/// Measures what becomes of the control plane meanwhile.
pub(super) fn measure(built: &Built, settings: &Settings) -> Result<[Finding; 2]> {
    println!("{ENVOYS} simulated Envoys share {KEYS} keys for {} s", settings.fleet_seconds);
    Runtime::new()?.block_on(async {
        let folder = tempfile::tempdir()?;
        let store = format!("sqlite:{}", folder.path().join("tollgate.db").display());
        create(built, &store)?;
        let options = ["--store", &store];
        let mut control_plane = ControlPlane::with(built, CONFIG, &options, &[]).await?;
        let mut envoys = JoinSet::new();
        let span = Duration::from_secs(settings.fleet_seconds.into());
        let (begin, end) = (now_and(WARM_UP), now_and(WARM_UP.saturating_add(span)));
        for number in 0..ENVOYS {
            let envoy = Envoy::connect(control_plane.xds(), number).await?;
            envoys.spawn(envoy.run(begin, end));
        }
        tokio::time::sleep_until(begin).await;
        let before = control_plane.process()?.usage()?;
        tokio::time::sleep_until(end).await;
        let after = control_plane.process()?.usage()?;
        let mut took = Vec::new();
        while let Some(envoy) = envoys.join_next().await {
            took.extend(envoy??);
        }
        println!("{} exchanges, {} MB", took.len(), after.resident_bytes / 1_000_000);
        let core = after.cpu.saturating_sub(before.cpu).as_secs_f64() / span.as_secs_f64();
        Ok(findings(core, took))
    })
}

fn findings(core: f64, mut took: Vec<Duration>) -> [Finding; 2] {
    took.sort_unstable();
    let rank = took.len().saturating_mul(99).div_ceil(100).saturating_sub(1);
    let p99 = took.get(rank).copied().unwrap_or(Duration::MAX);
    [
        Finding {
            name: "fleet_cpu_percent",
            what: "200 Envoys that share 100,000 keys, five exchanges a second each: control plane",
            unit: "% of a core",
            bar: Bar::AtMost(50.0),
            values: vec![100.0 * core],
        },
        Finding {
            name: "fleet_p99_ms",
            what: "the same: 99 of 100 exchanges, which come every 200 ms",
            unit: "ms",
            bar: Bar::AtMost(200.0),
            values: vec![p99.as_secs_f64() * 1_000.0],
        },
    ]
}

/// Makes the store, as whoever uses one does.
fn create(built: &Built, store: &str) -> Result<()> {
    let mut command = std::process::Command::new(&built.tollgate);
    let done = command.args(["tenants", "create", "acme", "--store", store]).output()?;
    anyhow::ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

const CONFIG: &str = "
listeners: { public: { address: \"127.0.0.1:9\" } }
rate_limits: { envoys: 200 }
backends: { demo: { endpoints: [\"127.0.0.1:9\"] } }
apis: { demo: { hosts: [\"*\"], routes: { all: { match: { prefix: / }, backend: demo, auth: none } } } }
";

/// One Envoy, as the control plane knows it.
struct Envoy {
    client: Grpc<Channel>,
    number: u32,
    exchange: u64,
    applied: u64,
    dealer: u64,
    /// The keys that it is asked for.
    keys: Vec<u128>,
    /// How many of them the dealer was told of.
    told: usize,
    holds: BTreeMap<u128, u32>,
    /// Up to where it may count in some window, and has.
    counted: BTreeMap<u128, u64>,
}

impl Envoy {
    async fn connect(xds: SocketAddr, number: u32) -> Result<Self> {
        let channel = Endpoint::from_shared(format!("http://{xds}"))?.connect().await?;
        let of_it = |key: &u32| (0..EACH_AT).any(|at| of(*key, at) == number);
        let keys = (0..KEYS).filter(of_it).map(name).collect();
        Ok(Self {
            client: Grpc::new(channel),
            number,
            exchange: 0,
            applied: 0,
            dealer: 0,
            keys,
            told: 0,
            holds: BTreeMap::new(),
            counted: BTreeMap::new(),
        })
    }

    /// Exchanges until the end; how long those took that came after the beginning.
    async fn run(mut self, begin: Instant, end: Instant) -> Result<Vec<Duration>> {
        // Not all at the same moment.
        let turn = PERIOD.saturating_mul(self.number).checked_div(ENVOYS).unwrap_or_default();
        let first = now_and(turn);
        let mut pace = interval_at(first, PERIOD);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut took = Vec::new();
        loop {
            let asked = pace.tick().await;
            if end <= asked {
                return Ok(took);
            }
            let request = self.request();
            let sent = now();
            let response = self.ask(request.clone()).await?;
            if begin <= asked {
                took.push(sent.elapsed());
            }
            self.take(&request, &response);
        }
    }

    async fn ask(&mut self, request: Request) -> Result<Response> {
        self.client.ready().await?;
        let path = PathAndQuery::try_from(format!("/{SERVICE}/{METHOD}"))?;
        let codec = ProstCodec::<Request, Response>::default();
        let response = self.client.unary(tonic::Request::new(request), path, codec).await;
        Ok(response.context("an exchange")?.into_inner())
    }

    fn request(&mut self) -> Request {
        self.exchange = self.exchange.saturating_add(1);
        let (demands, complete) = self.demands();
        Request {
            instance: u128::from(self.number).to_le_bytes().to_vec(),
            number: self.exchange,
            applied: self.applied,
            turn: 0,
            dealer: self.dealer,
            complete,
            share: SHARE,
            demands,
            asks: vec![self.window()],
            overrides: 1,
        }
    }

    /// All keys at first, a page at a time, and then those that have changed.
    fn demands(&mut self) -> (Vec<Demand>, bool) {
        let rest = self.keys.get(self.told..).unwrap_or_default();
        let page = if rest.is_empty() {
            let pages = self.keys.chunks(CHANGES);
            let turn = usize::try_from(self.exchange).unwrap_or(0).checked_rem(pages.len());
            pages.clone().nth(turn.unwrap_or(0))
        } else {
            rest.chunks(PAGE).next()
        };
        let demands = page.unwrap_or_default().iter().map(|key| self.demand(*key)).collect();
        let is_complete = rest.len() <= PAGE;
        self.told = self.told.saturating_add(PAGE).min(self.keys.len());
        (demands, is_complete)
    }

    /// Between a tenth of a limit and all of it, and never twice the same.
    fn demand(&self, key: u128) -> Demand {
        let (high, low) = halves(key);
        let turn = low.wrapping_add(self.exchange).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
        let wants = u32::try_from(turn).unwrap_or(0).clamp(WHOLE / 10, WHOLE);
        let holds = self.holds.get(&key).copied().unwrap_or(SHARE);
        Demand { high, low, wants, holds }
    }

    /// One window after another, each of which is used.
    fn window(&self) -> Ask {
        let turn = u32::try_from(self.exchange).unwrap_or(0).wrapping_add(self.number);
        let window = turn.checked_rem(WINDOWS).unwrap_or(0);
        let key = name(KEYS.saturating_add(window));
        let (high, low) = halves(key);
        let cap = self.counted.get(&key).copied().unwrap_or_default();
        let (begins, limit) = (1_700_000_000, 1 << 40);
        Ask { high, low, begins, ends: 0, limit, spent: cap, cap, wants: 10 }
    }

    fn take(&mut self, request: &Request, response: &Response) {
        (self.applied, self.dealer) = (request.number, response.dealer);
        for grant in &response.grants {
            let key = key(grant.high, grant.low);
            match grant.share {
                Some(share) => self.holds.insert(key, share),
                None => self.holds.remove(&key),
            };
        }
        for lent in &response.lent {
            self.counted.insert(key(lent.high, lent.low), lent.cap);
        }
    }
}

/// The Envoy that is asked for a key.
fn of(key: u32, at: u32) -> u32 {
    key.wrapping_mul(31).wrapping_add(at.wrapping_mul(47)).checked_rem(ENVOYS).unwrap_or(0)
}

/// What all Envoys call it.
fn name(key: u32) -> u128 {
    u128::from(key).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

fn now_and(span: Duration) -> Instant {
    let start = Instant::from_std(now());
    start.checked_add(span).unwrap_or(start)
}

//! Callers who leave while a provider is asked about them: at any moment, in any
//! way, in any number. `TOLLGATE_LEAVING` says how many; 4,000 if it does not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tollgate_e2e::address_of;
use tollgate_support::{Connection, Protocol, eventually};

use crate::PATIENCE;
use crate::gate::{Gate, order};
use crate::provider_double::{ProviderDouble, Says};

/// How long the provider takes, and thus how long callers wait.
const ASKING: Duration = Duration::from_millis(80);

/// How many callers there are at a time.
const AT_ONCE: usize = 100;

/// Some wait for one call, some for their own.
const TOKENS: u64 = 24;

/// Numbers that look random, the same ones every time (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn moment(&mut self) -> Duration {
        Duration::from_micros(self.below(3 * u64::try_from(ASKING.as_micros()).unwrap() / 2))
    }
}

/// One caller, who leaves in one way or another, or stays.
async fn comes(address: SocketAddr, number: u64) -> std::io::Result<()> {
    let mut chance = Chance(number);
    let token = format!("t{}", chance.below(TOKENS));
    if chance.below(4) == 0 {
        return over_http2(address, &token, &mut chance).await;
    }
    let mut stream = TcpStream::connect(address).await?;
    let one = format!(
        "GET /orders/7 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         x-forwarded-for: {}\r\n\r\n",
        address_of(&token)
    );
    match chance.below(6) {
        // In the middle of a head.
        0 => {
            let cut = usize::try_from(chance.below(one.len() as u64)).unwrap();
            stream.write_all(&one.as_bytes()[..cut]).await?;
            sleep(chance.moment() / 8).await;
            stream.set_zero_linger()
        }
        // While it waits, with a reset.
        1 => {
            stream.write_all(one.as_bytes()).await?;
            sleep(chance.moment()).await;
            stream.set_zero_linger()
        }
        // With a second request behind it, and with a reset.
        2 => {
            stream.write_all(one.repeat(2).as_bytes()).await?;
            sleep(chance.moment()).await;
            stream.set_zero_linger()
        }
        // Half, then altogether.
        3 => {
            stream.write_all(one.as_bytes()).await?;
            stream.shutdown().await?;
            sleep(chance.moment()).await;
            Ok(())
        }
        // At the first byte of the answer.
        4 => {
            stream.write_all(one.as_bytes()).await?;
            timeout(PATIENCE, stream.read(&mut [0])).await??;
            stream.set_zero_linger()
        }
        // In order, at some moment.
        _ => {
            stream.write_all(one.as_bytes()).await?;
            sleep(chance.moment()).await;
            Ok(())
        }
    }
}

/// Several requests on one connection, each of which is given up at some moment.
async fn over_http2(address: SocketAddr, token: &str, chance: &mut Chance) -> std::io::Result<()> {
    let Ok(mut connection) = Connection::open(Protocol::Http2, address).await else {
        return Ok(());
    };
    for _ in 0..4 {
        let (moment, order) = (chance.moment(), order(token));
        timeout(moment, connection.send(&order)).await.ok();
    }
    Ok(())
}

/// Everything in Envoy that counts what is under way.
async fn under_way(gate: &Gate) -> Vec<(String, u64)> {
    let names = "http.public.downstream_(rq|cx)_active|cluster.*upstream_rq_(pending_)?active";
    let active = gate.envoy.stats(names).await.unwrap();
    active.into_iter().filter(|(_, count)| *count != 0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_leave_while_they_wait_leave_nothing_behind() {
    let wanted = std::env::var("TOLLGATE_LEAVING").ok().and_then(|text| text.parse().ok());
    let wanted: u64 = wanted.unwrap_or(4_000);
    let provider = ProviderDouble::start().await;
    // Nobody is remembered, so that everybody waits.
    let gate = Gate::start(provider.address(), 0).await;
    provider.says(Says::Late(ASKING));
    let (places, mut leaving) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    let mut resident = Vec::new();
    for number in 0..wanted {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let address = gate.address;
        leaving.spawn(async move {
            // That Envoy closes first is as good.
            comes(address, number).await.ok();
            drop(place);
        });
        while leaving.try_join_next().is_some() {}
        if number % (wanted / 4).max(1) == 0 {
            resident.push(gate.envoy.usage().unwrap().resident_bytes >> 20);
        }
    }
    leaving.join_all().await;
    eventually("nothing is under way", PATIENCE, async || {
        under_way(&gate).await.is_empty().then_some(())
    })
    .await
    .unwrap();
    let stats = gate.envoy.stats("http.public.downstream").await.unwrap();
    let count = |name: &str| stats[&format!("http.public.downstream_{name}")];
    let (requests, broken) = (count("rq_total"), count("cx_destroy_remote_active_rq"));
    println!(
        "{wanted} callers, {requests} requests, {} given up, {broken} connections broken off under \
         one, {} questions; MiB resident on the way: {resident:?}",
        count("rq_rx_reset"),
        provider.asked(),
    );
    assert!(wanted / 4 < broken, "few left while they waited: {broken}");
    provider.says(Says::json(r#"{"active":true,"sub":"ann","aud":"api","scope":"orders.read"}"#));
    for _ in 0..10 {
        assert_eq!(gate.status("who-stays").await, 200);
    }
    gate.never_trapped().await;
}

//! Those who call, each through the Envoy that they happen to have got.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tollgate_e2e::{ACME, HOST};
use tollgate_support::{Answer, Call, RawConnection, eventually};

use crate::Fleet;

/// Connections, each with the Envoy that has it.
pub(crate) struct Callers(Vec<(usize, RawConnection)>);

/// What came of some load.
pub(crate) struct Came {
    /// How many calls each Envoy admitted.
    pub(crate) admitted: Vec<u64>,
}

// === impl Callers ===

impl Callers {
    /// So many through each Envoy. The kernel divides connections among all that
    /// listen; the Envoys say who has got one.
    pub(crate) async fn connect(fleet: &Fleet, to_each: usize) -> Self {
        let mut callers = Self(Vec::new());
        let mut before = accepted(fleet).await;
        while (0..fleet.envoys.len()).any(|envoy| callers.of(envoy) < to_each) {
            let connection = RawConnection::open(fleet.address).await.unwrap();
            let now = eventually("an Envoy has it", Duration::from_secs(20), async || {
                let now = accepted(fleet).await;
                (now != before).then_some(now)
            });
            let now = now.await.unwrap();
            let envoy = (0..now.len()).find(|at| before[*at] < now[*at]).unwrap();
            if callers.of(envoy) < to_each {
                callers.0.push((envoy, connection));
            }
            before = now;
        }
        callers
    }

    fn of(&self, envoy: usize) -> usize {
        self.0.iter().filter(|(at, _)| *at == envoy).count()
    }

    /// Gives up the connections through an Envoy.
    pub(crate) fn leave(&mut self, envoy: usize) {
        self.0.retain(|(at, _)| *at != envoy);
    }

    /// Calls so many times a second through each Envoy, and shows what came of it.
    pub(crate) async fn load(&mut self, rates: &[u64], span: Duration) -> Came {
        let mut calling = JoinSet::new();
        let each: Vec<u64> =
            (0..rates.len()).map(|at| rates[at] / (self.of(at) as u64).max(1)).collect();
        for (envoy, connection) in self.0.drain(..) {
            let rate = each[envoy];
            calling.spawn(async move { (envoy, call(connection, rate, span).await) });
        }
        let mut admitted = vec![0; rates.len()];
        for (envoy, (connection, count)) in calling.join_all().await {
            admitted[envoy] += count;
            self.0.push((envoy, connection));
        }
        println!("asked {rates:?} a second for {span:?}, admitted {admitted:?}");
        Came { admitted }
    }
}

async fn accepted(fleet: &Fleet) -> Vec<u64> {
    let mut accepted = Vec::new();
    for envoy in &fleet.envoys {
        let stats = envoy.stats("listener.*downstream_cx_total").await.unwrap();
        let ours = stats.iter().filter(|(name, _)| !name.contains("admin"));
        accepted.push(ours.map(|(_, count)| count).sum());
    }
    accepted
}

async fn call(mut connection: RawConnection, rate: u64, span: Duration) -> (RawConnection, u64) {
    let request =
        format!("GET /orders HTTP/1.1\r\nhost: {HOST}\r\nx-api-key: {ACME}\r\n\r\n").into_bytes();
    let (began, mut admitted, mut calls) = (Instant::now(), 0, 0);
    if rate == 0 {
        tokio::time::sleep(span).await;
    }
    while rate != 0 && began.elapsed() < span {
        let answer = connection.send(&request).await.unwrap();
        assert!([200, 429].contains(&answer.status) || is_uncounted(&answer), "{answer:?}");
        admitted += u64::from(answer.status == 200);
        calls += 1;
        tokio::time::sleep_until(began + Duration::from_secs_f64(f64::from(calls) / rate as f64))
            .await;
    }
    (connection, admitted)
}

/// Refused because nothing may be counted without the control plane.
pub(crate) fn is_uncounted(answer: &Answer) -> bool {
    answer.status == 503 && answer.json()["type"] == "urn:tollgate:problem:counters-unavailable"
}

/// One call, through any Envoy.
pub(crate) async fn once(address: SocketAddr) -> Answer {
    Call::get(HOST, "/orders").header("x-api-key", ACME).send(address).await.unwrap()
}

// === impl Came ===

impl Came {
    pub(crate) fn all(&self) -> u64 {
        self.admitted.iter().sum()
    }
}

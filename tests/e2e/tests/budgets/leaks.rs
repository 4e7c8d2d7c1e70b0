//! Whatever ends an exchange, what it held is given back.

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tollgate_e2e::{ACME, Gateway, HOST};
use tollgate_support::{Connection, Protocol, RawConnection};

use crate::{at_rest, budgets, get};

/// How many requests; `TOLLGATE_SOAK_REQUESTS=100000` for the whole of it.
fn requests() -> usize {
    env::var("TOLLGATE_SOAK_REQUESTS").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

const CALLERS: usize = 24;

/// One request, by its number: most end early in one way or another.
async fn one(address: std::net::SocketAddr, number: usize) {
    let head = format!("POST /orders HTTP/1.1\r\nhost: {HOST}\r\nx-api-key: {ACME}\r\n");
    let pause = Duration::from_micros((number as u64).wrapping_mul(0x9e37_79b9) % 8_000);
    match number % 6 {
        // The whole exchange.
        0 => drop(get(ACME).send(address).await),
        // The caller goes before the answer, at any moment.
        1 | 2 => drop(tokio::time::timeout(pause, get(ACME).send(address)).await),
        // It goes within its own body.
        3 => {
            let request = format!("{head}content-length: 1000\r\n\r\nnot all");
            let sent = async { RawConnection::open(address).await?.send(request.as_bytes()).await };
            drop(tokio::time::timeout(pause, sent).await);
        }
        // It resets one stream of several.
        4 => {
            if let Ok(mut connection) = Connection::open(Protocol::Http2, address).await {
                drop(tokio::time::timeout(pause, connection.send(&get(ACME))).await);
                drop(connection.send(&get(ACME)).await);
            }
        }
        // It opens a web socket, and goes.
        _ => {
            let request = format!(
                "GET /socket HTTP/1.1\r\nhost: {HOST}\r\nx-api-key: {ACME}\r\nconnection: upgrade\r\n\
                 upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAA\r\n\r\n"
            );
            let Ok(mut socket) = RawConnection::open(address).await else { return };
            drop(tokio::time::timeout(pause, socket.upgrade(request.as_bytes())).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_requests_that_end_in_any_way() {
    let limits = "{ in_flight: 12, streams: 8, connections: 1000 }";
    let gateway = Gateway::start(&budgets(limits, 16)).await.unwrap();
    gateway.upstream.delay(Duration::from_millis(3));
    gateway.upstream.fail(503, requests() / 10);
    let (next, total) = (Arc::new(AtomicUsize::new(0)), requests());
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (address, next) = (gateway.address, Arc::clone(&next));
            tokio::spawn(async move {
                while next.load(Ordering::Relaxed) < total {
                    one(address, next.fetch_add(1, Ordering::Relaxed)).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    at_rest(&gateway).await;
    let refused = gateway.envoy.stats("tollgate.budget.refused").await.unwrap();
    println!("{} requests sent, {} at the backend, {refused:?}", total, gateway.upstream.count());
    assert!(total / 10 < gateway.upstream.count());
    // All that there is can be had again.
    gateway.upstream.delay(Duration::from_secs(3));
    let statuses = crate::statuses(crate::at_once(&gateway, &get(ACME), 20)).await;
    assert_eq!(statuses, std::collections::BTreeMap::from([(200, 12), (503, 8)]));
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}

//! From a listening port to connections that may be spoken on.

use std::io;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;

use crate::address::Address;
use crate::connection::Connection;
use crate::listener::{Open, Socket};
use crate::report;
use crate::tls::ServerTls;

/// How long a client may take to show who it is.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Connections whose handshakes are under way. Further ones wait in the system's queue.
const HANDSHAKES_MAX: usize = 256;

/// When there are no more descriptors, some are given back by and by.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections that are good, one after another. A client that does not finish
/// its handshake holds up nobody.
pub(crate) fn incoming(
    listener: Open,
    tls: Option<ServerTls>,
) -> ReceiverStream<io::Result<Connection>> {
    let (good, incoming) = mpsc::channel(HANDSHAKES_MAX);
    tokio::spawn(async move {
        tokio::select! {
            () = accept(&listener, tls.as_ref(), &good) => {}
            () = follow(tls.as_ref()) => {}
            () = good.closed() => {}
        }
    });
    ReceiverStream::new(incoming)
}

async fn follow(tls: Option<&ServerTls>) {
    match tls {
        Some(tls) => tls.follow().await,
        None => std::future::pending().await,
    }
}

async fn accept(
    listener: &Open,
    tls: Option<&ServerTls>,
    good: &mpsc::Sender<io::Result<Connection>>,
) {
    while let Ok(permit) = good.clone().reserve_owned().await {
        let Ok((io, peer)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        let tls = tls.cloned();
        tokio::spawn(async move {
            match timeout(HANDSHAKE, secured(io, &peer, tls)).await {
                Ok(Ok(connection)) => {
                    permit.send(Ok(connection));
                }
                Ok(Err(why)) => report::no_handshake(&peer, &why.to_string()),
                Err(_) => report::no_handshake(&peer, "it did not come in time"),
            }
        });
    }
}

async fn secured(
    io: Box<dyn Socket>,
    peer: &Address,
    tls: Option<ServerTls>,
) -> io::Result<Connection> {
    match tls {
        None => Connection::plain(io, peer),
        Some(tls) => Connection::secure(tls.acceptor().accept(io).await?, peer),
    }
}

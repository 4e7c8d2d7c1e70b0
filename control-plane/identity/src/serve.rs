use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::reply::Reply;
use crate::{IntrospectionService, KeySetService};

/// Where callers on the same machine find it.
pub const INTROSPECTION_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 18_002);

/// More callers than a fleet has workers.
const CONNECTIONS_MAX: usize = 4_096;

/// Of one worker, on one connection.
const STREAMS_MAX: u32 = 1_024;

/// How long the next head may take. On HTTP/1.1 that is also how long a connection
/// may be idle, and a caller that uses one as it is closed would get no answer.
const HEAD_WITHIN: Duration = Duration::from_mins(2);

/// How often a connection is asked whether it still lives, and how long it may
/// think about that.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));

/// How long answers may take when serving is to end.
const GRACE: Duration = Duration::from_secs(1);

/// There are no more sockets, for a moment.
const BREATH: Duration = Duration::from_millis(50);

/// What answers requests.
pub trait Answers:
    Service<Request<Incoming>, Response = Reply, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static
{
}

impl Answers for IntrospectionService {}
impl Answers for KeySetService {}

/// Serves on a listener, over HTTP/1.1 and over HTTP/2 without TLS, until `end`
/// is ready and the answers under way have gone out.
pub async fn serve(
    listener: TcpListener,
    service: impl Answers,
    end: impl Future<Output = ()>,
) -> io::Result<()> {
    let (builder, connections) = (builder(), GracefulShutdown::new());
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut end = pin!(end);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = &mut end => break,
        };
        // Whoever comes when all places are taken is turned away, not kept waiting.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let io = TokioIo::new(accepted);
        let connection = builder.serve_connection(io, service.clone()).into_owned();
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // A connection that breaks off is the caller's to notice.
            connection.await.ok();
            drop(place);
        });
    }
    drop(listener);
    timeout(GRACE, connections.shutdown()).await.ok();
    Ok(())
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) if stream.set_nodelay(true).is_ok() => return stream,
            Ok(_) => {}
            Err(_) => sleep(BREATH).await,
        }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    let (interval, patience) = KEEPALIVE;
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .keep_alive_interval(interval)
        .keep_alive_timeout(patience);
    builder
}

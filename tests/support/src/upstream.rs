use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::{Authority, Certificate};

/// A real HTTP/1.1 and HTTP/2 server that answers each request with what it saw of it,
/// and with the headers that a request wishes for: `x-wish-NAME: VALUE` is answered
/// with `NAME: VALUE`; and a WebSocket, once it is open, with the bytes that came.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    state: Arc<State>,
    server: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    seen: Mutex<Vec<Seen>>,
    count: Mutex<usize>,
    files: Mutex<BTreeMap<String, Bytes>>,
    fetched: Mutex<usize>,
    delay: Mutex<Duration>,
    delays: Mutex<BTreeMap<String, Duration>>,
    failing: Mutex<(u16, usize)>,
}

/// A request as it arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// Its method.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// Every header line, in order. Bytes stand as characters of the same number.
    pub headers: Vec<(String, String)>,
    /// Every trailer, likewise.
    pub trailers: Vec<(String, String)>,
    /// The length of its body.
    pub body_bytes: usize,
    /// HTTP/2 rather than HTTP/1.1.
    pub http2: bool,
}

/// Beyond this, requests are counted but no longer kept: load tests make many.
const KEPT_MAX: usize = 10_000;

impl Upstream {
    /// Listens on a free port.
    pub async fn start() -> Result<Self> {
        Self::on(crate::free_port()?).await
    }

    /// Listens on this port of where a gateway finds it.
    pub async fn on(port: u16) -> Result<Self> {
        Self::at((crate::port::reachable(), port).into()).await
    }

    /// Listens on this address.
    pub async fn at(address: SocketAddr) -> Result<Self> {
        Self::listen(address, None).await
    }

    /// Speaks TLS on a free port, and asks for certificates of `clients`.
    pub async fn secure(shows: &Certificate, clients: Option<&Authority>) -> Result<Self> {
        let config = crate::tls::server(shows, clients)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, crate::free_port()?));
        Self::listen(address, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn listen(address: SocketAddr, tls: Option<TlsAcceptor>) -> Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let server = tokio::spawn(accept(listener, tls, Arc::clone(&state)));
        Ok(Self { address, state, server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Answers `path` with this instead of an echo.
    pub fn serve(&self, path: &str, body: impl Into<Bytes>) {
        lock(&self.state.files).insert(path.to_owned(), body.into());
    }

    /// Waits this long before each answer.
    pub fn delay(&self, delay: Duration) {
        *lock(&self.state.delay) = delay;
    }

    /// Waits this long before each answer to `path`, query included.
    pub fn delay_at(&self, path: &str, delay: Duration) {
        lock(&self.state.delays).insert(path.to_owned(), delay);
    }

    /// Answers the next so many requests with this status.
    pub fn fail(&self, status: u16, times: usize) {
        *lock(&self.state.failing) = (status, times);
    }

    /// The requests so far, files aside.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.state.seen).clone()
    }

    /// How many there were so far, files aside.
    pub fn count(&self) -> usize {
        *lock(&self.state.count)
    }

    /// How often a file was fetched so far.
    pub fn fetched(&self) -> usize {
        *lock(&self.state.fetched)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Seen {
    /// Every value of a header, whose name is given in lower case.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| &**value).collect()
    }

    fn to_json(&self) -> Value {
        json!({
            "method": self.method,
            "path": self.path,
            "headers": self.headers,
            "trailers": self.trailers,
            "body_bytes": self.body_bytes,
        })
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (state, tls) = (Arc::clone(&state), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => converse(stream, state).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        converse(stream, state).await;
                    }
                }
            }
        });
    }
}

async fn converse<T>(stream: T, state: Arc<State>)
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request| answer(request, Arc::clone(&state)));
    // A connection that breaks off is the caller's to notice.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    mut request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let of_path = lock(&state.delays).get(&path).copied();
    let delay = of_path.unwrap_or_else(|| *lock(&state.delay));
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if request.headers().get("upgrade").is_some_and(|value| value == "websocket") {
        tokio::spawn(repeat(hyper::upgrade::on(&mut request)));
        keep(see(request, path).await, &state);
        return Ok(opened());
    }
    let file = lock(&state.files).get(&path).cloned();
    let wished = wished(request.headers());
    let mut response = Response::default();
    let body = if let Some(file) = file {
        let mut fetched = lock(&state.fetched);
        *fetched = fetched.saturating_add(1);
        file
    } else {
        *response.status_mut() = next_status(&state);
        echo(request, path, &state).await
    };
    *response.body_mut() = Full::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    headers.insert("server", hyper::header::HeaderValue::from_static("echo"));
    headers.insert("x-powered-by", hyper::header::HeaderValue::from_static("echo"));
    headers.extend(wished);
    Ok(response)
}

fn wished(headers: &HeaderMap) -> HeaderMap {
    let wished = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix("x-wish-")?.parse().ok()?;
        Some((name, value.clone()))
    });
    wished.collect::<Vec<(hyper::header::HeaderName, _)>>().into_iter().collect()
}

fn next_status(state: &State) -> StatusCode {
    let mut failing = lock(&state.failing);
    let (status, times) = *failing;
    let Some(left) = times.checked_sub(1) else { return StatusCode::OK };
    *failing = (status, left);
    StatusCode::from_u16(status).unwrap_or_default()
}

fn opened() -> Response<Full<Bytes>> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert("connection", hyper::header::HeaderValue::from_static("upgrade"));
    headers.insert("upgrade", hyper::header::HeaderValue::from_static("websocket"));
    response
}

async fn repeat(upgrade: hyper::upgrade::OnUpgrade) {
    if let Ok(stream) = upgrade.await {
        let (mut reader, mut writer) = tokio::io::split(TokioIo::new(stream));
        // Whoever opened it is to notice if it breaks off.
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
    }
}

async fn echo(request: Request<Incoming>, path: String, state: &State) -> Bytes {
    let seen = see(request, path).await;
    let body = format!("{:#}\n", seen.to_json());
    keep(seen, state);
    body.into()
}

fn keep(seen: Seen, state: &State) {
    let mut count = lock(&state.count);
    *count = count.saturating_add(1);
    if *count <= KEPT_MAX {
        lock(&state.seen).push(seen);
    }
}

async fn see(request: Request<Incoming>, path: String) -> Seen {
    let method = request.method().to_string();
    let headers = lines(request.headers());
    let http2 = request.version() == Version::HTTP_2;
    let body = request.into_body().collect().await.ok();
    let trailers = body.as_ref().and_then(|body| body.trailers()).map(lines).unwrap_or_default();
    let body_bytes = body.map(|body| body.to_bytes().len()).unwrap_or_default();
    Seen { method, path, headers, trailers, body_bytes, http2 }
}

fn lines(headers: &HeaderMap) -> Vec<(String, String)> {
    let latin1 = |bytes: &[u8]| bytes.iter().map(|&byte| char::from(byte)).collect();
    headers.iter().map(|(name, value)| (name.to_string(), latin1(value.as_bytes()))).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

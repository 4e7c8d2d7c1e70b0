use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::{http1, http2};
use hyper::header::HeaderMap;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::TlsClient;

/// A request as an ordinary client makes it.
#[derive(Clone, Debug)]
pub struct Call {
    method: String,
    host: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Bytes,
}

/// What came back.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Every header line, in order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Every trailer.
    pub trailers: Vec<(String, String)>,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 without TLS, by prior knowledge.
    Http2,
}

/// A connection to the gateway that is kept alive.
#[derive(Debug)]
pub struct Connection {
    protocol: Protocol,
    scheme: &'static str,
    sender: Sender,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// Long enough for an answer from a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

// === impl Call ===

impl Call {
    /// A GET of `path` at `host`.
    pub fn get(host: &str, path: &str) -> Self {
        Self::new("GET", host, path)
    }

    /// A request without body.
    pub fn new(method: &str, host: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            host: host.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// Adds a header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Adds a bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Adds a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it over HTTP/1.1 on a connection of its own.
    pub async fn send(&self, address: SocketAddr) -> Result<Answer> {
        self.send_over(Protocol::Http1, address).await
    }

    /// Sends it on a connection of its own.
    pub async fn send_over(&self, protocol: Protocol, address: SocketAddr) -> Result<Answer> {
        Connection::open(protocol, address).await?.send(self).await
    }

    /// Sends it on a TLS connection of its own.
    pub async fn send_secure(&self, client: &TlsClient, address: SocketAddr) -> Result<Answer> {
        Connection::secure(client, address).await?.send(self).await
    }

    fn request(&self, protocol: Protocol, scheme: &str) -> Result<Request<Full<Bytes>>> {
        let request = Request::builder().method(self.method.as_str());
        let mut request = match protocol {
            Protocol::Http1 => request.uri(&self.path).header("host", &self.host),
            Protocol::Http2 => request.uri(format!("{scheme}://{}{}", self.host, self.path)),
        };
        for (name, value) in &self.headers {
            request = request.header(name, value.as_slice());
        }
        Ok(request.body(Full::new(self.body.clone()))?)
    }

    /// The head, as HTTP/2 has it too, and the body.
    pub(crate) fn over_quic(&self) -> Result<(Request<()>, Bytes)> {
        let request = self.request(Protocol::Http2, "https")?;
        Ok((request.map(drop), self.body.clone()))
    }
}

// === impl Connection ===

impl Connection {
    /// Connects.
    pub async fn open(protocol: Protocol, address: SocketAddr) -> Result<Self> {
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        Self::over(protocol, "http", stream).await
    }

    /// Connects with TLS.
    pub async fn secure(client: &TlsClient, address: SocketAddr) -> Result<Self> {
        Self::over(client.protocol(), "https", client.connect(address).await?).await
    }

    async fn over<T>(protocol: Protocol, scheme: &'static str, stream: T) -> Result<Self>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let io = TokioIo::new(stream);
        let sender = match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(io).await?;
                tokio::spawn(connection);
                Sender::Http1(sender)
            }
            Protocol::Http2 => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
                tokio::spawn(connection);
                Sender::Http2(sender)
            }
        };
        Ok(Self { protocol, scheme, sender })
    }

    /// Sends one request and reads its answer to the end.
    pub async fn send(&mut self, call: &Call) -> Result<Answer> {
        let request = call.request(self.protocol, self.scheme)?;
        timeout(PATIENCE, self.exchange(request)).await.context("no answer came")?
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer> {
        let response = match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        };
        let status = response.status().as_u16();
        let headers = lines(response.headers());
        let body = response.into_body().collect().await?;
        let trailers = body.trailers().map(lines).unwrap_or_default();
        Ok(Answer { status, headers, trailers, body: body.to_bytes() })
    }
}

// === impl Answer ===

impl Answer {
    /// The first value of a header, whose name is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.values(name).first().copied()
    }

    /// Every value of a header, whose name is given in lower case.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| &**value).collect()
    }

    /// The body as JSON; null if it is something else.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

pub(crate) fn lines(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, Result};
use hyper::HeaderMap;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::metadata::AsciiMetadataKey;
use tonic::server::{NamedService, StreamingService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

/// A real gRPC server, whose messages are `google.protobuf.StringValue`.
///
/// [`GrpcUpstream::SAY`] answers a word with itself, and with `INVALID_ARGUMENT`
/// if there is none. [`GrpcUpstream::CONVERSE`] answers each of many as it comes.
#[derive(Debug)]
pub struct GrpcUpstream {
    address: SocketAddr,
    echo: Echo,
    server: JoinHandle<()>,
}

#[derive(Clone, Debug, Default)]
struct Echo {
    heads: Arc<Mutex<Vec<HeaderMap>>>,
}

struct Say;

struct Converse;

/// A call of [`GrpcUpstream::CONVERSE`] by a real gRPC client.
#[derive(Debug)]
pub struct Conversation {
    words: mpsc::Sender<String>,
    answers: Streaming<String>,
}

/// Long enough for an answer from a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

// === impl GrpcUpstream ===

impl GrpcUpstream {
    /// The path of a unary method.
    pub const SAY: &str = "/test.Echo/Say";

    /// The path of a method that streams both ways.
    pub const CONVERSE: &str = "/test.Echo/Converse";

    /// Listens on a free port. Only within a runtime.
    pub fn start() -> Result<Self> {
        let address = (crate::port::reachable(), crate::free_port()?).into();
        let incoming = TcpIncoming::bind(address)?;
        let echo = Echo::default();
        let serving = Server::builder().add_service(echo.clone()).serve_with_incoming(incoming);
        // A server that ended is the caller's to notice.
        let server = tokio::spawn(async { drop(serving.await) });
        Ok(Self { address, echo, server })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The headers of each call so far.
    pub fn heads(&self) -> Vec<HeaderMap> {
        self.echo.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for GrpcUpstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

// === impl Echo ===

impl NamedService for Echo {
    const NAME: &'static str = "test.Echo";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        heads.push(request.headers().clone());
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::default());
            Ok(match request.uri().path() {
                GrpcUpstream::SAY => grpc.unary(Say, request).await,
                GrpcUpstream::CONVERSE => grpc.streaming(Converse, request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

impl UnaryService<String> for Say {
    type Response = String;
    type Future = Ready<Result<Response<String>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let word = request.into_inner();
        ready(if word.is_empty() {
            Err(Status::invalid_argument("say something"))
        } else {
            Ok(Response::new(word))
        })
    }
}

impl StreamingService<String> for Converse {
    type Response = String;
    type ResponseStream = Streaming<String>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<String>>) -> Self::Future {
        ready(Ok(Response::new(request.into_inner())))
    }
}

// === impl Conversation ===

impl Conversation {
    /// Begins one through a gateway, at `host` there and with these header lines.
    pub async fn open(
        gateway: SocketAddr,
        host: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Status> {
        let endpoint = Endpoint::from_shared(format!("http://{gateway}"));
        let endpoint = endpoint.map_err(unusable)?.timeout(PATIENCE);
        let origin = format!("http://{host}").parse().map_err(unusable)?;
        let channel = endpoint.origin(origin).connect().await.map_err(unusable)?;
        let (words, queue) = mpsc::channel(1);
        let mut request = Request::new(ReceiverStream::new(queue));
        for (name, value) in headers {
            let name: AsciiMetadataKey = name.parse().map_err(unusable)?;
            request.metadata_mut().insert(name, value.parse().map_err(unusable)?);
        }
        let path = http::uri::PathAndQuery::from_static(GrpcUpstream::CONVERSE);
        let mut grpc = tonic::client::Grpc::new(channel);
        grpc.ready().await.map_err(unusable)?;
        let answers = grpc.streaming(request, path, ProstCodec::default()).await?.into_inner();
        Ok(Self { words, answers })
    }

    /// Says a word and waits for the answer to it.
    pub async fn say(&mut self, word: &str) -> Result<Option<String>> {
        self.words.send(word.to_owned()).await?;
        Ok(timeout(PATIENCE, self.answers.message()).await.context("no answer came")??)
    }

    /// Has said everything, and waits for the end: all that it says is the trailers.
    pub async fn end(self) -> Result<HeaderMap> {
        let Self { words, mut answers } = self;
        drop(words);
        let trailers = timeout(PATIENCE, answers.trailers()).await.context("no end came")??;
        Ok(trailers.context("no trailers came")?.into_headers())
    }
}

fn unusable(error: impl std::fmt::Display) -> Status {
    Status::internal(format!("{error:#}"))
}

//! Connections to a control plane.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::codegen::{BoxFuture, Service, http};

use crate::listener::Io;

/// How a connection is secured, and whom the other end's certificate is for.
pub(crate) type Secured = (TlsConnector, ServerName<'static>);

/// Opens connections to one address, whatever is asked for.
pub(crate) struct Dial {
    address: SocketAddr,
    secured: Option<Secured>,
}

// === impl Dial ===

impl Dial {
    pub(crate) fn new(address: SocketAddr, secured: Option<Secured>) -> Self {
        Self { address, secured }
    }
}

impl Service<http::Uri> for Dial {
    type Response = TokioIo<std::pin::Pin<Box<dyn Io>>>;
    type Error = io::Error;
    type Future = BoxFuture<Self::Response, io::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Uri) -> Self::Future {
        let (address, secured) = (self.address, self.secured.clone());
        Box::pin(async move {
            let io = TcpStream::connect(address).await?;
            io.set_nodelay(true)?;
            let io: std::pin::Pin<Box<dyn Io>> = match secured {
                None => Box::pin(io),
                Some((connector, name)) => Box::pin(connector.connect(name, io).await?),
            };
            Ok(TokioIo::new(io))
        })
    }
}

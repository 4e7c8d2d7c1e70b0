use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustix::net::{Shutdown, shutdown};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use crate::address::Address;
use crate::listener::{Io, Socket};
use crate::node::Node;
use crate::tls::{CertifiedNode, NotCertified};

/// A connection that can be cut from outside.
///
/// A client that has stopped reading cannot be told that its stream ended:
/// the message would wait behind the others. So its connection is cut.
pub(crate) struct Connection {
    io: Pin<Box<dyn Io>>,
    peer: Peer,
}

/// The other end of a connection.
#[derive(Clone)]
pub(crate) struct Peer {
    /// Where it calls from.
    pub(crate) address: Address,
    /// Whom its certificate is for; none on a connection in clear.
    certified: Option<Arc<Result<CertifiedNode, NotCertified>>>,
    socket: Arc<OwnedFd>,
}

// === impl Connection ===

impl Connection {
    pub(crate) fn plain(io: Box<dyn Socket>, address: &Address) -> io::Result<Self> {
        let peer = Peer::of(&*io, address, None)?;
        Ok(Self { io: Box::into_pin(io as Box<dyn Io>), peer })
    }

    pub(crate) fn secure(io: TlsStream<Box<dyn Socket>>, address: &Address) -> io::Result<Self> {
        let (socket, session) = io.get_ref();
        let shown = session.peer_certificates().and_then(<[_]>::first);
        let certified =
            shown.map_or(Err(NotCertified::Nobody), |leaf| CertifiedNode::from_der(leaf));
        let peer = Peer::of(&**socket, address, Some(Arc::new(certified)))?;
        Ok(Self { io: Box::pin(io), peer })
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().io.as_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().io.as_mut().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().io.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().io.as_mut().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().io.as_mut().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

// === impl Peer ===

impl Peer {
    fn of(
        io: &dyn Socket,
        address: &Address,
        certified: Option<Arc<Result<CertifiedNode, NotCertified>>>,
    ) -> io::Result<Self> {
        let socket = Arc::new(io.as_fd().try_clone_to_owned()?);
        Ok(Self { address: address.clone(), certified, socket })
    }

    /// Whether it may be the Envoy that it says it is. In clear anybody may.
    pub(crate) fn admit(&self, node: &Node) -> Result<(), String> {
        let Some(certified) = &self.certified else { return Ok(()) };
        let certified = certified.as_ref().as_ref().map_err(ToString::to_string)?;
        certified.admit(node).map_err(|why| why.to_string())
    }

    /// Cuts the connection, with every stream on it.
    pub(crate) fn cut(&self) {
        // It may be closed already, which is as good.
        shutdown(&self.socket, Shutdown::Both).ok();
    }
}

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use axum::serve::Listener;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tollgate_store::{Store, StoreUnavailable};
use tonic::transport::server::Connected as _;

use crate::accept::incoming;
use crate::address::Address;
use crate::cli::admin::AdminArgs;
use crate::config::reason;
use crate::connection::Connection;
use crate::listener;
use crate::report;
use crate::tls::{ServerTls, UnusableTls};

/// Where operators on the same machine find it, if nobody says otherwise.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 18_001);

/// Why the admin API is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum AdminFailed {
    #[error(
        "--admin: {0} can be reached from other machines, and there is no operator who could show \
         who it is; make one with `tollgate operators create`, or choose a loopback address"
    )]
    Open(SocketAddr),
    #[error("--admin: {0} is taken by another program; choose another address with --admin")]
    Taken(SocketAddr),
    #[error("--admin: cannot listen on {address}: {reason}; choose another address with --admin")]
    Bind { address: SocketAddr, reason: String },
    #[error("--admin-certificate: {0}")]
    Tls(UnusableTls),
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Whether it may be served there: everybody who reaches the address could ask.
pub(crate) async fn may_listen(args: &AdminArgs, store: Option<&Store>) -> Result<(), AdminFailed> {
    match args.admin {
        Some(address) if !address.ip().is_loopback() && !has_operators(store).await? => {
            Err(AdminFailed::Open(address))
        }
        _ => Ok(()),
    }
}

/// Claims the port. Nothing if it is the usual one and another control plane on
/// this machine has it.
pub(crate) fn listen(args: &AdminArgs) -> Result<Option<TcpListener>, AdminFailed> {
    let address = args.admin.unwrap_or(ADDRESS);
    match TcpListener::bind(address) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && args.admin.is_none() => {
            report::no_admin(address);
            Ok(None)
        }
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(AdminFailed::Taken(address)),
        Err(error) => Err(AdminFailed::Bind { address, reason: reason(&error) }),
    }
}

/// Its certificate, if it has one.
pub(crate) fn secured(args: &AdminArgs) -> Result<Option<ServerTls>, AdminFailed> {
    args.shown().map(ServerTls::open_to_all).transpose().map_err(AdminFailed::Tls)
}

/// Connections as the server of HTTP takes them.
pub(super) struct Incoming {
    connections: ReceiverStream<io::Result<Connection>>,
    address: Address,
}

impl Incoming {
    pub(super) fn of(listener: TcpListener, tls: Option<ServerTls>) -> io::Result<Self> {
        let listener = listener::Listener::from(listener);
        let address = listener.address()?;
        Ok(Self { connections: incoming(listener.open()?, tls), address })
    }
}

impl Listener for Incoming {
    type Io = Connection;
    type Addr = Address;

    async fn accept(&mut self) -> (Connection, Address) {
        loop {
            match self.connections.next().await {
                Some(Ok(connection)) => {
                    let peer = connection.connect_info().address;
                    return (connection, peer);
                }
                Some(Err(_)) => {}
                // Nobody accepts any more: the process ends.
                None => std::future::pending().await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<Address> {
        Ok(self.address.clone())
    }
}

async fn has_operators(store: Option<&Store>) -> Result<bool, StoreUnavailable> {
    let Some(store) = store else { return Ok(false) };
    Ok(store.operators().await?.iter().any(|one| one.revoked_at.is_none()))
}

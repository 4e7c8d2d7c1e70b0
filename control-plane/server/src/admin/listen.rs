use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use tollgate_store::{Store, StoreUnavailable};

use crate::cli::admin::AdminArgs;
use crate::config::reason;
use crate::report;

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

async fn has_operators(store: Option<&Store>) -> Result<bool, StoreUnavailable> {
    let Some(store) = store else { return Ok(false) };
    Ok(store.operators().await?.iter().any(|one| one.revoked_at.is_none()))
}

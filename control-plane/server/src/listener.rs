use std::fs::{self, Permissions};
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::address::Address;

/// What connections come in by.
#[derive(Debug)]
pub(crate) enum Listener {
    Net(TcpListener),
    Path(UnixListener),
}

/// A listener that connections are taken from.
pub(crate) enum Open {
    Net(tokio::net::TcpListener),
    Path(tokio::net::UnixListener, Address),
}

/// What bytes go through: in clear or secured.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Io for T {}

/// A connection as the system gives it.
pub(crate) trait Socket: Io + AsFd + Unpin {}

impl<T: Io + AsFd + Unpin> Socket for T {}

/// Who may connect to a socket in the file system: its owner and its group. What is
/// served there has everybody's keys in it.
const MODE: u32 = 0o660;

// === impl Listener ===

impl Listener {
    pub(crate) fn bind(address: &Address) -> io::Result<Self> {
        match address {
            Address::Net(address) => TcpListener::bind(address).map(Self::Net),
            Address::Path(path) => bind(path).map(Self::Path),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> io::Result<Address> {
        match self {
            Self::Net(listener) => listener.local_addr().map(Address::Net),
            Self::Path(listener) => {
                let address = listener.local_addr()?;
                Ok(Address::Path(address.as_pathname().map(Path::to_owned).unwrap_or_default()))
            }
        }
    }

    /// Takes connections, in a runtime.
    pub(crate) fn open(self) -> io::Result<Open> {
        let address = self.address()?;
        match self {
            Self::Net(listener) => {
                listener.set_nonblocking(true)?;
                tokio::net::TcpListener::from_std(listener).map(Open::Net)
            }
            Self::Path(listener) => {
                listener.set_nonblocking(true)?;
                let listener = tokio::net::UnixListener::from_std(listener)?;
                Ok(Open::Path(listener, address))
            }
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Net(listener)
    }
}

/// A process that was killed leaves its socket behind, by which nobody answers.
fn bind(path: &Path) -> io::Result<UnixListener> {
    if is_left_behind(path) {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    Ok(listener)
}

fn is_left_behind(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let answers = || UnixStream::connect(path);
    is_socket && answers().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

// === impl Open ===

impl Open {
    /// The next connection, and who calls: on one machine, all by the same path.
    pub(crate) async fn accept(&self) -> io::Result<(Box<dyn Socket>, Address)> {
        match self {
            Self::Net(listener) => {
                let (io, peer) = listener.accept().await?;
                io.set_nodelay(true)?;
                Ok((Box::new(io), peer.into()))
            }
            Self::Path(listener, address) => {
                let (io, _) = listener.accept().await?;
                Ok((Box::new(io), address.clone()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_for_its_owner_and_group_and_takes_the_place_of_one_that_nobody_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("xds.sock");
        let address = Address::Path(path.clone());
        let first = Listener::bind(&address).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, MODE);
        let taken = Listener::bind(&address).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse, "somebody listens there");
        drop(first);
        Listener::bind(&address).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "mine").unwrap();
        assert_eq!(Listener::bind(&address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(fs::read(&path).unwrap(), b"mine", "it is no socket, and stays");
    }
}

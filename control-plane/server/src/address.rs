use std::fmt;
use std::net::{AddrParseError, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where one end of a connection is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Address {
    /// On a network.
    Net(SocketAddr),
    /// In the file system of one machine: `unix:/run/tollgate/xds.sock`.
    Path(PathBuf),
}

/// Why a text is no address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAddress {
    /// Not one of a network.
    #[error("{0}; write one such as 127.0.0.1:18000, or unix:/run/tollgate/xds.sock")]
    Net(#[from] AddrParseError),
    /// Not one that stays the same wherever the process is started.
    #[error(
        "the path of the socket does not begin with a slash; write unix:/run/tollgate/xds.sock"
    )]
    Relative,
}

const UNIX: &str = "unix:";

// === impl Address ===

impl Address {
    /// Whether other machines reach it.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Net(address) if !address.ip().is_loopback())
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Net(address)
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        match text.strip_prefix(UNIX).map(Path::new) {
            Some(path) if path.is_absolute() => Ok(Self::Path(path.to_owned())),
            Some(_) => Err(InvalidAddress::Relative),
            None => Ok(Self::Net(text.parse()?)),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(address) => address.fmt(f),
            Self::Path(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_networks_or_begin_with_unix() {
        let read = |text: &str| text.parse::<Address>().map_err(|fault| fault.to_string());
        for (text, is_open) in [
            ("127.0.0.1:18000", false),
            ("[::1]:18000", false),
            ("10.0.0.1:18000", true),
            ("0.0.0.0:18000", true),
            ("unix:/run/tollgate/xds.sock", false),
        ] {
            let address = read(text).unwrap();
            assert_eq!((address.to_string().as_str(), address.is_open()), (text, is_open));
        }
        let net = "invalid socket address syntax; write one such as 127.0.0.1:18000, or \
                   unix:/run/tollgate/xds.sock";
        let path = "the path of the socket does not begin with a slash; write \
                    unix:/run/tollgate/xds.sock";
        for (text, fault) in [
            ("", net),
            ("localhost:18000", net),
            ("/run/xds.sock", net),
            ("unix:", path),
            ("unix:xds.sock", path),
        ] {
            assert_eq!(read(text), Err(fault.to_owned()), "{text}");
        }
    }
}

use std::net::{IpAddr, SocketAddr};

use crate::{Host, property};

/// Where a caller is, as far as bounds distinguish it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Address {
    /// One address.
    V4([u8; 4]),
    /// The network, a /64: whoever has one address of it has them all.
    V6([u8; 8]),
}

// === impl Address ===

impl Address {
    /// That of the caller of this stream; none if the host does not know it.
    pub fn of_caller(host: &mut dyn Host) -> Option<Self> {
        host.property(property::CALLER_ADDRESS).and_then(|address| Self::parse(&address))
    }

    /// Reads an address as Envoy gives it: `192.0.2.1:50000`, `[2001:db8::1]:50000`.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = str::from_utf8(bytes).ok()?;
        let ip = text.parse().map(|address: SocketAddr| address.ip()).or_else(|_| text.parse());
        Some(match ip.ok()?.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip.octets()),
            IpAddr::V6(ip) => Self::V6(*ip.octets().first_chunk()?),
        })
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::V4(octets) => octets,
            Self::V6(network) => network,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_read_as_bounds_count_them() {
        let network = Some(Address::V6([0x20, 1, 0xd, 0xb8, 0, 1, 0, 2]));
        for (bytes, expected) in [
            (&b"192.0.2.1:50000"[..], Some(Address::V4([192, 0, 2, 1]))),
            (b"192.0.2.1:50001", Some(Address::V4([192, 0, 2, 1]))),
            (b"192.0.2.1", Some(Address::V4([192, 0, 2, 1]))),
            (b"[::ffff:192.0.2.1]:50000", Some(Address::V4([192, 0, 2, 1]))),
            (b"[2001:db8:1:2::7]:50000", network),
            (b"[2001:db8:1:2:ffff::]:1", network),
            (b"2001:db8:1:2::7", network),
            (b"[2001:db8:1:3::7]:50000", Some(Address::V6([0x20, 1, 0xd, 0xb8, 0, 1, 0, 3]))),
            (b"", None),
            (b"/run/caller.sock", None),
            (b"@internal", None),
            (b"192.0.2.1:", None),
            (b"\xff\xfe", None),
        ] {
            assert_eq!(Address::parse(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_address_or_not(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Address::parse(&bytes);
        }

        #[test]
        fn every_address_is_read_whatever_the_port(address in any::<SocketAddr>(), port: u16) {
            let read = Address::parse(address.to_string().as_bytes());
            prop_assert!(read.is_some());
            let other = SocketAddr::new(address.ip(), port).to_string();
            prop_assert_eq!(Address::parse(other.as_bytes()), read);
        }
    }
}

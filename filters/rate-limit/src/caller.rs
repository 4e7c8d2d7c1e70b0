use std::iter;
use std::net::{IpAddr, SocketAddr};

use tollgate_core::{Fingerprint, Fingerprinter, Principal, Seed};

use crate::limit::Limit;
use crate::spec::Dimension;

/// Who is calling what, as far as limits distinguish it.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The API's name.
    pub api: &'a str,
    /// The route's name in the API.
    pub route: &'a str,
    /// Who is calling, once that is proved.
    pub principal: Option<&'a Principal>,
}

/// Where a caller is, as far as limits distinguish it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Address {
    V4([u8; 4]),
    /// The network, a /64: whoever has one address of it has them all.
    V6([u8; 8]),
}

/// What a limit counts by is not known of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Unknown(pub(crate) &'static str);

// === impl Caller ===

impl Caller<'_> {
    /// Whether a limit needs to know where the caller is.
    pub(crate) fn is_counted_by_address(&self, limit: &Limit) -> bool {
        limit.by.iter().any(|dimension| match dimension {
            Dimension::Ip => true,
            Dimension::Tenant | Dimension::ApiKey => self.somebody().is_none(),
            Dimension::Route => false,
        })
    }

    /// What the caller's count of a limit is kept under.
    pub(crate) fn key(
        &self,
        limit: &Limit,
        address: Option<&Address>,
        seed: Seed,
    ) -> Result<Fingerprint, Unknown> {
        let api = if limit.per_api { self.api } else { "" };
        let mut key = seed.fingerprinter();
        key.add(limit.identity.as_bytes());
        key.add(api.as_bytes());
        for dimension in &limit.by {
            self.add(*dimension, address, &mut key)?;
        }
        Ok(key.finish())
    }

    /// Whoever is calling, unless it is nobody in particular: of those, each
    /// address counts by itself.
    fn somebody(&self) -> Option<&Principal> {
        self.principal.filter(|principal| !principal.is_anonymous())
    }

    /// The first part says how the others are meant, so that a tenant and an
    /// address never look alike.
    fn add(
        &self,
        dimension: Dimension,
        address: Option<&Address>,
        key: &mut Fingerprinter,
    ) -> Result<(), Unknown> {
        match (dimension, self.somebody()) {
            (Dimension::Route, _) if self.route.is_empty() => return Err(Unknown("the route")),
            (Dimension::Route, _) => add(key, [&b"route"[..], self.route.as_bytes()]),
            (Dimension::Tenant, Some(Principal { tenant: Some(tenant), .. })) => {
                add(key, [&b"tenant"[..], tenant.as_bytes()]);
            }
            (Dimension::Tenant | Dimension::ApiKey, Some(principal)) => {
                let Principal { method, subject, tenant, .. } = principal;
                let tenant = tenant.as_deref().unwrap_or_default();
                let parts = [&**method, tenant, subject].map(str::as_bytes);
                add(key, iter::once(&b"subject"[..]).chain(parts));
            }
            (Dimension::Ip, _) | (Dimension::Tenant | Dimension::ApiKey, None) => {
                let address = address.ok_or(Unknown("the caller's address"))?;
                add(key, [&b"address"[..], address.as_bytes()]);
            }
        }
        Ok(())
    }
}

fn add<'a>(key: &mut Fingerprinter, parts: impl IntoIterator<Item = &'a [u8]>) {
    parts.into_iter().for_each(|part| key.add(part));
}

// === impl Address ===

impl Address {
    /// Reads an address as Envoy gives it: `192.0.2.1:50000`, `[2001:db8::1]:50000`.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = str::from_utf8(bytes).ok()?;
        let ip = text.parse().map(|address: SocketAddr| address.ip()).or_else(|_| text.parse());
        Some(match ip.ok()?.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip.octets()),
            IpAddr::V6(ip) => Self::V6(*ip.octets().first_chunk()?),
        })
    }

    fn as_bytes(&self) -> &[u8] {
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
    fn addresses_are_read_as_limits_count_them() {
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

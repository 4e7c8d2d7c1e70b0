use std::net::{Ipv4Addr, Ipv6Addr};

use http::Uri;
use http::uri::Scheme;

/// Why an address was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum InvalidEndpoint {
    /// It is no address.
    Address,
    /// What goes there and comes from there could be read and changed.
    Plain,
}

/// Tokens and the client's secret go there, and who is let in comes from there:
/// over a connection that nobody else can read or write (RFC 7662, section 4),
/// or on this machine.
pub(crate) fn endpoint(url: &str) -> Result<Uri, InvalidEndpoint> {
    let uri: Uri = url.parse().map_err(|_| InvalidEndpoint::Address)?;
    let authority = uri.authority().ok_or(InvalidEndpoint::Address)?;
    // A user's name or password would be a secret in a place that is none for one.
    let is_whole = !uri.host().unwrap_or_default().is_empty() && !authority.as_str().contains('@');
    match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS && is_whole => Ok(uri),
        Some(scheme) if *scheme == Scheme::HTTP && is_whole => {
            if is_loopback(uri.host().unwrap_or_default()) {
                Ok(uri)
            } else {
                Err(InvalidEndpoint::Plain)
            }
        }
        _ => Err(InvalidEndpoint::Address),
    }
}

fn is_loopback(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse() == Ok(Ipv6Addr::LOCALHOST);
    }
    let address = host.parse::<Ipv4Addr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use InvalidEndpoint::{Address, Plain};

    use super::*;

    #[test]
    fn providers_are_asked_with_encryption_or_on_this_machine() {
        for (url, expected) in [
            ("https://id.example.com/introspect", None),
            ("https://id.example.com:8443/introspect?a=b", None),
            ("https://id.example.com", None),
            ("http://127.0.0.1:9400/introspect", None),
            ("http://127.1.2.3/introspect", None),
            ("http://localhost:9400/introspect", None),
            ("http://[::1]:9400/introspect", None),
            ("http://id.example.com/introspect", Some(Plain)),
            ("http://localhost.example.com/", Some(Plain)),
            ("http://127.0.0.1.example.com/", Some(Plain)),
            ("http://[::2]/introspect", Some(Plain)),
            ("http://user@127.0.0.1/introspect", Some(Address)),
            ("https://user:password@id.example.com/", Some(Address)),
            ("https://", Some(Address)),
            ("https:///introspect", Some(Address)),
            ("https://:443/introspect", Some(Address)),
            ("https://a b/introspect", Some(Address)),
            ("ftp://id.example.com/introspect", Some(Address)),
            ("id.example.com/introspect", Some(Address)),
            ("/introspect", Some(Address)),
            ("", Some(Address)),
        ] {
            assert_eq!(endpoint(url).err(), expected, "url: {url:?}");
        }
    }
}

//! What files name that is elsewhere.

use std::path::Path;

/// Why an address was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum InvalidAddress {
    /// It is none.
    Malformed,
    /// What goes there and comes from there could be read and changed.
    Plain,
}

/// A path that is written in a file begins where the file is.
pub(super) fn beside(file: &str, path: &str) -> String {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    folder.join(path).to_string_lossy().into_owned()
}

/// Who is let in depends on what comes from there: over a connection that nobody
/// can write into, or from this machine.
pub(super) fn address(url: &str) -> Result<(), InvalidAddress> {
    let (is_plain, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (false, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => return Err(InvalidAddress::Malformed),
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_whole = url.bytes().all(|byte| byte.is_ascii_graphic());
    // A user's name or password would be a secret in a file that is no place for one.
    if host.is_empty() || host.contains('@') || host.starts_with(':') || !is_whole {
        return Err(InvalidAddress::Malformed);
    }
    if is_plain && !is_loopback(host) {
        return Err(InvalidAddress::Plain);
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address == "::1";
    }
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    let address = name.parse::<std::net::Ipv4Addr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fetched_with_encryption_or_from_this_machine() {
        for (url, expected) in [
            ("https://id.example.com/jwks.json", true),
            ("https://id.example.com:8443", true),
            ("http://127.0.0.1:9400/jwks", true),
            ("http://127.1.2.3/jwks", true),
            ("http://localhost:9400/jwks", true),
            ("http://[::1]:9400/jwks", true),
            ("http://id.example.com/jwks", false),
            ("http://localhost.example.com/jwks", false),
            ("http://127.0.0.1.example.com/jwks", false),
            ("http://[::2]/jwks", false),
            ("http://user@127.0.0.1/jwks", false),
            ("https://", false),
            ("https:///jwks", false),
            ("https://:443/jwks", false),
            ("https://a b/jwks", false),
            ("ftp://id.example.com/jwks", false),
            ("id.example.com/jwks", false),
            ("", false),
        ] {
            assert_eq!(address(url).is_ok(), expected, "url: {url:?}");
        }
    }

    #[test]
    fn a_path_begins_where_its_file_is() {
        for (file, path, expected) in [
            ("tollgate.yaml", "keys.json", "keys.json"),
            ("conf/tollgate.yaml", "keys.json", "conf/keys.json"),
            ("/etc/t/a.yaml", "../keys.json", "/etc/t/../keys.json"),
            ("/etc/t/a.yaml", "/keys.json", "/keys.json"),
        ] {
            assert_eq!(beside(file, path), expected, "file: {file:?}, path: {path:?}");
        }
    }
}

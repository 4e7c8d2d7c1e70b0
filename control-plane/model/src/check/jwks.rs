//! Where the keys of issuers are, and which they are.

use std::path::Path;

use serde_json::Value as Json;

use crate::at::At;
use crate::fault::Faults;
use crate::source::key_set;
use crate::spec::JwksSpec;
use crate::{Loaded, Reference};

/// Why keys that are elsewhere were refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidJwks {
    #[error("{0:?} is not an address for keys; write https://, a host and a path")]
    Address(String),
    #[error("{0:?} would fetch keys without encryption; write https://, or a loopback address")]
    Plain(String),
    #[error("{0:?} cannot be read: {1}; write a path relative to this file")]
    Unreadable(String, String),
    #[error("{0:?} is not a key set: {1}; write it as RFC 7517 does")]
    NotASet(String, String),
    #[error("{0:?} answered no key set: {1}; tokens of this issuer are answered 503")]
    FetchedNotASet(String, String),
}

/// The keys that have to be loaded.
pub(super) fn references(root: &At<'_>) -> Vec<Reference> {
    let Some(identity) = root.get("identity") else { return Vec::new() };
    let issuers = identity.fields("jwt").into_iter();
    issuers.filter_map(|(_, at)| reference(&at.get("jwks")?)).collect()
}

fn reference(jwks: &At<'_>) -> Option<Reference> {
    if let Some(file) = jwks.get("file") {
        return Some(Reference::File(beside(&file.node.spot.file, file.text()?)));
    }
    let url = jwks.get("url")?.text()?;
    address(url).is_ok().then(|| Reference::Url(url.to_owned()))
}

/// A path that is written in a file begins where the file is.
pub(super) fn beside(file: &str, path: &str) -> String {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    folder.join(path).to_string_lossy().into_owned()
}

/// The keys of an issuer, if they are elsewhere and good for something.
pub(super) fn outside(
    issuer: &At<'_>,
    loaded: &Loaded,
    faults: &mut Faults,
    warnings: &mut Faults,
) -> Option<Json> {
    let jwks = issuer.get("jwks")?;
    if let Some(at) = jwks.get("file") {
        return told(from_file(at.text()?, &reference(&jwks)?, loaded), &at, faults);
    }
    let at = jwks.get("url")?;
    let url = at.text()?;
    told(address(url), &at, faults)?;
    let bytes = loaded.0.get(&Reference::Url(url.to_owned()))?.as_ref().ok()?;
    let keys = key_set(bytes);
    told(keys.map_err(|why| InvalidJwks::FetchedNotASet(url.to_owned(), why)), &at, warnings)
}

fn told<T>(result: Result<T, InvalidJwks>, at: &At<'_>, faults: &mut Faults) -> Option<T> {
    result.map_err(|invalid| at.fault(faults, invalid.to_string())).ok()
}

fn from_file(name: &str, file: &Reference, loaded: &Loaded) -> Result<Json, InvalidJwks> {
    let unreadable = |why: &str| InvalidJwks::Unreadable(name.to_owned(), why.to_owned());
    let bytes = match loaded.0.get(file) {
        Some(Ok(bytes)) => bytes,
        Some(Err(why)) => return Err(unreadable(why)),
        None => return Err(unreadable("it was not loaded")),
    };
    key_set(bytes).map_err(|why| InvalidJwks::NotASet(name.to_owned(), why))
}

/// Keys decide who is let in, so they come over a connection that nobody can
/// write into (RFC 8725, section 3.10), or from this machine.
fn address(url: &str) -> Result<(), InvalidJwks> {
    let (is_plain, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (false, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => return Err(InvalidJwks::Address(url.to_owned())),
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_whole = url.bytes().all(|byte| byte.is_ascii_graphic());
    // A user's name or password would be a secret in a file that is no place for one.
    if host.is_empty() || host.contains('@') || host.starts_with(':') || !is_whole {
        return Err(InvalidJwks::Address(url.to_owned()));
    }
    if is_plain && !is_loopback(host) {
        return Err(InvalidJwks::Plain(url.to_owned()));
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

/// Where in the file a fault of the keys is, in words that begin with the
/// issuer's own path.
pub(super) fn named(jwks: &JwksSpec, text: &str) -> String {
    let Some(inside) = text.strip_prefix("jwks.") else { return text.to_owned() };
    match jwks {
        JwksSpec::Inline(_) => format!("jwks.inline.{inside}"),
        JwksSpec::File(name) => format!("jwks.file: in {name:?}, {inside}"),
        JwksSpec::Url(url) => format!("jwks.url: in {url:?}, {inside}"),
    }
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

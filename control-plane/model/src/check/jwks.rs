//! Where the keys of issuers are, and which they are.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::outside::{InvalidAddress, address, beside};
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

/// What has to be loaded.
pub(super) fn references(root: &At<'_>) -> BTreeSet<Reference> {
    let Some(identity) = root.get("identity") else { return BTreeSet::new() };
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
    told(checked(url), &at, faults)?;
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
fn checked(url: &str) -> Result<(), InvalidJwks> {
    address(url).map_err(|invalid| match invalid {
        InvalidAddress::Malformed => InvalidJwks::Address(url.to_owned()),
        InvalidAddress::Plain => InvalidJwks::Plain(url.to_owned()),
    })
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

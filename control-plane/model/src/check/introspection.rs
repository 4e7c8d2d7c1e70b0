//! Providers that are asked about opaque tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use tollgate_auth::{Authenticator, ClaimsSpec, IdentitySpec, IntrospectionSpec, Secret};

use super::outside::{InvalidAddress, address, beside};
use super::span::{seconds, span};
use super::tier::SEED;
use crate::at::At;
use crate::fault::Faults;
use crate::sift::{Refused, read, sift};
use crate::spec::{IntrospectionFile, SecretSpec};
use crate::{IDENTITY_CLUSTER, Introspection, Loaded, Reference};

/// What is asked of whoever answers for the keys in the store, and for which.
const RESERVED: [(&str, &str); 2] = [("api-keys", "API keys"), ("signing-keys", "signing keys")];

const TTL: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(5);
const NEGATIVE_TTL: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(5);
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(4);

/// What the way from a worker and back takes, and a moment of patience.
const WAY: Duration = Duration::from_millis(500);

const SECRET_BYTES_MAX: usize = 4096;

/// Why a provider was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidIntrospection {
    #[error("is the name of the store's {0}; choose another name")]
    Reserved(&'static str),
    #[error("{0:?} is not an address of a provider; write https://, a host and a path")]
    Address(String),
    #[error(
        "{0:?} would send tokens and the secret without encryption; write https://, or a loopback \
         address"
    )]
    Plain(String),
    #[error("the environment variable {0:?} cannot be used: {1}; set it where tollgate runs")]
    Env(String, String),
    #[error("{0:?} cannot be used: {1}; write a path relative to this file")]
    File(String, String),
}

/// The providers as the gateway asks them, and as they are asked by the front.
pub(super) struct Sources {
    pub(super) specs: BTreeMap<String, IntrospectionSpec>,
    pub(super) asked: BTreeMap<String, Introspection>,
}

pub(super) fn sources(root: &At<'_>, loaded: &Loaded, faults: &mut Faults) -> Sources {
    let mut sources = Sources { specs: BTreeMap::new(), asked: BTreeMap::new() };
    for (name, at) in written(root) {
        if let Some((_, keys)) = RESERVED.iter().find(|(reserved, _)| *reserved == name) {
            at.fault(faults, InvalidIntrospection::Reserved(keys).to_string());
        }
        if let Some((spec, asked)) = source(name, &at, loaded, faults) {
            sources.specs.insert(name.to_owned(), spec);
            sources.asked.insert(name.to_owned(), asked);
        }
    }
    sources
}

/// What has to be loaded.
pub(super) fn references(root: &At<'_>) -> BTreeSet<Reference> {
    let of = |(_, at): (_, At<'_>)| {
        let secret = at.get("client_secret").and_then(|secret| secret_reference(&secret));
        let ca = at.get("ca").and_then(|ca| file(&ca));
        secret.into_iter().chain(ca)
    };
    written(root).into_iter().flat_map(of).collect()
}

fn written<'a>(root: &At<'a>) -> Vec<(&'a str, At<'a>)> {
    root.get("identity").map(|identity| identity.fields("introspection")).unwrap_or_default()
}

fn file(at: &At<'_>) -> Option<Reference> {
    Some(Reference::File(beside(&at.node.spot.file, at.text()?)))
}

fn secret_reference(at: &At<'_>) -> Option<Reference> {
    match at.get("env") {
        Some(env) => Some(Reference::Env(env.text()?.to_owned())),
        None => file(&at.get("file")?),
    }
}

fn source(
    name: &str,
    at: &At<'_>,
    loaded: &Loaded,
    faults: &mut Faults,
) -> Option<(IntrospectionSpec, Introspection)> {
    let ca = ca(at, loaded, faults);
    let client_secret = secret(at, loaded, faults);
    url(at, faults);
    let file: IntrospectionFile = at.read(faults)?;
    let ttl = seconds(at, "ttl", &file.ttl, &TTL, faults).unwrap_or_default();
    let negative_ttl = span(at, "negative_ttl", &file.negative_ttl, &NEGATIVE_TTL, faults);
    let timeout = span(at, "timeout", &file.timeout, &TIMEOUT, faults).unwrap_or_default();
    filter_of(name, at, faults);
    let spec = spec(name, &file, ttl, timeout);
    let IntrospectionFile { url, client_id, issuer, audiences, .. } = file;
    let asked = Introspection {
        url: url?,
        client_id: client_id?,
        client_secret,
        ttl: Duration::from_secs(ttl.into()),
        negative_ttl: negative_ttl?,
        timeout,
        issuer,
        audiences,
        ca,
    };
    Some((spec, asked))
}

/// Has the filter itself judge what it is told.
fn filter_of(name: &str, at: &At<'_>, faults: &mut Faults) {
    sift(&at.with(&at.only(&["issuer", "audiences", "claims"])), faults, |json| {
        let Part { issuer, audiences, claims } = read(json)?;
        let spec = IntrospectionSpec { issuer, audiences, claims, ..placeholder(name) };
        refused(name, spec).map_err(Refused::Invalid)
    });
}

#[derive(serde::Deserialize)]
struct Part {
    issuer: Option<String>,
    #[serde(default)]
    audiences: Vec<String>,
    #[serde(default)]
    claims: ClaimsSpec,
}

fn refused(name: &str, spec: IntrospectionSpec) -> Result<(), String> {
    let introspection = BTreeMap::from([(name.to_owned(), spec)]);
    let identity = IdentitySpec { introspection, ..IdentitySpec::default() };
    let path = format!("introspection.{name}.");
    Authenticator::compile(identity, SEED).map(drop).map_err(|invalid| {
        let text = invalid.to_string();
        text.strip_prefix(&path).unwrap_or(&text).to_owned()
    })
}

fn spec(
    name: &str,
    file: &IntrospectionFile,
    ttl_seconds: u32,
    timeout: Duration,
) -> IntrospectionSpec {
    let timeout = timeout.saturating_add(WAY).as_millis();
    IntrospectionSpec {
        timeout_milliseconds: u32::try_from(timeout).unwrap_or(u32::MAX),
        claims: file.claims.clone(),
        ttl_seconds,
        issuer: file.issuer.clone(),
        audiences: file.audiences.clone(),
        ..placeholder(name)
    }
}

/// All that does not depend on what is written: where the front is.
fn placeholder(name: &str) -> IntrospectionSpec {
    IntrospectionSpec {
        cluster: IDENTITY_CLUSTER.to_owned(),
        path: format!("/introspect/{name}"),
        authority: IDENTITY_CLUSTER.to_owned(),
        authorization: Secret::default(),
        timeout_milliseconds: 1,
        claims: ClaimsSpec::default(),
        ttl_seconds: 0,
        issuer: None,
        audiences: Vec::new(),
    }
}

/// Every provider that is written, whatever is wrong with it, with the claims
/// that it keeps as far as they can be told.
pub(super) fn methods(
    root: &At<'_>,
    kept: impl Fn(&At<'_>) -> Vec<String>,
) -> BTreeMap<String, IntrospectionSpec> {
    let methods = written(root).into_iter().map(|(name, at)| {
        let claims = ClaimsSpec { keep: kept(&at), ..ClaimsSpec::default() };
        (name.to_owned(), IntrospectionSpec { claims, ..placeholder(name) })
    });
    methods.collect()
}

fn url(at: &At<'_>, faults: &mut Faults) {
    let Some(at) = at.get("url") else { return };
    let Some(url) = at.text().filter(|url| !url.is_empty()) else { return };
    if let Err(invalid) = address(url) {
        let written = url.to_owned();
        let invalid = match invalid {
            InvalidAddress::Malformed => InvalidIntrospection::Address(written),
            InvalidAddress::Plain => InvalidIntrospection::Plain(written),
        };
        at.fault(faults, invalid.to_string());
    }
}

fn ca(at: &At<'_>, loaded: &Loaded, faults: &mut Faults) -> Option<Vec<u8>> {
    let at = at.get("ca")?;
    let bytes = loaded.0.get(&file(&at)?);
    match bytes {
        Some(Ok(bytes)) => Some(bytes.clone()),
        Some(Err(why)) => unusable(&at, why, faults),
        None => unusable(&at, "it was not loaded", faults),
    }
}

/// A variable that nobody has looked at is no fault: it is where the gateway
/// will run that it has to be set.
fn secret(at: &At<'_>, loaded: &Loaded, faults: &mut Faults) -> Option<Secret> {
    let at = at.get("client_secret")?;
    let secret: SecretSpec = serde_json::from_value(at.node.to_json()).ok()?;
    let found = loaded.0.get(&secret_reference(&at)?);
    let text = match found {
        Some(Ok(bytes)) => secret_text(bytes).map_err(str::to_owned),
        Some(Err(why)) => Err(why.clone()),
        None => return None,
    };
    text.map_err(|why| {
        let (field, invalid) = match secret {
            SecretSpec::Env(name) => ("env", InvalidIntrospection::Env(name, why)),
            SecretSpec::File(name) => ("file", InvalidIntrospection::File(name, why)),
        };
        at.get(field).unwrap_or_else(|| at.clone()).fault(faults, invalid.to_string());
    })
    .ok()
}

fn unusable<T>(at: &At<'_>, why: &str, faults: &mut Faults) -> Option<T> {
    let name = at.text().unwrap_or_default().to_owned();
    at.fault(faults, InvalidIntrospection::File(name, why.to_owned()).to_string());
    None
}

fn secret_text(bytes: &[u8]) -> Result<Secret, &'static str> {
    let text = str::from_utf8(bytes.trim_ascii_end()).map_err(|_| "it is not text")?;
    match text.len() {
        0 => Err("it is empty"),
        length if SECRET_BYTES_MAX < length => Err("it is longer than 4096 bytes"),
        _ => Ok(Secret(text.to_owned())),
    }
}

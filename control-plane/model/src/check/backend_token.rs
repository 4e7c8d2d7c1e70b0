//! Tokens by which backends are told who is calling.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use ed25519_compact::KeyPair;
use tollgate_auth::{Access, AccessSpec, Authenticator, BackendTokenSpec};
use tollgate_gateway::ContractSpec;

use super::route::open;
use super::signing::{InvalidKey, reference, secret};
use super::span::seconds;
use crate::at::At;
use crate::fault::Faults;
use crate::spec::{ApiTokenFile, BackendTokenFile, SecretSpec};
use crate::{BackendToken, Loaded, PrivateKey, Reference};

const TTL: RangeInclusive<Duration> = Duration::from_secs(30)..=Duration::from_hours(1);

/// Why a key was refused. None is shown.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidTokenKey {
    #[error(transparent)]
    Unusable(#[from] InvalidKey),
    #[error(
        "is not an Ed25519 private key in PEM; make one with `openssl genpkey -algorithm ed25519`"
    )]
    NotAKey,
    #[error("is the key of keys[{0}] again; remove one")]
    Twice(usize),
}

/// What has to be loaded.
pub(super) fn references(root: &At<'_>) -> Vec<Reference> {
    let keys = written(root).map(|at| at.items("keys")).unwrap_or_default();
    keys.iter().filter_map(reference).collect()
}

fn written<'a>(root: &At<'a>) -> Option<At<'a>> {
    root.get("identity")?.get("backend_token")
}

/// What gateways are told, whatever is wrong with the rest.
pub(super) fn spec(root: &At<'_>) -> Option<BackendTokenSpec> {
    let at = written(root)?;
    let header = at.get("header").and_then(|at| serde_json::from_value(at.node.to_json()).ok());
    Some(BackendTokenSpec { header: header.unwrap_or_default(), ..BackendTokenSpec::default() })
}

/// What is made, but for whom, which [`with_audiences`] adds.
pub(super) fn made(root: &At<'_>, loaded: &Loaded, faults: &mut Faults) -> Option<BackendToken> {
    let at = written(root)?;
    let keys = keys(&at, loaded, faults);
    let BackendTokenFile { issuer, ttl, .. } = at.read(faults)?;
    let ttl = seconds(&at, "ttl", &ttl, &TTL, faults)?;
    let ttl = Duration::from_secs(ttl.into());
    Some(BackendToken { issuer: issuer?, ttl, audiences: BTreeSet::new(), keys })
}

/// For whom tokens are made: whoever some operation names.
pub(super) fn with_audiences(
    made: Option<BackendToken>,
    contracts: &BTreeMap<String, ContractSpec>,
) -> Option<BackendToken> {
    let operations = contracts.values().flat_map(|contract| &contract.operations);
    let audiences = operations.filter_map(|one| one.access.token_audience.clone()).collect();
    made.map(|made| BackendToken { audiences, ..made })
}

/// A key in a variable that nobody has looked at is no fault, and none.
fn keys(at: &At<'_>, loaded: &Loaded, faults: &mut Faults) -> Vec<PrivateKey> {
    let mut keys = Vec::new();
    let mut public = Vec::new();
    for at in at.items("keys") {
        match key(&at, &public, loaded) {
            Ok(Some((pem, pair))) => {
                keys.push(PrivateKey::new(pem));
                public.push(pair.pk);
            }
            Ok(None) => {}
            Err(invalid) => at.fault(faults, invalid.to_string()),
        }
    }
    keys
}

fn key(
    at: &At<'_>,
    others: &[ed25519_compact::PublicKey],
    loaded: &Loaded,
) -> Result<Option<(String, KeyPair)>, InvalidTokenKey> {
    // What is written otherwise was told.
    let Ok(written) = serde_json::from_value::<SecretSpec>(at.node.to_json()) else {
        return Ok(None);
    };
    let Some(pem) = secret(&written, at, loaded)? else { return Ok(None) };
    let pair = KeyPair::from_pem(&pem).map_err(|_| InvalidTokenKey::NotAKey)?;
    match others.iter().position(|other| *other == pair.pk) {
        Some(place) => Err(InvalidTokenKey::Twice(place)),
        None => Ok(Some((pem, pair))),
    }
}

/// For whom the tokens of an API's callers are; none if there are none.
pub(super) fn audience(
    root: &At<'_>,
    api: &At<'_>,
    methods: &Authenticator,
    faults: &mut Faults,
) -> Option<String> {
    match api.get("backend_token") {
        None => general(root, methods, &mut Faults::default()),
        Some(at) => match at.read(faults)? {
            ApiTokenFile::None => None,
            ApiTokenFile::Audience(name) => checked(name, &at, methods, faults),
        },
    }
}

/// For whom they are where an API says nothing.
pub(super) fn general(
    root: &At<'_>,
    methods: &Authenticator,
    faults: &mut Faults,
) -> Option<String> {
    let at = written(root)?;
    let name = at.get("audience")?.text()?.to_owned();
    checked(name, &at, methods, faults)
}

/// Has the filter itself judge it.
fn checked(
    name: String,
    at: &At<'_>,
    methods: &Authenticator,
    faults: &mut Faults,
) -> Option<String> {
    let access = AccessSpec { token_audience: Some(name.clone()), ..open() };
    let Err(invalid) = Access::compile(access, &[], methods) else { return Some(name) };
    let text = invalid.to_string();
    let at = at.get("audience").unwrap_or_else(|| at.clone());
    at.fault(faults, text.strip_prefix("token_audience: ").unwrap_or(&text));
    None
}

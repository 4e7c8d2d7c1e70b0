//! How requests are signed, and with what.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use tollgate_auth::{Authenticator, IdentitySpec, SchemeSpec, SigningKeySpec, SigningKeysSpec};
use tollgate_signatures::{HmacSpec, HttpSignatureSpec, SigV4Spec};

use super::outside::beside;
use super::span::seconds;
use super::tenant::tier as tier_of;
use super::tier::SEED;
use crate::at::At;
use crate::fault::Faults;
use crate::sift::{Refused, read, sift};
use crate::spec::{
    HmacFile, HttpSignatureFile, PublicKeySpec, SecretSpec, SigV4File, SigningKeyFile,
};
use crate::{Loaded, Reference};

/// What is written about signatures.
#[derive(Clone, Default)]
pub(super) struct Signing {
    pub(super) hmac: Option<HmacSpec>,
    pub(super) sigv4: Option<SigV4Spec>,
    pub(super) http_signature: Option<HttpSignatureSpec>,
    pub(super) keys: SigningKeysSpec,
}

/// Stands in for a secret that nobody has looked at: as long as one has to be.
const NOT_LOOKED_AT: &str = "................................";

/// Why a key was refused. No secret is shown.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum InvalidKey {
    #[error("{0:?} cannot be read: {1}; write a path relative to this file")]
    Unreadable(String, String),
    #[error("the environment variable {0:?} {1}; set it where tollgate runs")]
    Unset(String, String),
    #[error("{0:?} is not text; write it in printable characters")]
    NotText(String),
    #[error("is the id of a key of {0} too; choose another one")]
    Twice(String),
}

/// Why a bound for signed bodies was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "is of no use where no requests are signed; write `hmac`, `sigv4` or `http_signature`, or take \
     it out"
)]
struct NothingIsSigned;

const SCHEMES: [(&str, SchemeSpec); 3] = [
    ("hmac", SchemeSpec::Hmac),
    ("sigv4", SchemeSpec::SigV4),
    ("http_signature", SchemeSpec::HttpSignature),
];

const SKEW: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(15);
const MAX_AGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);
const PRESIGNED: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(168);

/// What has to be loaded.
pub(super) fn references(root: &At<'_>) -> Vec<Reference> {
    let keys = SCHEMES.iter().flat_map(|(name, _)| keys(root, name));
    let fields = keys.flat_map(|(_, at)| [at.get("secret"), at.get("public_key")]);
    fields.flatten().filter_map(|at| reference(&at)).collect()
}

pub(super) fn reference(at: &At<'_>) -> Option<Reference> {
    if let Some(file) = at.get("file") {
        return Some(Reference::File(beside(&file.node.spot.file, file.text()?)));
    }
    at.get("env")?.text().map(|name| Reference::Env(name.to_owned()))
}

fn scheme<'a>(root: &At<'a>, name: &str) -> Option<At<'a>> {
    root.get("identity")?.get(name)
}

fn keys<'a>(root: &At<'a>, name: &str) -> Vec<(&'a str, At<'a>)> {
    scheme(root, name).map(|at| at.fields("keys")).unwrap_or_default()
}

pub(super) fn signing(root: &At<'_>, loaded: &Loaded, faults: &mut Faults) -> Signing {
    let mut signing = Signing {
        hmac: scheme(root, "hmac").and_then(|at| hmac(&at, faults)),
        sigv4: scheme(root, "sigv4").and_then(|at| sigv4(&at, faults)),
        http_signature: scheme(root, "http_signature").and_then(|at| http(&at, faults)),
        ..Signing::default()
    };
    if let Some(bytes) = body_bytes_max(root, faults) {
        signing.keys.body_bytes_max = bytes;
    }
    let mut places = BTreeMap::new();
    for (name, scheme) in SCHEMES {
        for (id, at) in keys(root, name) {
            if let Some(place) = places.insert(id.to_owned(), format!("identity.{name}")) {
                at.fault(faults, InvalidKey::Twice(place).to_string());
            }
            if let Some(key) = key(root, (id, scheme), &at, loaded, faults) {
                signing.keys.keys.insert(id.to_owned(), key);
            }
        }
    }
    signing
}

/// How long signed bodies may be, if that is written and of any use.
fn body_bytes_max(root: &At<'_>, faults: &mut Faults) -> Option<u32> {
    let at = scheme(root, "signed_body_bytes_max")?;
    if SCHEMES.iter().any(|(name, _)| scheme(root, name).is_some()) {
        return at.read(faults);
    }
    at.fault(faults, NothingIsSigned.to_string());
    None
}

fn hmac(at: &At<'_>, faults: &mut Faults) -> Option<HmacSpec> {
    let HmacFile { clock_skew, require_nonce, headers, keys: _ } = at.read(faults)?;
    let clock_skew_seconds = seconds(at, "clock_skew", &clock_skew, &SKEW, faults);
    let clock_skew_seconds = clock_skew_seconds.unwrap_or_default();
    sifted(at, "hmac", faults, |json| {
        let headers = read::<HmacFile>(json)?.headers;
        Ok(IdentitySpec {
            hmac: Some(HmacSpec { headers, ..HmacSpec::default() }),
            ..IdentitySpec::default()
        })
    });
    Some(HmacSpec { clock_skew_seconds, require_nonce, headers })
}

fn sigv4(at: &At<'_>, faults: &mut Faults) -> Option<SigV4Spec> {
    let file: SigV4File = at.read(faults)?;
    let skew = seconds(at, "clock_skew", &file.clock_skew, &SKEW, faults).unwrap_or_default();
    let presigned_for = seconds(at, "presigned_for", &file.presigned_for, &PRESIGNED, faults);
    // What is missing was told as a fault.
    let presigned_for = presigned_for.unwrap_or(1);
    sifted(at, "sigv4", faults, |json| {
        let spec = sigv4_spec(read(json)?, skew, presigned_for);
        Ok(IdentitySpec { sigv4: Some(spec), ..IdentitySpec::default() })
    });
    Some(sigv4_spec(file, skew, presigned_for))
}

/// What is missing was told as a fault.
fn sigv4_spec(file: SigV4File, clock_skew_seconds: u32, presigned_seconds_max: u32) -> SigV4Spec {
    const PLACEHOLDER: &str = "placeholder";
    let SigV4File { region, service, style, presigned, unsigned_payload, headers, .. } = file;
    SigV4Spec {
        region: region.unwrap_or_else(|| PLACEHOLDER.to_owned()),
        service: service.unwrap_or_else(|| PLACEHOLDER.to_owned()),
        style,
        clock_skew_seconds,
        presigned,
        presigned_seconds_max,
        unsigned_payload,
        headers,
    }
}

fn http(at: &At<'_>, faults: &mut Faults) -> Option<HttpSignatureSpec> {
    let file: HttpSignatureFile = at.read(faults)?;
    let max_age = seconds(at, "max_age", &file.max_age, &MAX_AGE, faults).unwrap_or(1);
    let skew = seconds(at, "clock_skew", &file.clock_skew, &SKEW, faults).unwrap_or_default();
    sifted(at, "http_signature", faults, |json| {
        let spec = http_spec(read(json)?, max_age, skew);
        Ok(IdentitySpec { http_signature: Some(spec), ..IdentitySpec::default() })
    });
    Some(http_spec(file, max_age, skew))
}

fn http_spec(
    file: HttpSignatureFile,
    max_age_seconds: u32,
    clock_skew_seconds: u32,
) -> HttpSignatureSpec {
    let HttpSignatureFile { components, require_nonce, label, tag, .. } = file;
    HttpSignatureSpec { components, max_age_seconds, clock_skew_seconds, require_nonce, label, tag }
}

fn sifted(
    at: &At<'_>,
    name: &str,
    faults: &mut Faults,
    identity: impl Fn(serde_json::Value) -> Result<IdentitySpec, Refused>,
) {
    sift(at, faults, |json| compiled(identity(json)?, name));
}

fn compiled(identity: IdentitySpec, name: &str) -> Result<(), Refused> {
    let compiled = Authenticator::compile(identity, SEED);
    compiled.map(drop).map_err(|invalid| Refused::inside(&invalid.to_string(), name))
}

fn key(
    root: &At<'_>,
    (id, scheme): (&str, SchemeSpec),
    at: &At<'_>,
    loaded: &Loaded,
    faults: &mut Faults,
) -> Option<SigningKeySpec> {
    tier_of(root, at, faults);
    let file: SigningKeyFile = at.read(faults)?;
    let secret = match &file.secret {
        Some(secret) => Some(told(from_secret(secret, at, loaded), at, "secret", faults)?),
        None => None,
    };
    let public_key = match &file.public_key {
        Some(key) => Some(told(from_public(key, at, loaded), at, "public_key", faults)?),
        None => None,
    };
    let spec = |file: SigningKeyFile| {
        let SigningKeyFile { tenant, tier, scopes, algorithm, secret: _, public_key: _ } = file;
        let (secret, public_key) = (secret.clone(), public_key.clone());
        // Without one, that was told.
        let tenant = tenant.unwrap_or_else(|| id.to_owned());
        SigningKeySpec { scheme, tenant, tier, scopes, algorithm, secret, public_key }
    };
    sift(at, faults, |json| {
        let keys = BTreeMap::from([(id.to_owned(), spec(read(json)?))]);
        compiled(judged(keys), &format!("signing_keys.{id}"))
    });
    Some(spec(file))
}

/// Some keys where every way of signing is accepted.
fn judged(keys: BTreeMap<String, SigningKeySpec>) -> IdentitySpec {
    let signing_keys = SigningKeysSpec { keys, ..SigningKeysSpec::default() };
    IdentitySpec { signing_keys, ..stand_in() }
}

fn stand_in() -> IdentitySpec {
    let name = || "placeholder".to_owned();
    let file = SigV4File {
        region: Some(name()),
        service: Some(name()),
        style: <_>::default(),
        clock_skew: String::new(),
        presigned: false,
        presigned_for: String::new(),
        unsigned_payload: false,
        headers: Vec::new(),
        keys: BTreeMap::new(),
    };
    IdentitySpec {
        hmac: Some(HmacSpec::default()),
        sigv4: Some(sigv4_spec(file, 0, 1)),
        http_signature: Some(HttpSignatureSpec::default()),
        ..IdentitySpec::default()
    }
}

/// Every way of signing that is written, whatever is wrong with it.
pub(super) fn written(root: &At<'_>) -> IdentitySpec {
    let stand_in = stand_in();
    IdentitySpec {
        hmac: stand_in.hmac.filter(|_| scheme(root, "hmac").is_some()),
        sigv4: stand_in.sigv4.filter(|_| scheme(root, "sigv4").is_some()),
        http_signature: stand_in
            .http_signature
            .filter(|_| scheme(root, "http_signature").is_some()),
        ..IdentitySpec::default()
    }
}

fn told<T>(
    found: Result<T, InvalidKey>,
    at: &At<'_>,
    field: &str,
    faults: &mut Faults,
) -> Option<T> {
    let at = at.get(field).unwrap_or_else(|| at.clone());
    found.map_err(|invalid| at.fault(faults, invalid.to_string())).ok()
}

fn from_secret(written: &SecretSpec, at: &At<'_>, loaded: &Loaded) -> Result<String, InvalidKey> {
    secret(written, at, loaded).map(|text| text.unwrap_or_else(|| NOT_LOOKED_AT.to_owned()))
}

/// What was loaded; none if nobody has looked at it, so that nothing can be said of it.
pub(super) fn secret(
    written: &SecretSpec,
    at: &At<'_>,
    loaded: &Loaded,
) -> Result<Option<String>, InvalidKey> {
    match written {
        SecretSpec::File(name) => from_file(name, at, loaded).map(Some),
        SecretSpec::Env(name) => match loaded.0.get(&Reference::Env(name.clone())) {
            Some(Ok(bytes)) => text(name, bytes).map(Some),
            Some(Err(why)) => Err(InvalidKey::Unset(name.clone(), why.clone())),
            None => Ok(None),
        },
    }
}

fn from_public(key: &PublicKeySpec, at: &At<'_>, loaded: &Loaded) -> Result<String, InvalidKey> {
    match key {
        PublicKeySpec::Inline(pem) => Ok(pem.clone()),
        PublicKeySpec::File(name) => from_file(name, at, loaded),
    }
}

fn from_file(name: &str, at: &At<'_>, loaded: &Loaded) -> Result<String, InvalidKey> {
    let unreadable = |why: &str| InvalidKey::Unreadable(name.to_owned(), why.to_owned());
    match loaded.0.get(&Reference::File(beside(&at.node.spot.file, name))) {
        Some(Ok(bytes)) => text(name, bytes),
        Some(Err(why)) => Err(unreadable(why)),
        None => Err(unreadable("it was not loaded")),
    }
}

fn text(name: &str, bytes: &[u8]) -> Result<String, InvalidKey> {
    let text = str::from_utf8(bytes).map_err(|_| InvalidKey::NotText(name.to_owned()))?;
    Ok(text.trim_end().to_owned())
}

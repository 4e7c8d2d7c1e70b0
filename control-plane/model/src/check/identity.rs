use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value as Json;
use tollgate_auth::{
    AnonymousSpec, ApiKeySourceSpec, ApiKeySpec, Authenticator, CertificateNameSpec, ClaimsSpec,
    IdentitySpec, IssuerSpec, MtlsSpec, SyncSpec,
};

use super::span::seconds;
use super::tenant::tier as tier_of;
use super::tier::SEED;
use super::{backend_token, introspection, jwks, signing};
use crate::at::At;
use crate::fault::Faults;
use crate::sift::{Refused, read, sift};
use crate::spec::{IssuerFile, JwksSpec, RevocationFile};
use crate::{Loaded, SYNC_CLUSTER};

const CLOCK_SKEW: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(1);

/// Stands in for what is missing, which was told as a fault, so that the rest
/// can be judged.
const PLACEHOLDER: &str = "placeholder";

pub(super) fn issuers(
    root: &At<'_>,
    loaded: &Loaded,
    faults: &mut Faults,
    warnings: &mut Faults,
) -> BTreeMap<String, IssuerSpec> {
    let mut issuers = BTreeMap::new();
    for (name, at) in written(root) {
        let keys = jwks::outside(&at, loaded, faults, warnings);
        if let Some(issuer) = issuer(name, &at, keys, faults, warnings) {
            issuers.insert(name.to_owned(), issuer);
        }
    }
    issuers
}

fn written<'a>(root: &At<'a>) -> Vec<(&'a str, At<'a>)> {
    root.get("identity").map(|identity| identity.fields("jwt")).unwrap_or_default()
}

/// `keys` are those that are not in the file itself.
fn issuer(
    name: &str,
    at: &At<'_>,
    keys: Option<Json>,
    faults: &mut Faults,
    warnings: &mut Faults,
) -> Option<IssuerSpec> {
    let file: IssuerFile = at.read(faults)?;
    let skew = seconds(at, "clock_skew", &file.clock_skew, &CLOCK_SKEW, faults);
    let skew = skew.unwrap_or_default();
    let keys = match &file.jwks {
        Some(JwksSpec::Url(_)) => fetched(name, at, &file, keys, warnings),
        _ => keys,
    };
    sift(at, faults, |json| {
        let file: IssuerFile = read(json)?;
        let spec = spec(&file, keys.clone(), skew);
        refused(name, spec).map_err(|text| Refused::Invalid(named(&file, &text)))
    });
    Some(spec(&file, keys, skew))
}

/// Keys that were fetched are no part of the file: bad ones are as good as
/// none, and not a reason to refuse what was written.
fn fetched(
    name: &str,
    at: &At<'_>,
    file: &IssuerFile,
    keys: Option<Json>,
    warnings: &mut Faults,
) -> Option<Json> {
    let spec = IssuerSpec { algorithms: file.algorithms.clone(), ..placeholder(keys.clone()) };
    let Err(text) = refused(name, spec) else { return keys };
    at.told(warnings, &named(file, &text));
    None
}

fn spec(file: &IssuerFile, keys: Option<Json>, clock_skew_seconds: u32) -> IssuerSpec {
    let IssuerFile { issuer, audiences, jwks, algorithms, types, claims, clock_skew: _ } = file;
    let placeholder = placeholder(match jwks {
        Some(JwksSpec::Inline(keys)) => Some(keys.clone()),
        Some(JwksSpec::File(_) | JwksSpec::Url(_)) => keys,
        None => None,
    });
    IssuerSpec {
        issuer: issuer.clone().unwrap_or(placeholder.issuer),
        audiences: audiences.clone().unwrap_or(placeholder.audiences),
        jwks: placeholder.jwks,
        jwks_endpoint: None,
        algorithms: algorithms.clone(),
        types: types.clone(),
        claims: claims.clone(),
        clock_skew_seconds,
    }
}

fn placeholder(jwks: Option<Json>) -> IssuerSpec {
    let (algorithms, types, claims) = <_>::default();
    let (issuer, audiences) = (PLACEHOLDER.to_owned(), vec![PLACEHOLDER.to_owned()]);
    IssuerSpec {
        issuer,
        audiences,
        jwks,
        jwks_endpoint: None,
        algorithms,
        types,
        claims,
        clock_skew_seconds: 0,
    }
}

fn refused(name: &str, issuer: IssuerSpec) -> Result<(), String> {
    let jwt = BTreeMap::from([(name.to_owned(), issuer)]);
    let compiled = Authenticator::compile(IdentitySpec { jwt, ..IdentitySpec::default() }, SEED);
    let path = format!("jwt.{name}.");
    compiled.map(drop).map_err(|invalid| {
        let text = invalid.to_string();
        text.strip_prefix(&path).unwrap_or(&text).to_owned()
    })
}

fn named(file: &IssuerFile, text: &str) -> String {
    file.jwks.as_ref().map_or_else(|| text.to_owned(), |jwks| jwks::named(jwks, text))
}

pub(super) fn api_key(root: &At<'_>, faults: &mut Faults) -> Option<ApiKeySpec> {
    let at = root.get("identity")?.get("api_key")?;
    sift(&at, faults, |json| {
        let api_key = Some(read(json)?);
        let identity = IdentitySpec { api_key, ..IdentitySpec::default() };
        let compiled = Authenticator::compile(identity, SEED);
        compiled.map(drop).map_err(|invalid| Refused::inside(&invalid.to_string(), "api_key"))
    });
    at.read(faults)
}

/// Why the identity by certificates was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("no listener asks callers for certificates; write `client_ca` in the `tls` of one")]
struct NobodyIsAsked;

pub(super) fn mtls(root: &At<'_>, faults: &mut Faults) -> Option<MtlsSpec> {
    let at = root.get("identity")?.get("mtls")?;
    let asks =
        |listener: &At<'_>| listener.get("tls").is_some_and(|tls| tls.get("client_ca").is_some());
    if !root.fields("listeners").iter().any(|(_, listener)| asks(listener)) {
        at.fault(faults, NobodyIsAsked.to_string());
    }
    sift(&at, faults, |json| {
        let compiled = compile_mtls(read(json)?);
        compiled.map_err(|text| Refused::inside(&text, "mtls"))
    });
    at.read(faults)
}

fn compile_mtls(mtls: MtlsSpec) -> Result<(), String> {
    let identity = IdentitySpec { mtls: Some(mtls), ..IdentitySpec::default() };
    Authenticator::compile(identity, SEED).map(drop).map_err(|invalid| invalid.to_string())
}

/// The tier of an unknown caller is one of those that are written.
pub(super) fn anonymous(root: &At<'_>, faults: &mut Faults) -> AnonymousSpec {
    let anonymous = root.get("identity").and_then(|identity| identity.get("anonymous"));
    let Some(at) = anonymous else { return AnonymousSpec::default() };
    tier_of(root, &at, faults);
    at.read(faults).unwrap_or_default()
}

/// How old what is known of revocations may be.
const MAX_AGE: RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_hours(24);

/// How gateways learn who has been revoked, should there be a store to tell it.
pub(super) fn sync(root: &At<'_>, faults: &mut Faults) -> Option<SyncSpec> {
    let at = root.get("identity").and_then(|identity| identity.get("revocation"));
    let file: RevocationFile = match &at {
        Some(at) => at.read(faults)?,
        None => RevocationFile::default(),
    };
    let at = at.unwrap_or_else(|| root.clone());
    Some(SyncSpec {
        cluster: SYNC_CLUSTER.to_owned(),
        stale_after_seconds: seconds(&at, "max_age", &file.max_age, &MAX_AGE, faults)?,
        when_stale: file.when_stale.into(),
    })
}

/// Knows every method that is written, whatever is wrong with it: a route that
/// names one is not at fault for that.
pub(super) fn methods(root: &At<'_>) -> Option<Authenticator> {
    let mut jwt = BTreeMap::new();
    for (name, at) in written(root) {
        let issuer = at.get("issuer").and_then(|issuer| issuer.text());
        let issuer = issuer.filter(|issuer| !issuer.is_empty()).unwrap_or(name).to_owned();
        let claims = ClaimsSpec { keep: kept(&at), ..ClaimsSpec::default() };
        jwt.insert(name.to_owned(), IssuerSpec { issuer, claims, ..placeholder(None) });
    }
    let written = root.get("identity").and_then(|identity| identity.get("api_key"));
    let api_key = written.map(|at| good_api_key(&at).unwrap_or_else(placeholder_api_key));
    let mtls = root.get("identity").and_then(|identity| identity.get("mtls"));
    let mtls = mtls.map(|_| placeholder_mtls());
    let introspection = introspection::methods(root, kept);
    let backend_token = backend_token::spec(root);
    let signing = signing::written(root);
    let identity = IdentitySpec { jwt, introspection, api_key, mtls, backend_token, ..signing };
    Authenticator::compile(identity, SEED).ok()
}

/// The claims that an issuer keeps, as far as they can be told.
fn kept(issuer: &At<'_>) -> Vec<String> {
    let claims = issuer.get("claims").map(|claims| claims.items("keep")).unwrap_or_default();
    let kept = claims.into_iter().filter_map(|at| at.text().map(str::to_owned));
    let is_path = |path: &String| {
        let claims = ClaimsSpec { keep: vec![path.clone()], ..ClaimsSpec::default() };
        refused(PLACEHOLDER, IssuerSpec { claims, ..placeholder(None) }).is_ok()
    };
    kept.filter(is_path).collect()
}

fn good_api_key(at: &At<'_>) -> Option<ApiKeySpec> {
    let api_key: ApiKeySpec = serde_json::from_value(at.node.to_json()).ok()?;
    let identity = IdentitySpec { api_key: Some(api_key.clone()), ..IdentitySpec::default() };
    Authenticator::compile(identity, SEED).ok().map(|_| api_key)
}

fn placeholder_mtls() -> MtlsSpec {
    let (fingerprints, scopes) = <_>::default();
    let (tenant, pattern) = (CertificateNameSpec::UriSan, Some("{tenant}".to_owned()));
    MtlsSpec { tenant, pattern, fingerprints, scopes }
}

fn placeholder_api_key() -> ApiKeySpec {
    ApiKeySpec { from: vec![ApiKeySourceSpec::Header("x-api-key".to_owned())], lookup: None }
}

/// All of it together.
pub(super) fn whole(
    root: &At<'_>,
    identity: &IdentitySpec,
    faults: &mut Faults,
) -> Option<Authenticator> {
    match Authenticator::compile(identity.clone(), SEED) {
        Ok(authenticator) => Some(authenticator),
        Err(invalid) => {
            let text = invalid.to_string();
            let is_tenant = text.starts_with("tenants");
            let at = root.get("identity").filter(|_| !is_tenant).unwrap_or_else(|| root.clone());
            at.told(faults, &text);
            None
        }
    }
}

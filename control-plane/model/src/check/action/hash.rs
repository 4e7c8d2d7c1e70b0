//! What of a request decides where it goes.

use tollgate_gateway::{MatchSpec, ValueSpec};

use super::Judged;
use crate::check::route::match_fault;
use crate::fault::Faults;
use crate::spec::HashSpec;
use crate::{Forward, HashKey};

/// Why what decides was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidHash {
    #[error(
        "decides nothing: there is no `split`, and {0} has another `balancing` than ring_hash and \
         maglev; remove it"
    )]
    Unused(String),
    #[error("is missing, by which {0} balances; write what decides, such as [ip]")]
    Missing(String),
    #[error("{0:?} is not the name of a cookie; use letters, digits, `-` and `_`")]
    Cookie(String),
}

/// What a filter says of the caller.
const TENANT: &str = "x-tollgate-tenant";

pub(super) fn hash(
    route: &Judged<'_>,
    written: Vec<HashSpec>,
    forward: &Forward,
    faults: &mut Faults,
) -> Vec<HashKey> {
    let entries = route.at.items("hash");
    for (at, spec) in entries.iter().zip(&written) {
        if let Some(text) = fault_of(spec, route) {
            at.fault(faults, text);
        }
    }
    use_of(route, forward, faults);
    written.into_iter().map(key).collect()
}

fn key(spec: HashSpec) -> HashKey {
    match spec {
        HashSpec::Tenant => HashKey::Header(TENANT.to_owned()),
        HashSpec::Ip => HashKey::Ip,
        HashSpec::Header(name) => HashKey::Header(name.to_ascii_lowercase()),
        HashSpec::Cookie(name) => HashKey::Cookie(name),
        HashSpec::Query(name) => HashKey::Query(name),
    }
}

/// What cannot be matched cannot be looked at here either: credentials are taken
/// out before.
fn fault_of(spec: &HashSpec, route: &Judged<'_>) -> Option<String> {
    let matcher = MatchSpec { path: Some("/".to_owned()), ..MatchSpec::default() };
    let there = |name: &String| [(name.clone(), ValueSpec::Present { present: true })].into();
    match spec {
        HashSpec::Tenant | HashSpec::Ip => None,
        HashSpec::Header(name) => {
            match_fault(&MatchSpec { headers: there(name), ..matcher }, route.known)
        }
        HashSpec::Query(name) => {
            match_fault(&MatchSpec { query: there(name), ..matcher }, route.known)
        }
        HashSpec::Cookie(name) => {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            let invalid = !name.bytes().all(fits);
            invalid.then(|| InvalidHash::Cookie(name.clone()).to_string())
        }
    }
}

fn use_of(route: &Judged<'_>, forward: &Forward, faults: &mut Faults) {
    let Judged { at, known, .. } = route;
    let backends = forward.split.keys().filter_map(|name| Some((name, known.backends.get(name)?)));
    let hashing = backends.clone().find(|(_, backend)| backend.balancing.hashes());
    let one = backends.clone().next().filter(|_| forward.split.len() == 1);
    match (at.get("hash"), hashing, one) {
        (Some(at), None, Some((name, _))) => {
            at.fault(faults, InvalidHash::Unused(name.clone()).to_string());
        }
        (None, Some((name, _)), _) if at.node.get("hash").is_none() => {
            faults.push(
                &at.node.spot,
                &at.path.key("hash"),
                InvalidHash::Missing(name.clone()).to_string(),
            );
        }
        _ => {}
    }
}

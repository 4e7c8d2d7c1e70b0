//! What holds for all routes, or for none in particular.

use std::collections::{BTreeMap, BTreeSet};

use tollgate_auth::{IdentitySpec, IssuerSpec, TenantSpec};
use tollgate_model::{Backend, Gateway, Listener};
use tollgate_rate_limit::TiersSpec;

use super::{budgets, limits};
use crate::words;

pub(super) fn diff(old: &Gateway, new: &Gateway) -> Vec<String> {
    let mut told = listeners(&old.listeners, &new.listeners);
    told.extend(identity(&old.identity, &new.identity));
    told.extend(tiers("tier", &old.tiers, &new.tiers));
    told.extend(tiers("tenant", &old.tenant_limits, &new.tenant_limits));
    told.extend(budgets::diff("tier", &old.budgets.tiers, &new.budgets.tiers));
    told.extend(budgets::diff("tenant", &old.budgets.tenants, &new.budgets.tenants));
    told.extend(backends(&old.backends, &new.backends));
    told.extend(told_otherwise(old, new));
    told
}

/// Names in both, with what they were and are, in order; those in one alone say so.
pub(super) fn each<'a, T: PartialEq>(
    old: &'a BTreeMap<String, T>,
    new: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = (&'a str, Option<&'a T>, Option<&'a T>)> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let all = names.into_iter().map(|name| (name.as_str(), old.get(name), new.get(name)));
    all.filter(|(_, before, after)| before != after)
}

fn listeners(old: &BTreeMap<String, Listener>, new: &BTreeMap<String, Listener>) -> Vec<String> {
    each(old, new)
        .map(|(name, before, after)| match (before, after) {
            (None, Some(one)) => format!("listener {name} is new, at {}", one.address),
            (Some(one), None) => format!("listener {name} is gone, from {}", one.address),
            (Some(before), Some(after)) if before.address != after.address => {
                format!("listener {name} moves from {} to {}", before.address, after.address)
            }
            (Some(before), Some(after)) if before.tls.is_some() != after.tls.is_some() => {
                let now = if after.tls.is_some() { "speaks TLS" } else { "speaks plain HTTP" };
                format!("listener {name} now {now}")
            }
            _ => format!("listener {name} treats connections otherwise"),
        })
        .collect()
}

fn identity(old: &IdentitySpec, new: &IdentitySpec) -> Vec<String> {
    let issuers = each(&old.jwt, &new.jwt).map(|(name, before, after)| match (before, after) {
        (None, _) => format!("tokens of jwt.{name} can be accepted now"),
        (_, None) => format!("tokens of jwt.{name} are no longer accepted"),
        (Some(before), Some(after)) => format!("tokens of jwt.{name} {}", issuer(before, after)),
    });
    let mut told: Vec<String> = issuers.collect();
    told.extend(each(&old.tenants, &new.tenants).flat_map(|(name, before, after)| {
        let (none, known) = (TenantSpec::default(), before.is_some());
        match after {
            None => vec![format!("tenant {name} is gone, with its keys")],
            Some(after) => tenant(name, known, before.unwrap_or(&none), after),
        }
    }));
    let others = [
        ("opaque tokens", old.introspection == new.introspection),
        ("API keys", old.api_key == new.api_key),
        ("certificates", old.mtls == new.mtls),
        ("HMAC signatures", old.hmac == new.hmac),
        ("AWS signatures", old.sigv4 == new.sigv4),
        ("HTTP message signatures", old.http_signature == new.http_signature),
        ("signing keys", old.signing_keys == new.signing_keys),
        ("callers who show nothing", old.anonymous == new.anonymous),
        ("revocations", old.sync == new.sync),
        ("tokens for backends", old.backend_token == new.backend_token),
    ];
    let others = others.into_iter().filter(|(_, same)| !same);
    told.extend(others.map(|(what, _)| format!("{what} are handled otherwise")));
    told
}

/// What a token of an issuer must be now.
fn issuer(old: &IssuerSpec, new: &IssuerSpec) -> String {
    if old.issuer != new.issuer {
        return format!("must be issued by {} instead of {}", new.issuer, old.issuer);
    }
    if old.audiences != new.audiences {
        let (now, then) =
            (words::listed(&new.audiences, "or"), words::listed(&old.audiences, "or"));
        return format!("must be for {now} instead of {then}");
    }
    if old.jwks != new.jwks {
        return "are verified with other keys".to_owned();
    }
    "are judged otherwise".to_owned()
}

fn tenant(name: &str, known: bool, old: &TenantSpec, new: &TenantSpec) -> Vec<String> {
    let mut told = Vec::new();
    let tier = |one: &TenantSpec| one.tier.clone().unwrap_or_else(|| "none".to_owned());
    match (known, old.tier == new.tier) {
        (false, _) => told.push(format!("tenant {name} is new, tier {}", tier(new))),
        (true, false) => {
            told.push(format!("tenant {name} moves from tier {} to tier {}", tier(old), tier(new)));
        }
        (true, true) => {}
    }
    told.extend(each(&old.keys, &new.keys).map(|(key, before, after)| match (before, after) {
        (None, _) => format!("API key {key} of tenant {name} is new"),
        (_, None) => format!("API key {key} of tenant {name} no longer works"),
        (Some(before), Some(after)) if before.sha256 != after.sha256 => {
            format!("API key {key} of tenant {name} is another one")
        }
        _ => format!("API key {key} of tenant {name} has other scopes"),
    }));
    told
}

fn tiers(kind: &str, old: &TiersSpec, new: &TiersSpec) -> Vec<String> {
    let mut told = Vec::new();
    for (name, before, after) in each(old, new) {
        match (before, after) {
            (None, Some(after)) => {
                let limits: Vec<String> = after.limits.iter().map(words::limit).collect();
                told.push(format!("{kind} {name} has limits of its own: {}", limits.join("; ")));
            }
            (Some(_), None) => {
                told.push(format!("{kind} {name} has no limits of its own any more"));
            }
            (Some(before), Some(after)) => {
                let texts = limits::diff(&before.limits, &after.limits);
                told.extend(texts.into_iter().map(|text| format!("{kind} {name}: {text}")));
            }
            (None, None) => {}
        }
    }
    told
}

/// Callers see backends by what they answer, how soon, and how many at once.
fn backends(old: &BTreeMap<String, Backend>, new: &BTreeMap<String, Backend>) -> Vec<String> {
    let both = each(old, new).filter_map(|(name, before, after)| Some((name, before?, after?)));
    both.map(|(name, before, after)| {
        let mut what = Vec::new();
        if before.endpoints != after.endpoints {
            what.push("is elsewhere".to_owned());
        }
        if before.timeout != after.timeout {
            let (now, then) = (words::span(after.timeout), words::span(before.timeout));
            what.push(format!("has {now} to answer instead of {then}"));
        }
        if before.caps.in_flight != after.caps.in_flight {
            let (now, then) = (after.caps.in_flight, before.caps.in_flight);
            what.push(format!("gets at most {now} requests at once instead of {then}"));
        }
        let what =
            if what.is_empty() { "is reached otherwise".to_owned() } else { what.join(", ") };
        format!("backend {name} {what}")
    })
    .collect()
}

fn told_otherwise(old: &Gateway, new: &Gateway) -> Vec<String> {
    let mut told = Vec::new();
    if old.telling != new.telling {
        told.push("callers are told of their limits by other fields".to_owned());
    }
    if old.limits_path != new.limits_path {
        told.push(match &new.limits_path {
            Some(path) => format!("callers ask at {path} how their limits stand"),
            None => "callers cannot ask any more how their limits stand".to_owned(),
        });
    }
    told
}

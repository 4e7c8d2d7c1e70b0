//! Which Envoys listeners, backends and APIs are for.

use std::collections::{BTreeMap, BTreeSet};

use crate::at::At;
use crate::fault::Faults;
use crate::{Backend, Envoys, HostRoute, Shards};

/// Why something cannot be for these Envoys.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidEnvoys {
    #[error("{0:?} is written twice; take one of them out")]
    Twice(String),
    #[error(
        "this API is for {own}, and {other}, which shares {host} with it, for {others}; Envoys are \
         told all of a host or nothing, so write the same for both"
    )]
    Host { own: Envoys, other: String, host: String, others: Envoys },
    #[error(
        "this API is for {own}, and its backend {backend} for {others} alone; write the same \
         `envoys` for both"
    )]
    Backend { own: Envoys, backend: String, others: Envoys },
    #[error("`routing.shards: never` has every Envoy told all routes; write `auto` there")]
    Undivided,
}

/// Who `envoys` of something names.
pub(super) fn envoys(at: &At<'_>, faults: &mut Faults) -> Envoys {
    let mut groups = BTreeSet::new();
    for item in at.items("envoys") {
        let Some(group) = item.text() else { continue };
        if !groups.insert(group.to_owned()) {
            item.fault(faults, InvalidEnvoys::Twice(group.to_owned()).to_string());
        }
    }
    Envoys::of(groups)
}

/// The APIs that are not for all, if they can be kept from others.
pub(super) fn of_apis(
    root: &At<'_>,
    hosts: &BTreeMap<String, Vec<HostRoute>>,
    backends: &BTreeMap<String, Backend>,
    shards: Shards,
    faults: &mut Faults,
) -> BTreeMap<String, Envoys> {
    let written = root.fields("apis");
    let apis: BTreeMap<&str, Envoys> =
        written.iter().map(|(name, at)| (*name, envoys(at, faults))).collect();
    let mut invalid: BTreeMap<&str, InvalidEnvoys> = BTreeMap::new();
    for (host, routes) in hosts {
        disagreement(host, routes, &apis, &mut invalid);
    }
    for route in hosts.values().flatten() {
        missing_backend(route, backends, &apis, &mut invalid);
    }
    for (name, at) in &written {
        let is_kept = apis.get(name).is_some_and(|envoys| !envoys.are_all());
        let fault = invalid.remove(name);
        let undivided = (is_kept && shards == Shards::Never).then_some(InvalidEnvoys::Undivided);
        if let Some(fault) = fault.or(undivided) {
            at.get("envoys").as_ref().unwrap_or(at).fault(faults, fault.to_string());
        }
    }
    let kept = apis.into_iter().filter(|(_, envoys)| !envoys.are_all());
    kept.map(|(name, envoys)| (name.to_owned(), envoys)).collect()
}

/// Those of a host that are for others than its first API.
fn disagreement<'a>(
    host: &str,
    routes: &'a [HostRoute],
    apis: &BTreeMap<&str, Envoys>,
    invalid: &mut BTreeMap<&'a str, InvalidEnvoys>,
) {
    let there: BTreeSet<&str> = routes.iter().map(|route| route.api.as_str()).collect();
    let mut there = there.into_iter().filter_map(|api| Some((api, apis.get(api)?)));
    let Some((first, others)) = there.next() else { return };
    for (api, own) in there.filter(|(_, own)| *own != others) {
        let (own, others) = (own.clone(), others.clone());
        let (other, host) = (format!("apis.{first}"), host.to_owned());
        invalid.entry(api).or_insert(InvalidEnvoys::Host { own, other, host, others });
    }
}

fn missing_backend<'a>(
    route: &'a HostRoute,
    backends: &BTreeMap<String, Backend>,
    apis: &BTreeMap<&str, Envoys>,
    invalid: &mut BTreeMap<&'a str, InvalidEnvoys>,
) {
    let Some(own) = apis.get(route.api.as_str()) else { return };
    for name in route.action.backends() {
        let Some(backend) = backends.get(name) else { continue };
        if !own.are_among(&backend.envoys) {
            let (own, others) = (own.clone(), backend.envoys.clone());
            let backend = name.to_owned();
            let fault = InvalidEnvoys::Backend { own, backend, others };
            invalid.entry(route.api.as_str()).or_insert(fault);
        }
    }
}

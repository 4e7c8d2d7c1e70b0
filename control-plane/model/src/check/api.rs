use std::collections::{BTreeMap, BTreeSet, HashMap};

use tollgate_auth::{Access, AccessSpec, ApiKeyPlacesSpec, Authenticator, WhenStale};
use tollgate_gateway::{Contract, ContractSpec, OperationSpec};
use tollgate_rate_limit::LimitSpec;

use super::host::{self, InvalidHost};
use super::listener::at_section;
use super::route::{Known, Route, open, route};
use super::{backend_token, budget, identity, order};
use crate::at::At;
use crate::fault::Faults;
use crate::sift::{Refused, read, sift};
use crate::spec::ApiRevocationFile;
use crate::{Action, Backend, HostRoute};

/// What is offered, and where.
#[derive(Default)]
pub(super) struct Apis {
    pub(super) hosts: BTreeMap<String, Vec<HostRoute>>,
    pub(super) contracts: BTreeMap<String, ContractSpec>,
}

pub(super) fn apis(
    root: &At<'_>,
    backends: &BTreeMap<String, Backend>,
    faults: &mut Faults,
) -> Apis {
    let written = root.fields("apis");
    if written.is_empty() {
        at_section(root, "apis", "there is none; write one with a host and a route", faults);
    }
    // Placeholders always compile, so there is nothing to tell here.
    let Some(methods) = identity::methods(root) else { return Apis::default() };
    backend_token::general(root, &methods, faults);
    let mut apis = Vec::new();
    let mut limits = BTreeMap::new();
    for (name, at) in written {
        limits.insert(name, own_limits(name, &at, &methods, faults));
        let hosts = hosts(&at, faults);
        let token_audience = backend_token::audience(root, &at, &methods, faults);
        let (api_key, when_stale) = (api_key(&at, &methods, faults), when_stale(&at, faults));
        let methods = &methods;
        let known = Known { root, methods, backends, api_key, when_stale, token_audience };
        let routes = at.fields("routes").into_iter();
        let routes = routes.filter(|(_, at)| !at.node.is_gone());
        let routes = routes.map(|(route_name, at)| route(name, route_name, at, &known, faults));
        let routes = grouped(routes.collect());
        apis.push((name, hosts, order::sorted(routes)));
    }
    let hosts = order::by_host(&apis, faults);
    let mut contracts = contracts(apis, &mut limits);
    budget::caps(&mut contracts, backends);
    Apis { hosts, contracts }
}

/// Requests of which the same becomes are a group: that of the backend to which
/// they go as they are, or that of the first route that does it otherwise. No
/// backend has a name with an `@`.
fn grouped(mut routes: Vec<Route<'_>>) -> Vec<Route<'_>> {
    routes.sort_by(|one, other| one.name.cmp(other.name));
    let mut groups: HashMap<Action, String> = HashMap::new();
    for Route { name, action, operation, .. } in &mut routes {
        let (Some(action), Some(operation)) = (action, operation) else { continue };
        let own = || action.plain().map_or_else(|| format!("@{name}"), str::to_owned);
        operation.group.clone_from(groups.entry(action.clone()).or_insert_with(own));
    }
    routes
}

fn hosts(at: &At<'_>, faults: &mut Faults) -> BTreeSet<String> {
    let mut hosts = BTreeSet::new();
    for item in at.items("hosts") {
        let Some(text) = item.text() else { continue };
        match host::pattern(text) {
            Ok(host) if hosts.contains(&host) => {
                item.fault(faults, InvalidHost::Twice(text.to_owned()).to_string());
            }
            Ok(host) => {
                hosts.insert(host);
            }
            Err(invalid) => item.fault(faults, invalid.to_string()),
        }
    }
    hosts
}

/// Where its callers' keys may stand; nowhere else if that is at fault.
fn api_key(at: &At<'_>, methods: &Authenticator, faults: &mut Faults) -> Option<ApiKeyPlacesSpec> {
    let at = at.get("api_key")?;
    sift(&at, faults, |json| {
        let access = AccessSpec { api_key: Some(read(json)?), ..open() };
        let compiled = Access::compile(access, &[], methods);
        compiled.map(drop).map_err(|invalid| Refused::inside(&invalid.to_string(), "api_key"))
    });
    if faults.are_in(&at.path) { None } else { at.read(faults) }
}

/// How often its callers may call, over all its routes.
fn own_limits(
    name: &str,
    at: &At<'_>,
    methods: &Authenticator,
    faults: &mut Faults,
) -> Vec<LimitSpec> {
    let Some(at) = at.get("limits") else { return Vec::new() };
    sift(&at, faults, |json| {
        let contract =
            ContractSpec { api: name.to_owned(), limits: read(json)?, ..ContractSpec::default() };
        let compiled = Contract::compile(contract, methods);
        compiled.map(drop).map_err(|invalid| Refused::inside(&invalid.to_string(), "limits"))
    });
    at.read(faults).unwrap_or_default()
}

/// What becomes of its callers while it cannot be told who has been revoked.
fn when_stale(at: &At<'_>, faults: &mut Faults) -> Option<WhenStale> {
    let file: ApiRevocationFile = at.get("revocation")?.read(faults)?;
    file.when_stale.map(WhenStale::from)
}

fn contracts(
    apis: Vec<(&str, BTreeSet<String>, Vec<Route<'_>>)>,
    limits: &mut BTreeMap<&str, Vec<LimitSpec>>,
) -> BTreeMap<String, ContractSpec> {
    let contract = |(name, _, routes): (&str, _, Vec<Route<'_>>)| {
        let operations: Vec<OperationSpec> =
            routes.into_iter().filter_map(|route| route.operation).collect();
        let limits = limits.remove(name).unwrap_or_default();
        let (api, backends) = (name.to_owned(), BTreeMap::new());
        (name.to_owned(), ContractSpec { api, limits, backends, operations })
    };
    apis.into_iter().map(contract).collect()
}

/// Every contract as the filter will see it.
pub(super) fn whole(
    root: &At<'_>,
    contracts: &BTreeMap<String, ContractSpec>,
    authenticator: &Authenticator,
    faults: &mut Faults,
) {
    for (name, at) in root.fields("apis") {
        let Some(contract) = contracts.get(name) else { continue };
        if let Err(invalid) = Contract::compile(contract.clone(), authenticator) {
            at.told(faults, &invalid.to_string());
        }
    }
}

//! Route configurations (RDS).

mod action;
mod conditions;
mod metadata;
mod paths;
mod plan;

use std::collections::{BTreeMap, BTreeSet};

use envoy_types::pb::envoy::config::route::v3::route_match::PathSpecifier;
use envoy_types::pb::envoy::config::route::v3::{
    Route, RouteConfiguration, RouteMatch, VirtualHost,
};
use envoy_types::pb::google::protobuf::UInt64Value;
use tollgate_gateway::{ContractSpec, MatchSpec};
use tollgate_model::{Gateway, HostRoute};

use self::paths::PathMatch;
use self::plan::{Planned, plan};
use crate::listener::HEADERS;
use crate::shards::Shard;
use crate::wrap;

/// The routes of every host, as the listener `name` asks for them.
///
/// There is no route for everything else: the filter runs without one too, and
/// answers 404.
pub(crate) fn from_gateway(name: &str, gateway: &Gateway) -> RouteConfiguration {
    let hosts = gateway.hosts.iter().map(|(host, routes)| {
        let routes: Vec<_> = routes.iter().collect();
        let apis: BTreeSet<_> = routes.iter().map(|route| route.api.as_str()).collect();
        let asked = apis.iter().filter_map(|api| gateway.asked_of(api));
        let asked: Vec<_> = asked.collect();
        from_host((host, host), &routes, (&apis, &asked), gateway)
    });
    RouteConfiguration { name: name.to_owned(), virtual_hosts: hosts.collect(), ..common() }
}

/// A piece of them. Within it the host needs no matching, and what it has no
/// route for is told from what there is no piece for.
pub(crate) fn from_shard(shard: &Shard<'_>, gateway: &Gateway) -> RouteConfiguration {
    let Shard { piece, routes, asked, on_demand: _, envoys: _ } = shard;
    let mut host = from_host((&piece.host, "*"), routes, (&shard.apis(), asked), gateway);
    host.routes.push(nowhere());
    RouteConfiguration { name: piece.name(), virtual_hosts: vec![host], ..common() }
}

fn common() -> RouteConfiguration {
    RouteConfiguration {
        // Callers write the port into `Host` whenever it is not the usual one.
        ignore_port_in_host_matching: true,
        // Between gateway and routes, and nobody else's.
        request_headers_to_remove: HEADERS.map(str::to_owned).into(),
        ..RouteConfiguration::default()
    }
}

/// A contract, by its id.
fn identified(contract: &ContractSpec) -> (String, String) {
    (contract.id(), contract.canonical())
}

/// `apis`: those of the routes. `asked`: of those whose limits callers ask for here,
/// that much of the contract.
fn from_host(
    (name, domain): (&str, &str),
    routes: &[&HostRoute],
    (apis, asked): (&BTreeSet<&str>, &[ContractSpec]),
    gateway: &Gateway,
) -> VirtualHost {
    let contracts = apis.iter().filter_map(|api| Some((*api, gateway.contracts.get(*api)?)));
    let contracts: BTreeMap<_, _> = contracts.map(|(api, one)| (api, identified(one))).collect();
    let asked: Vec<_> = asked.iter().map(identified).collect();
    let planned = plan(routes);
    let routes = planned.iter().flat_map(|planned| {
        let id = contracts.get(planned.api).map(|(id, _)| id.as_str()).unwrap_or_default();
        from_planned(planned, id, gateway)
    });
    VirtualHost {
        name: name.to_owned(),
        domains: vec![domain.to_owned()],
        routes: own_limits(&asked, gateway).into_iter().chain(routes).collect(),
        metadata: Some(metadata::of_host(contracts.values().chain(&asked).cloned())),
        request_body_buffer_limit: held_bodies(gateway),
        ..VirtualHost::default()
    }
}

/// What is left of a piece.
fn nowhere() -> Route {
    let path = Some(PathSpecifier::Prefix("/".to_owned()));
    Route {
        name: metadata::NOWHERE.to_owned(),
        r#match: Some(RouteMatch {
            path_specifier: path,
            case_sensitive: wrap::boolean(false),
            ..RouteMatch::default()
        }),
        action: Some(action::nothing()),
        ..Route::default()
    }
}

/// By which callers ask how their limits stand, before any other route; none
/// where nobody is recognised. The filter answers such requests.
fn own_limits(asked: &[(String, String)], gateway: &Gateway) -> Option<Route> {
    let path = Some(PathSpecifier::Path(gateway.limits_path.clone()?));
    let ids: Vec<&str> = asked.iter().map(|(id, _)| id.as_str()).collect();
    Some(Route {
        name: metadata::name_of_own_limits(&ids)?,
        r#match: Some(RouteMatch { path_specifier: path, ..RouteMatch::default() }),
        action: Some(action::to(None, gateway)),
        ..Route::default()
    })
}

/// A body that was signed is held until it has been judged, which Envoy's
/// buffers alone are too small for.
pub(crate) fn held_bodies(gateway: &Gateway) -> Option<UInt64Value> {
    let identity = &gateway.identity;
    let is_signed =
        identity.hmac.is_some() || identity.sigv4.is_some() || identity.http_signature.is_some();
    // One piece more: the filter, too, has to see that a body is too long.
    let value = u64::from(identity.signing_keys.body_bytes_max).saturating_add(PIECE_BYTES);
    is_signed.then_some(UInt64Value { value })
}

/// More than Envoy reads at a time.
const PIECE_BYTES: u64 = 64 * 1024;

/// One route for each spelling of the path.
fn from_planned<'a>(
    planned: &'a Planned<'_>,
    contract: &'a str,
    gateway: &'a Gateway,
) -> impl Iterator<Item = Route> + 'a {
    let Planned { label, api: _, group, action, paths, conditions } = planned;
    paths.iter().map(move |path| Route {
        name: metadata::name_of_route(contract, *group, label),
        r#match: Some(from_match(path, *conditions)),
        action: Some(action::to(*action, gateway)),
        response_headers_to_add: action::response_headers(*action),
        ..Route::default()
    })
}

fn from_match(path: &PathMatch, conditions: Option<&MatchSpec>) -> RouteMatch {
    RouteMatch {
        path_specifier: Some(path.specifier()),
        // A path that differs only in case has to reach the contract that
        // refuses it, rather than a route of another API.
        case_sensitive: wrap::boolean(false),
        headers: conditions.map(conditions::headers).unwrap_or_default(),
        query_parameters: conditions.map(conditions::query).unwrap_or_default(),
        ..RouteMatch::default()
    }
}

//! Route configurations (RDS).

mod action;
mod conditions;
mod metadata;
mod paths;
mod plan;

use std::collections::BTreeMap;

use envoy_types::pb::envoy::config::route::v3::route_match::PathSpecifier;
use envoy_types::pb::envoy::config::route::v3::{
    Route, RouteConfiguration, RouteMatch, VirtualHost,
};
use envoy_types::pb::google::protobuf::UInt64Value;
use tollgate_auth::AuthSpec;
use tollgate_gateway::MatchSpec;
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
        let contracts = contracts(routes.iter().map(|route| route.api.as_str()), gateway);
        let asked = own_limits(&contracts, gateway);
        from_host(host, host, &routes, (asked, contracts), gateway)
    });
    RouteConfiguration { name: name.to_owned(), virtual_hosts: hosts.collect(), ..common() }
}

/// A piece of them. Within it the host needs no matching, and what it has no
/// route for is told from what there is no piece for.
pub(crate) fn from_shard(shard: &Shard<'_>, gateway: &Gateway) -> RouteConfiguration {
    let Shard { piece, routes, asked, on_demand: _, envoys: _ } = shard;
    let apis = shard.apis().into_iter().chain(asked.iter().copied());
    let asked = own_limits(&contracts(asked.iter().copied(), gateway), gateway);
    let mut host = from_host(&piece.host, "*", routes, (asked, contracts(apis, gateway)), gateway);
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

/// The contracts of APIs: ids and texts, by name.
type Contracts<'a> = BTreeMap<&'a str, (String, String)>;

fn contracts<'a>(apis: impl Iterator<Item = &'a str>, gateway: &'a Gateway) -> Contracts<'a> {
    let apis = apis.filter_map(|api| gateway.contracts.get_key_value(api));
    apis.map(|(api, contract)| (api.as_str(), (contract.id(), contract.canonical()))).collect()
}

fn from_host(
    name: &str,
    domain: &str,
    routes: &[&HostRoute],
    (asked, contracts): (Option<Route>, Contracts<'_>),
    gateway: &Gateway,
) -> VirtualHost {
    let planned = plan(routes);
    let routes = planned.iter().flat_map(|planned| {
        let id = contracts.get(planned.api).map(|(id, _)| id.as_str()).unwrap_or_default();
        from_planned(planned, id, gateway)
    });
    VirtualHost {
        name: name.to_owned(),
        domains: vec![domain.to_owned()],
        routes: asked.into_iter().chain(routes).collect(),
        metadata: Some(metadata::of_host(contracts.values().cloned())),
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

/// Whether callers of an API can ask how their limits stand: some route of it
/// recognises them.
pub(crate) fn recognises(api: &str, gateway: &Gateway) -> bool {
    let operations = gateway.contracts.get(api).map(|contract| &contract.operations);
    operations.into_iter().flatten().any(|one| one.access.auth != AuthSpec::None)
}

/// By which callers ask how their limits stand, before any other route; none
/// where nobody is recognised. The filter answers such requests.
fn own_limits(contracts: &Contracts<'_>, gateway: &Gateway) -> Option<Route> {
    let path = gateway.limits_path.clone()?;
    let asked = contracts.iter().filter(|(api, _)| recognises(api, gateway));
    let ids: Vec<&str> = asked.map(|(_, (id, _))| id.as_str()).collect();
    let path = Some(PathSpecifier::Path(path));
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

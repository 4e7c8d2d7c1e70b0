use std::collections::BTreeSet;

use tollgate_auth::{AccessSpec, AllowSpec, AuthSpec, Authenticator};
use tollgate_gateway::{Contract, ContractSpec, Found, OperationSpec, Request};
use tollgate_model::{Gateway, HostRoute, names_of_host};

/// Where a request goes.
pub(crate) enum Routing<'g> {
    /// No API has the host.
    NoHost,
    /// The host has routes, and none takes the request. One API would refuse it,
    /// if any has something at the path.
    NoRoute { host: &'g str, api: Option<&'g str> },
    /// This one takes it.
    Route { host: &'g str, route: &'g HostRoute },
}

/// As Envoy and the filter find it: the most specific host, and the first of its
/// routes that fits.
pub(crate) fn find<'g>(
    gateway: &'g Gateway,
    host: &str,
    request: &Request<'_>,
    authenticator: &Authenticator,
) -> Routing<'g> {
    let Some((host, routes)) = of_host(gateway, host) else { return Routing::NoHost };
    if let Some(route) = first(routes, request, authenticator) {
        return Routing::Route { host, route };
    }
    Routing::NoRoute { host, api: refusing(gateway, routes, request, authenticator) }
}

fn of_host<'g>(gateway: &'g Gateway, host: &str) -> Option<(&'g str, &'g [HostRoute])> {
    let mut names = names_of_host(host);
    let found = names.find_map(|name| gateway.hosts.get_key_value(&name));
    found.map(|(host, routes)| (host.as_str(), routes.as_slice()))
}

/// One contract of all routes of the host, of which the first that fits is found.
fn first<'g>(
    routes: &'g [HostRoute],
    request: &Request<'_>,
    authenticator: &Authenticator,
) -> Option<&'g HostRoute> {
    let operations = routes.iter().enumerate().map(|(place, route)| anybodys(place, route));
    let all = ContractSpec { operations: operations.collect(), ..ContractSpec::default() };
    let all = Contract::compile(all, authenticator).ok()?;
    let Found::Operation(operation) = all.find(request) else { return None };
    operation.name().parse::<usize>().ok().and_then(|place| routes.get(place))
}

/// The route without what it asks of callers.
fn anybodys(place: usize, route: &HostRoute) -> OperationSpec {
    let (allow, api_key, when_stale, token_audience) = (AllowSpec::default(), None, None, None);
    let (shadow, limits, uses, request, response) = <_>::default();
    OperationSpec {
        name: place.to_string(),
        group: String::new(),
        r#match: route.matcher.clone(),
        access: AccessSpec { auth: AuthSpec::None, allow, api_key, when_stale, token_audience },
        shadow,
        limits,
        uses,
        request,
        response,
    }
}

/// The first API that has something at the path.
fn refusing<'g>(
    gateway: &'g Gateway,
    routes: &'g [HostRoute],
    request: &Request<'_>,
    authenticator: &Authenticator,
) -> Option<&'g str> {
    let mut seen = BTreeSet::new();
    let mut apis = routes.iter().map(|route| route.api.as_str()).filter(|api| seen.insert(*api));
    apis.find(|api| {
        let contract = gateway.contracts.get(*api).cloned();
        let contract = contract.and_then(|spec| Contract::compile(spec, authenticator).ok());
        contract.is_some_and(|contract| {
            !matches!(contract.find(request), Found::Nothing)
                || !contract.methods_instead(request).is_empty()
        })
    })
}

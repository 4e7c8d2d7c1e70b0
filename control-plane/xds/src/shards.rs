//! The routes of a gateway in pieces, so that a change of an API costs what the API
//! is large.

use std::collections::BTreeSet;

use envoy_types::pb::envoy::config::route::v3::ScopedRouteConfiguration;
use envoy_types::pb::envoy::config::route::v3::scoped_route_configuration::{Key, key};
use tollgate_gateway::ContractSpec;
use tollgate_model::{Envoys, Gateway, HostRoute, RoutePiece, first_segment};

/// What listeners have to know to find pieces.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Lookup {
    /// The hosts with a star.
    pub wildcards: BTreeSet<String>,
    /// Whether some pieces come when the first request does.
    pub on_demand: bool,
}

/// One piece, with what is in it.
#[derive(Debug)]
pub(crate) struct Shard<'a> {
    pub(crate) piece: &'a RoutePiece,
    /// Invariant: in the order of the host's list.
    pub(crate) routes: Vec<&'a HostRoute>,
    /// Of the APIs whose limits callers ask for here, that much of the contract.
    pub(crate) asked: Vec<ContractSpec>,
    pub(crate) on_demand: bool,
    pub(crate) envoys: Envoys,
}

// === impl Lookup ===

impl Lookup {
    /// None if the routes do not come in pieces.
    pub(crate) fn of(gateway: &Gateway) -> Option<Self> {
        let wildcards = gateway.hosts.keys().filter(|host| host.starts_with('*')).cloned();
        let on_demand = !gateway.on_demand.is_empty();
        gateway.is_divided().then(|| Self { wildcards: wildcards.collect(), on_demand })
    }
}

// === impl Shard ===

impl<'a> Shard<'a> {
    /// Nothing is left of a piece whose host has no routes.
    pub(crate) fn of(piece: &'a RoutePiece, gateway: &'a Gateway) -> Option<Self> {
        let all = gateway.hosts.get(&piece.host)?;
        let routes = piece.routes_of(all);
        let asked = gateway.asked_in(piece).into_iter();
        let asked = asked.filter_map(|api| gateway.asked_of(api)).collect();
        let on_demand = may_wait(piece, all) && all_on_demand(&routes, gateway);
        // All APIs of a host are for the same Envoys.
        let envoys = all.first().map(|one| gateway.envoys_of(&one.api)).unwrap_or_default();
        Some(Self { piece, routes, asked, on_demand, envoys })
    }

    /// By what Envoy finds it.
    pub(crate) fn scope(&self) -> ScopedRouteConfiguration {
        let fragment = |text: &str| key::Fragment {
            r#type: Some(key::fragment::Type::StringKey(text.to_owned())),
        };
        let fragments = vec![fragment(&self.piece.host), fragment(self.piece.segment_or_star())];
        ScopedRouteConfiguration {
            name: self.piece.name(),
            route_configuration_name: self.piece.name(),
            key: Some(Key { fragments }),
            on_demand: self.on_demand,
            ..ScopedRouteConfiguration::default()
        }
    }

    /// Its APIs.
    pub(crate) fn apis(&self) -> BTreeSet<&'a str> {
        self.routes.iter().map(|route| route.api.as_str()).collect()
    }
}

/// Whether nothing else would take its requests while it is not there.
fn may_wait(piece: &RoutePiece, host: &[HostRoute]) -> bool {
    let is_apart = host.iter().all(|route| first_segment(&route.matcher).is_some());
    piece.segment.is_some() && !piece.host.starts_with('*') && is_apart
}

fn all_on_demand(routes: &[&HostRoute], gateway: &Gateway) -> bool {
    !routes.is_empty() && routes.iter().all(|route| gateway.on_demand.contains(&route.api))
}

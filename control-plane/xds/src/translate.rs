mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

use prost::Message;
use tollgate_gateway::ContractSpec;
use tollgate_model::{Backend, Envoys, Gateway, HostRoute, Listener, RoutePiece, Tls};

use crate::listener::{Filters, concurrency};
use crate::shards::{Lookup, Shard};
use crate::version::version;
use crate::{
    Deployment, Kind, Resource, Snapshot, cluster, endpoints, extension, listener, own_clusters,
    routes,
};

/// Says in Envoy's terms what a gateway should do.
pub fn translate(gateway: &Gateway, deployment: &Deployment) -> Snapshot {
    let lookup = Lookup::of(gateway);
    let mut snapshot = Snapshot::default();
    replace_general(&mut snapshot, gateway, lookup.as_ref(), deployment);
    if lookup.is_some() {
        translate_pieces(&mut snapshot, &gateway.pieces(), gateway);
    } else {
        snapshot.replace(
            Kind::Routes,
            each(&gateway.listeners, |name, one| of_routes(name, one, gateway)),
        );
    }
    snapshot
}

/// Puts all but routes in the place of what there was. `lookup`: how listeners find
/// routes that come in pieces.
pub fn replace_general(
    snapshot: &mut Snapshot,
    gateway: &Gateway,
    lookup: Option<&Lookup>,
    deployment: &Deployment,
) {
    let listeners = gateway.listeners.iter();
    let plugins = listeners.map(|(name, one)| of_plugin(name, one, gateway, deployment));
    let mut listeners =
        each(&gateway.listeners, |name, one| of_listener(name, one, lookup, gateway, deployment));
    listeners.extend(gateway.listeners.iter().filter_map(|(name, one)| {
        let tls = one.tls.as_ref().filter(|tls| tls.http3.is_some())?;
        let resource = over_quic(name, (one, tls), lookup, gateway, deployment);
        Some((listener::quic_name(name), resource))
    }));
    for (kind, resources) in [
        (Kind::Cluster, clusters(gateway, deployment)),
        (Kind::Endpoints, discovered(gateway)),
        (Kind::Secret, secrets::of_gateway(gateway)),
        (Kind::Extension, plugins.collect()),
        (Kind::Listener, listeners),
    ] {
        snapshot.replace(kind, resources);
    }
}

/// Puts some pieces of the routes in the place of what they were.
pub fn translate_pieces<'p>(
    snapshot: &mut Snapshot,
    pieces: impl IntoIterator<Item = &'p RoutePiece>,
    gateway: &Gateway,
) {
    for piece in pieces {
        if let Some(shard) = Shard::of(piece, gateway) {
            snapshot.insert(Kind::Scopes, piece.name(), of_scope(&shard, gateway));
            snapshot.insert(Kind::Routes, piece.name(), of_shard(&shard, gateway));
        }
    }
}

/// Takes a piece of the routes out.
pub fn remove_piece(snapshot: &mut Snapshot, piece: &RoutePiece) {
    snapshot.remove(Kind::Scopes, &piece.name());
    snapshot.remove(Kind::Routes, &piece.name());
}

/// Those that lead to ourselves have names that no backend can take from them.
fn clusters(gateway: &Gateway, deployment: &Deployment) -> BTreeMap<String, Resource> {
    let mut clusters = each(&gateway.backends, |name, one| of_backend(name, one, gateway));
    clusters.extend(own_clusters::from_gateway(gateway, deployment));
    clusters
}

fn each<T>(
    named: &BTreeMap<String, T>,
    translate: impl Fn(&str, &T) -> Resource,
) -> BTreeMap<String, Resource> {
    named.iter().map(|(name, one)| (name.clone(), translate(name, one))).collect()
}

/// A cluster that is sent again is warmed again, so addresses that come apart
/// from it are no part of its version.
fn of_backend(name: &str, backend: &Backend, gateway: &Gateway) -> Resource {
    let mut told = backend.clone();
    if endpoints::are_discovered(backend) {
        told.endpoints.clear();
    }
    told.envoys = Envoys::default();
    Resource {
        version: version(&(name, told, backend.is_zoned())),
        body: encoded(&cluster::from_backend(name, backend)),
        origin: origin(&[&format!("backends.{name}")], gateway),
        envoys: backend.envoys.clone(),
        ..Resource::default()
    }
}

/// Endpoints by address; the others stand in the cluster.
fn discovered(gateway: &Gateway) -> BTreeMap<String, Resource> {
    let backends = gateway.backends.iter().filter(|(_, one)| endpoints::are_discovered(one));
    let resource = |name: &String, backend: &Backend| Resource {
        version: version(&(name, &backend.endpoints)),
        body: encoded(&endpoints::from_backend(name, backend)),
        origin: origin(&[&format!("backends.{name}")], gateway),
        envoys: backend.envoys.clone(),
        ..Resource::default()
    };
    backends.map(|(name, backend)| (name.clone(), resource(name, backend))).collect()
}

fn of_plugin(
    name: &str,
    listener: &Listener,
    gateway: &Gateway,
    deployment: &Deployment,
) -> (String, Resource) {
    let configuration = extension::configuration(listener, gateway, deployment);
    let resource = Resource {
        version: version(&(&deployment.module, &configuration)),
        body: encoded(&extension::from_configuration(name, &configuration, deployment)),
        envoys: listener.envoys.clone(),
        origin: origin(
            &[&format!("listeners.{name}"), "identity", "tiers", "tenants", "rate_limits"],
            gateway,
        ),
        ..Resource::default()
    };
    (extension::name(name), resource)
}

/// Its secrets come apart from it.
fn of_listener(
    name: &str,
    listener: &Listener,
    lookup: Option<&Lookup>,
    gateway: &Gateway,
    deployment: &Deployment,
) -> Resource {
    let Listener { address, trusted_hops, tls, envoys, .. } = listener;
    let clients = |tls: &Tls| tls.clients.as_ref().map(|clients| clients.certificates);
    let tls = tls.as_ref().map(|tls| (tls.min_version, clients(tls), tls.http3));
    let counted = gateway.budgets.count_connections();
    let adaptive = concurrency::adaptive(&gateway.backends);
    let filters = filters(lookup, gateway, deployment);
    Resource {
        version: version(&(
            name,
            address,
            trusted_hops,
            tls,
            lookup,
            counted.then_some(&deployment.module),
            adaptive,
        )),
        body: encoded(&listener::from_listener(name, listener, filters)),
        origin: origin(&[&format!("listeners.{name}")], gateway),
        envoys: envoys.clone(),
        ..Resource::default()
    }
}

/// The same by UDP.
fn over_quic(
    name: &str,
    (listener, tls): (&Listener, &Tls),
    lookup: Option<&Lookup>,
    gateway: &Gateway,
    deployment: &Deployment,
) -> Resource {
    let by_tcp = of_listener(name, listener, lookup, gateway, deployment);
    let filters = filters(lookup, gateway, deployment);
    Resource {
        version: version(&("http3", &by_tcp.version)),
        body: encoded(&listener::over_quic(name, (listener, tls), filters)),
        ..by_tcp
    }
}

fn filters<'a>(
    lookup: Option<&'a Lookup>,
    gateway: &Gateway,
    deployment: &Deployment,
) -> Filters<'a> {
    let counted = gateway.budgets.count_connections();
    let connections = counted.then(|| extension::of_connections(deployment));
    let concurrency = concurrency::filter(&concurrency::adaptive(&gateway.backends));
    Filters { lookup, connections, concurrency }
}

fn of_routes(name: &str, listener: &Listener, gateway: &Gateway) -> Resource {
    let contracts: Vec<_> = gateway.contracts.values().map(ContractSpec::id).collect();
    let routes: Vec<_> = gateway.hosts.values().flatten().collect();
    let apis: Vec<_> = gateway.contracts.keys().map(|api| format!("apis.{api}")).collect();
    Resource {
        version: version(&(name, &gateway.hosts, contracts, shared_by_routes(&routes, gateway))),
        body: encoded(&routes::from_gateway(name, gateway)),
        needs: needed_by(&routes),
        origin: origin(&apis.iter().map(String::as_str).collect::<Vec<_>>(), gateway),
        envoys: listener.envoys.clone(),
    }
}

fn of_scope(shard: &Shard<'_>, gateway: &Gateway) -> Resource {
    let Shard { piece, on_demand, .. } = shard;
    Resource {
        version: version(&(piece, on_demand)),
        body: encoded(&shard.scope()),
        origin: origin_of_apis(&shard.apis(), gateway),
        envoys: shard.envoys.clone(),
        ..Resource::default()
    }
}

fn of_shard(shard: &Shard<'_>, gateway: &Gateway) -> Resource {
    let Shard { piece, routes, asked, on_demand: _, envoys } = shard;
    let apis = shard.apis();
    let contracts = apis.iter().filter_map(|api| gateway.contracts.get(*api));
    let contracts: Vec<_> = contracts.chain(asked).map(ContractSpec::id).collect();
    let elsewhere = shared_by_routes(routes, gateway);
    Resource {
        version: version(&(piece, routes, contracts, elsewhere)),
        body: encoded(&routes::from_shard(shard, gateway)),
        needs: needed_by(routes),
        origin: origin_of_apis(&apis, gateway),
        envoys: envoys.clone(),
    }
}

/// What routes say that stands elsewhere: the timeouts of backends, where limits
/// are asked for, how much of a body is held.
fn shared_by_routes<'a>(routes: &[&'a HostRoute], gateway: &'a Gateway) -> impl Hash + use<'a> {
    let backends: BTreeSet<_> = routes.iter().flat_map(|one| one.action.backends()).collect();
    let timeouts = backends
        .into_iter()
        .map(|name| (name, gateway.backends.get(name).map(|backend| backend.timeout)));
    let held = routes::held_bodies(gateway).map(|bytes| bytes.value);
    (timeouts.collect::<Vec<_>>(), &gateway.limits_path, held)
}

fn needed_by(routes: &[&HostRoute]) -> Vec<String> {
    let backends: BTreeSet<_> = routes.iter().flat_map(|one| one.action.backends()).collect();
    backends.into_iter().map(str::to_owned).collect()
}

fn origin_of_apis(apis: &BTreeSet<&str>, gateway: &Gateway) -> String {
    let paths: Vec<_> = apis.iter().map(|api| format!("apis.{api}")).collect();
    origin(&paths.iter().map(String::as_str).collect::<Vec<_>>(), gateway)
}

fn encoded(message: &impl Message) -> bytes::Bytes {
    message.encode_to_vec().into()
}

/// Names what a resource was made from: `backends.orders (tollgate.yaml:12)`.
/// What was not written at all is left out.
fn origin(paths: &[&str], gateway: &Gateway) -> String {
    let written = paths.iter().filter_map(|path| Some((path, gateway.places.get(*path)?)));
    written.map(|(path, place)| format!("{path} ({place})")).collect::<Vec<_>>().join(", ")
}

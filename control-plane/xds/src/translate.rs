mod secrets;

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use tollgate_gateway::ContractSpec;
use tollgate_model::{Action, Backend, Gateway, Listener, Tls};

use crate::version::version;
use crate::{
    Deployment, Kind, Resource, Snapshot, cluster, endpoints, extension, listener, own_clusters,
    routes,
};

/// Says in Envoy's terms what a gateway should do.
pub fn translate(gateway: &Gateway, deployment: &Deployment) -> Snapshot {
    let kinds = [
        (Kind::Cluster, clusters(gateway, deployment)),
        (Kind::Endpoints, discovered(gateway)),
        (Kind::Secret, secrets::of_gateway(gateway)),
        (
            Kind::Extension,
            gateway
                .listeners
                .iter()
                .map(|(name, one)| of_plugin(name, one, gateway, deployment))
                .collect(),
        ),
        (Kind::Listener, each(&gateway.listeners, |name, one| of_listener(name, one, gateway))),
        (Kind::Routes, each(&gateway.listeners, |name, _| of_routes(name, gateway))),
    ];
    Snapshot { resources: kinds.into() }
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
    Resource {
        version: version(&(name, told, backend.is_zoned())),
        body: encoded(&cluster::from_backend(name, backend)),
        needs: Vec::new(),
        origin: origin(&[&format!("backends.{name}")], gateway),
    }
}

/// Endpoints by address; the others stand in the cluster.
fn discovered(gateway: &Gateway) -> BTreeMap<String, Resource> {
    let backends = gateway.backends.iter().filter(|(_, one)| endpoints::are_discovered(one));
    let resource = |name: &String, backend: &Backend| Resource {
        version: version(&(name, &backend.endpoints)),
        body: encoded(&endpoints::from_backend(name, backend)),
        needs: Vec::new(),
        origin: origin(&[&format!("backends.{name}")], gateway),
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
        needs: Vec::new(),
        origin: origin(
            &[&format!("listeners.{name}"), "identity", "tiers", "tenants", "rate_limits"],
            gateway,
        ),
    };
    (extension::name(name), resource)
}

/// Its secrets come apart from it.
fn of_listener(name: &str, listener: &Listener, gateway: &Gateway) -> Resource {
    let Listener { address, trusted_hops, tls, .. } = listener;
    let clients = |tls: &Tls| tls.clients.as_ref().map(|clients| clients.certificates);
    let tls = tls.as_ref().map(|tls| (tls.min_version, clients(tls)));
    Resource {
        version: version(&(name, address, trusted_hops, tls)),
        body: encoded(&listener::from_listener(name, listener)),
        needs: Vec::new(),
        origin: origin(&[&format!("listeners.{name}")], gateway),
    }
}

fn of_routes(name: &str, gateway: &Gateway) -> Resource {
    let contracts: Vec<_> = gateway.contracts.values().map(ContractSpec::id).collect();
    let timeouts: Vec<_> = gateway.backends.iter().map(|(name, one)| (name, one.timeout)).collect();
    let actions = gateway.hosts.values().flatten().map(|one| &one.action);
    let backends: BTreeSet<_> = actions.flat_map(Action::backends).collect();
    let apis: Vec<_> = gateway.contracts.keys().map(|api| format!("apis.{api}")).collect();
    Resource {
        version: version(&(name, &gateway.hosts, contracts, timeouts)),
        body: encoded(&routes::from_gateway(name, gateway)),
        needs: backends.into_iter().map(str::to_owned).collect(),
        origin: origin(&apis.iter().map(String::as_str).collect::<Vec<_>>(), gateway),
    }
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

//! What is in the files that listeners and backends name.

use std::collections::BTreeMap;

use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::Secret;
use sha2::{Digest as _, Sha256};
use tollgate_model::{BackendTls, Envoys, Gateway, PrivateKey, Tls};

use super::{encoded, origin};
use crate::version::version;
use crate::{Resource, secrets};

/// A secret and its version.
type Versioned = (String, Secret);

pub(super) fn of_gateway(gateway: &Gateway) -> BTreeMap<String, Resource> {
    let listeners = gateway.listeners.iter();
    let listeners = listeners.filter_map(|(name, one)| {
        Some((format!("listeners.{name}"), &one.envoys, of_listener(name, one.tls.as_ref()?)))
    });
    let backends = gateway.backends.iter();
    let backends = backends.filter_map(|(name, one)| {
        Some((format!("backends.{name}"), &one.envoys, of_backend(name, one.tls.as_ref()?)))
    });
    let resources = listeners.chain(backends).flat_map(|(path, envoys, secrets)| {
        secrets.into_iter().map(move |secret| resource(&path, envoys, secret, gateway))
    });
    resources.collect()
}

fn resource(
    path: &str,
    envoys: &Envoys,
    (version, secret): Versioned,
    gateway: &Gateway,
) -> (String, Resource) {
    let origin = origin(&[path], gateway);
    let body = encoded(&secret);
    let envoys = envoys.clone();
    (secret.name, Resource { version, body, origin, envoys, ..Resource::default() })
}

fn of_listener(listener: &str, tls: &Tls) -> Vec<Versioned> {
    let shown = certificate(secrets::certificate_name(listener), &tls.certificate, &tls.key);
    let believed = tls.clients.as_ref().map(|clients| {
        authorities(secrets::authorities_name(listener), &clients.ca, clients.crl.as_deref())
    });
    [shown].into_iter().chain(believed).collect()
}

fn of_backend(backend: &str, tls: &BackendTls) -> Vec<Versioned> {
    let shown = tls.client.as_ref().map(|client| {
        let name = secrets::backend_certificate_name(backend);
        certificate(name, &client.certificate, &client.key)
    });
    let name = secrets::backend_authorities_name(backend);
    let believed = tls.ca.as_ref().map(|ca| authorities(name, ca, None));
    shown.into_iter().chain(believed).collect()
}

fn certificate(name: String, chain: &str, key: &PrivateKey) -> Versioned {
    // Versions are told to whoever reads logs: nothing is to be learned of the key.
    let digest: [u8; 32] = Sha256::digest(key.expose()).into();
    (version(&(&name, chain, digest)), secrets::certificate(name, chain, key))
}

fn authorities(name: String, ca: &str, crl: Option<&str>) -> Versioned {
    (version(&(&name, ca, crl)), secrets::authorities(name, ca, crl))
}

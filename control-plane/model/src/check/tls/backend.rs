use super::{Certificates, authorities, certificate, expiry, key};
use crate::at::At;
use crate::check::host;
use crate::fault::Faults;
use crate::spec::BackendTlsSpec;
use crate::{BackendTls, ClientCertificate, Endpoint, Expiry, Loaded};

/// Why the TLS of a backend was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidBackendTls {
    #[error(
        "the endpoints do not have one name that the certificate could be for; write `server_name`"
    )]
    NoServerName,
    #[error(
        "{0:?} is not a host name; write one that the certificate has, such as orders.internal"
    )]
    ServerName(String),
    #[error("has no `{0}` beside it; write both, or none of them")]
    Alone(&'static str),
}

/// The TLS of a backend, if it has one and all of it is good.
pub(in crate::check) fn of_backend(
    backend: &At<'_>,
    endpoints: &[Endpoint],
    loaded: &Loaded,
    faults: &mut Faults,
    found: &mut Vec<Expiry>,
) -> Option<BackendTls> {
    let at = backend.get("tls")?;
    let spec: BackendTlsSpec = at.read(faults)?;
    let server_name = server_name(&at, endpoints, faults);
    let shown = certificate(&at, loaded, faults);
    let key = key(&at, shown.as_ref(), loaded, faults);
    let ca = authorities(&at, "ca", loaded, faults);
    both_or_none(&at, faults);
    let until = |one: &Option<Certificates>| one.as_ref().map(Certificates::until);
    found.extend(expiry(&at, "certificate", until(&shown), "the backend refuses it"));
    found.extend(expiry(&at, "ca", until(&ca), "certificates of the backend are refused"));
    let client = shown.zip(key);
    Some(BackendTls {
        server_name: server_name?,
        ca: ca.map(|ca| ca.pem),
        client: client.map(|(shown, key)| ClientCertificate { certificate: shown.pem, key }),
        min_version: spec.min_version,
    })
}

/// Whatever is not verified is believed: there is always a name.
fn server_name(tls: &At<'_>, endpoints: &[Endpoint], faults: &mut Faults) -> Option<String> {
    let Some(at) = tls.get("server_name") else {
        let name = common_name(endpoints);
        // Endpoints that are at fault say nothing of their names.
        if name.is_none() && !endpoints.is_empty() {
            tls.fault(faults, InvalidBackendTls::NoServerName.to_string());
        }
        return name;
    };
    let name = at.text()?;
    if !is_name(name) {
        at.fault(faults, InvalidBackendTls::ServerName(name.to_owned()).to_string());
    }
    Some(name.to_ascii_lowercase())
}

fn common_name(endpoints: &[Endpoint]) -> Option<String> {
    let first = &endpoints.first()?.host;
    let is_common = is_name(first) && endpoints.iter().all(|one| one.host == *first);
    is_common.then(|| first.clone())
}

/// An address is no name for SNI (RFC 6066, section 3).
fn is_name(text: &str) -> bool {
    host::is_host_name(text) && text.parse::<std::net::IpAddr>().is_err()
}

fn both_or_none(tls: &At<'_>, faults: &mut Faults) {
    for (one, other) in [("certificate", "key"), ("key", "certificate")] {
        if let (Some(at), None) = (tls.get(one), tls.node.get(other)) {
            at.fault(faults, InvalidBackendTls::Alone(other).to_string());
        }
    }
}

mod health;
mod outliers;
mod shedding;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::envoys::envoys;
use super::host;
use super::span::span;
use super::tls::of_backend;
use crate::at::At;
use crate::fault::Faults;
use crate::spec::BackendSpec;
use crate::{Backend, Caps, Dns, Endpoint, Expiry, Loaded};

/// Why a backend was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidBackend {
    #[error("names that begin with `{OWN}` are the gateway's own; choose another name")]
    OwnName,
    #[error("{0:?} has no port; write host and port, such as 10.0.0.1:9000")]
    NoPort(String),
    #[error("{0:?} is not a port; write a number from 1 to 65535")]
    Port(String),
    #[error("{0:?} is neither an IP address nor a host name; write one of them before the port")]
    Host(String),
    #[error("{0:?} is written twice; take one of them out")]
    Twice(String),
    #[error(
        "all addresses of a name count as one endpoint, so there can be no other; write one name alone"
    )]
    LogicalDns,
    #[error(
        "a hash decides, wherever the endpoints stand; leave their zones out, or balance by \
         least_request"
    )]
    HashedZones,
    #[error("{pending} is more than the {in_flight} that may be in flight; write at most that")]
    Pending { pending: u32, in_flight: u32 },
}

/// How the names of clusters begin that lead to the control plane: a backend of
/// such a name would get what is meant for it.
const OWN: &str = "tollgate-";

const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(1);
const CONNECT_TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_mins(1);
const INTERVAL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);

pub(super) fn backends(
    root: &At<'_>,
    loaded: &Loaded,
    faults: &mut Faults,
    expiries: &mut Vec<Expiry>,
) -> BTreeMap<String, Backend> {
    let mut backends = BTreeMap::new();
    for (name, at) in root.fields("backends") {
        if name.starts_with(OWN) {
            at.fault(faults, InvalidBackend::OwnName.to_string());
        }
        // Each of them is told, also when the backend as a whole cannot be read.
        let endpoints = endpoints(&at, faults);
        let tls = of_backend(&at, &endpoints, loaded, faults, expiries);
        if let Some(backend) = backend(&at, endpoints, faults) {
            backends.insert(name.to_owned(), Backend { tls, ..backend });
        }
    }
    backends
}

fn backend(at: &At<'_>, endpoints: Vec<Endpoint>, faults: &mut Faults) -> Option<Backend> {
    let spec: BackendSpec = at.read(faults)?;
    let caps = caps(at, &spec, faults);
    let BackendSpec { endpoints: _, dns, protocol, tls: _, timeout, connect_timeout, .. } = spec;
    let BackendSpec { balancing, health, outlier_detection, .. } = spec;
    let BackendSpec { admission_control, adaptive_concurrency, .. } = spec;
    if dns == Dns::Logical && endpoints.len() != 1 {
        at.get("dns")?.fault(faults, InvalidBackend::LogicalDns.to_string());
    }
    if balancing.hashes() && endpoints.iter().any(|endpoint| endpoint.zone.is_some()) {
        at.get("balancing")?.fault(faults, InvalidBackend::HashedZones.to_string());
    }
    let timeout = span(at, "timeout", &timeout, &TIMEOUT, faults);
    let connect_timeout = span(at, "connect_timeout", &connect_timeout, &CONNECT_TIMEOUT, faults);
    let health = match (health, at.get("health")) {
        (Some(spec), Some(at)) => Some(health::health(&at, spec, protocol, faults)?),
        _ => None,
    };
    let outlier_detection = match (outlier_detection, at.get("outlier_detection")) {
        (Some(spec), Some(at)) => Some(outliers::outlier_detection(&at, &spec, faults)?),
        _ => None,
    };
    let admission_control = match (admission_control, at.get("admission_control")) {
        (Some(spec), Some(at)) => Some(shedding::admission_control(&at, &spec, faults)?),
        _ => None,
    };
    let adaptive_concurrency = match (adaptive_concurrency, at.get("adaptive_concurrency")) {
        (Some(spec), Some(at)) => {
            Some(shedding::adaptive_concurrency(&at, &spec, caps.in_flight, faults)?)
        }
        _ => None,
    };
    let (timeout, connect_timeout) = (timeout?, connect_timeout?);
    Some(Backend {
        endpoints,
        dns,
        protocol,
        tls: None,
        timeout,
        connect_timeout,
        balancing,
        caps,
        health,
        outlier_detection,
        admission_control,
        adaptive_concurrency,
        envoys: envoys(at, faults),
    })
}

fn caps(at: &At<'_>, spec: &BackendSpec, faults: &mut Faults) -> Caps {
    let BackendSpec { in_flight, pending, connections, retry_budget, .. } = *spec;
    if let (Some(pending), Some(at)) = (pending.filter(|it| in_flight < *it), at.get("pending")) {
        at.fault(faults, InvalidBackend::Pending { pending, in_flight }.to_string());
    }
    Caps {
        in_flight,
        pending: pending.unwrap_or(in_flight),
        connections,
        retry_percent: retry_budget.percent,
        retries_min: retry_budget.min,
    }
}

fn endpoints(at: &At<'_>, faults: &mut Faults) -> Vec<Endpoint> {
    let mut seen = BTreeSet::new();
    let mut endpoints = Vec::new();
    for item in at.items("endpoints") {
        let address = item.get("address").unwrap_or_else(|| item.clone());
        let Some(text) = address.text() else { continue };
        let zone = item.get("zone").and_then(|at| at.text()).map(str::to_owned);
        match endpoint(text) {
            Ok(_) if !seen.insert(text) => {
                address.fault(faults, InvalidBackend::Twice(text.to_owned()).to_string());
            }
            Ok(endpoint) => endpoints.push(Endpoint { zone, ..endpoint }),
            Err(invalid) => address.fault(faults, invalid.to_string()),
        }
    }
    endpoints
}

fn endpoint(text: &str) -> Result<Endpoint, InvalidBackend> {
    let no_port = || InvalidBackend::NoPort(text.to_owned());
    let (host, port) = text.rsplit_once(':').ok_or_else(no_port)?;
    let number = port.parse().ok().filter(|number| *number != 0);
    let port = number.ok_or_else(|| InvalidBackend::Port(port.to_owned()))?;
    let host = host_of(host).ok_or_else(|| InvalidBackend::Host(host.to_owned()))?;
    Ok(Endpoint { host, port, zone: None })
}

/// IPv6 addresses stand in brackets, so that the port can be told apart.
fn host_of(text: &str) -> Option<String> {
    let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    if let Some(address) = bracketed {
        return address.parse::<std::net::Ipv6Addr>().ok().map(|address| address.to_string());
    }
    host::is_host_name(text).then(|| text.to_ascii_lowercase())
}

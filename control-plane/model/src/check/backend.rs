use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::host;
use super::span::span;
use crate::at::At;
use crate::fault::Faults;
use crate::spec::{BackendSpec, HealthSpec};
use crate::{Backend, Endpoint, Health};

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
    #[error("{0:?} is not a path; write one that begins with a slash, such as /healthz")]
    Path(String),
    #[error("{timeout} is longer than the interval, {interval}; write at most that")]
    ProbesOverlap { timeout: String, interval: String },
}

/// How the names of clusters begin that lead to the control plane: a backend of
/// such a name would get what is meant for it.
const OWN: &str = "tollgate-";

const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(1);
const INTERVAL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);

pub(super) fn backends(root: &At<'_>, faults: &mut Faults) -> BTreeMap<String, Backend> {
    let mut backends = BTreeMap::new();
    for (name, at) in root.fields("backends") {
        if name.starts_with(OWN) {
            at.fault(faults, InvalidBackend::OwnName.to_string());
        }
        backends.extend(backend(&at, faults).map(|backend| (name.to_owned(), backend)));
    }
    backends
}

fn backend(at: &At<'_>, faults: &mut Faults) -> Option<Backend> {
    // Each of them is told, also when the backend as a whole cannot be read.
    let endpoints = endpoints(at, faults);
    let BackendSpec { endpoints: _, protocol, timeout, in_flight, health } = at.read(faults)?;
    let timeout = span(at, "timeout", &timeout, &TIMEOUT, faults);
    let health = match (health, at.get("health")) {
        (Some(spec), Some(at)) => Some(self::health(&at, spec, faults)?),
        _ => None,
    };
    Some(Backend { endpoints, protocol, timeout: timeout?, in_flight, health })
}

fn endpoints(at: &At<'_>, faults: &mut Faults) -> Vec<Endpoint> {
    let mut seen = BTreeSet::new();
    let mut endpoints = Vec::new();
    for item in at.items("endpoints") {
        let Some(text) = item.text() else { continue };
        match endpoint(text) {
            Ok(_) if !seen.insert(text) => {
                item.fault(faults, InvalidBackend::Twice(text.to_owned()).to_string());
            }
            Ok(endpoint) => endpoints.push(endpoint),
            Err(invalid) => item.fault(faults, invalid.to_string()),
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
    Ok(Endpoint { host, port })
}

/// IPv6 addresses stand in brackets, so that the port can be told apart.
fn host_of(text: &str) -> Option<String> {
    let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    if let Some(address) = bracketed {
        return address.parse::<std::net::Ipv6Addr>().ok().map(|address| address.to_string());
    }
    host::is_host_name(text).then(|| text.to_ascii_lowercase())
}

fn health(at: &At<'_>, spec: HealthSpec, faults: &mut Faults) -> Option<Health> {
    let HealthSpec { path, interval: every, timeout: patience } = spec;
    let path = path.unwrap_or_default();
    let is_path = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
    if let (false, Some(at)) = (is_path, at.get("path")) {
        at.fault(faults, InvalidBackend::Path(path.clone()).to_string());
    }
    let interval = span(at, "interval", &every, &INTERVAL, faults);
    let timeout = span(at, "timeout", &patience, &TIMEOUT, faults);
    let (interval, timeout) = (interval?, timeout?);
    if interval < timeout {
        let overlap = InvalidBackend::ProbesOverlap { timeout: patience, interval: every };
        at.get("timeout").unwrap_or_else(|| at.clone()).fault(faults, overlap.to_string());
    }
    Some(Health { path, interval, timeout })
}

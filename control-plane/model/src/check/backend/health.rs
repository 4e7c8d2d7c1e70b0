//! How endpoints are probed.

use super::{INTERVAL, TIMEOUT};
use crate::at::At;
use crate::check::host;
use crate::check::span::span;
use crate::fault::Faults;
use crate::spec::HealthSpec;
use crate::{Health, Probe, Protocol};

/// Why a health check was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidHealth {
    #[error("has no path; write the one that is asked for, such as /healthz")]
    NoPath,
    #[error("{0:?} is not a path; write one that begins with a slash, such as /healthz")]
    Path(String),
    #[error("{0:?} is not a host name; write one such as orders.internal")]
    Host(String),
    #[error("{timeout} is longer than the interval, {interval}; write at most that")]
    Overlap { timeout: String, interval: String },
}

pub(super) fn health(
    at: &At<'_>,
    spec: HealthSpec,
    protocol: Protocol,
    faults: &mut Faults,
) -> Option<Health> {
    let HealthSpec { path, host, interval, timeout, unhealthy_after, healthy_after } = spec;
    let (every, patience) = (interval, timeout);
    let probe = probe(at, path, protocol, faults);
    if let Some(name) = host.as_deref().filter(|name| !host::is_host_name(name)) {
        at.get("host")?.fault(faults, InvalidHealth::Host(name.to_owned()).to_string());
    }
    let interval = span(at, "interval", &every, &INTERVAL, faults);
    let timeout = span(at, "timeout", &patience, &TIMEOUT, faults);
    let (interval, timeout) = (interval?, timeout?);
    if interval < timeout {
        let overlap = InvalidHealth::Overlap { timeout: patience, interval: every };
        at.get("timeout").unwrap_or_else(|| at.clone()).fault(faults, overlap.to_string());
    }
    Some(Health { probe: probe?, host, interval, timeout, unhealthy_after, healthy_after })
}

fn probe(
    at: &At<'_>,
    path: Option<String>,
    protocol: Protocol,
    faults: &mut Faults,
) -> Option<Probe> {
    let Some(path) = path else {
        if protocol == Protocol::Grpc {
            return Some(Probe::Grpc);
        }
        // One of the wrong type was taken out, and told.
        if at.node.get("path").is_none() {
            at.fault(faults, InvalidHealth::NoPath.to_string());
        }
        return None;
    };
    let is_path = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_path {
        at.get("path")?.fault(faults, InvalidHealth::Path(path.clone()).to_string());
    }
    Some(Probe::Http(path))
}

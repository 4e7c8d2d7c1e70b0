//! How requests go to a backend.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Judged, hash, is_written, path, retries};
use crate::at::At;
use crate::check::span::span;
use crate::fault::Faults;
use crate::spec::{ForwardSpec, LastingSpec, MirrorSpec};
use crate::{Forward, Lasting, Mirror, Protocol};

/// Why the way to a backend was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidForward {
    #[error("all weights are 0, so no backend would get a request; raise one")]
    NoWeight,
    #[error("{0} is the only backend; write `backend: {0}`, or another beside it")]
    OneBackend(String),
    #[error("{weight} is more than {WEIGHT_MAX}; only how weights compare matters")]
    Weight { weight: u32 },
    #[error("{0} gets the requests themselves; name another backend")]
    MirrorsItself(String),
    #[error("WebSockets begin with GET, which `methods` does not let through; add it there")]
    NoGet,
    #[error("web sockets have bounds of their own; put the streams on another route")]
    StreamAndWebSocket,
    #[error("streams stay open, for `stream.max_duration` at most; remove one of them")]
    StreamAndTimeout,
    #[error("{0} does not speak http1, over which WebSockets go; name another backend")]
    NotHttp1(String),
}

/// Enough for a thousandth of a thousandth.
const WEIGHT_MAX: u32 = 1_000_000;

const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(1);
const OPEN: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);

const FIELDS: [&str; 9] =
    ["backend", "split", "hash", "mirror", "timeout", "retries", "rewrite", "websocket", "stream"];

pub(super) fn forward(route: &Judged<'_>, faults: &mut Faults) -> Option<Forward> {
    let at = route.at;
    let spec: ForwardSpec = at.with(&at.only(&FIELDS)).read(faults)?;
    let ForwardSpec { backend, split, hash, mirror, timeout, retries, rewrite, .. } = spec;
    let ForwardSpec { websocket, stream, .. } = spec;
    let split = match backend {
        Some(name) => [(name, 1)].into(),
        None => split,
    };
    backends(route, faults);
    let forward = Forward { split, ..Forward::default() };
    let timeout = timeout.and_then(|text| span(at, "timeout", &text, &TIMEOUT, faults));
    let forward = Forward {
        timeout,
        hash: hash::hash(route, hash, &forward, faults),
        mirror: mirror.and_then(|spec| self::mirror(route, spec, &forward, faults)),
        ..forward
    };
    let (path, host) = rewrite.map(|spec| path::rewrite(route, spec, faults)).unwrap_or_default();
    Some(Forward {
        retries: retries.and_then(|spec| retries::retries(route, spec, &forward, faults)),
        websocket: websocket.and_then(|spec| self::websocket(route, &spec, &forward, faults)),
        stream: stream.and_then(|spec| self::stream(route, &spec, faults)),
        path,
        host,
        ..forward
    })
}

/// Those that are named, in either way.
fn backends(route: &Judged<'_>, faults: &mut Faults) {
    let Judged { at, known, .. } = route;
    if let Some((at, name)) = at.get("backend").and_then(|at| Some((at.clone(), at.text()?))) {
        is_written(&at, name, known, faults);
    }
    let Some(split) = at.get("split") else { return };
    let named = at.fields("split");
    for (name, at) in &named {
        is_written(at, name, known, faults);
    }
    let weights: Vec<u32> = named.iter().filter_map(|(_, at)| weight(at, faults)).collect();
    if weights.len() < named.len() {
        return;
    }
    let invalid = match named.as_slice() {
        [(name, _)] => InvalidForward::OneBackend((*name).to_owned()),
        _ if weights.iter().all(|weight| *weight == 0) => InvalidForward::NoWeight,
        _ => return,
    };
    split.fault(faults, invalid.to_string());
}

/// None if it was at fault.
fn weight(at: &At<'_>, faults: &mut Faults) -> Option<u32> {
    if at.node.is_gone() {
        return None;
    }
    let weight = at.read(faults)?;
    if weight <= WEIGHT_MAX {
        return Some(weight);
    }
    at.fault(faults, InvalidForward::Weight { weight }.to_string());
    None
}

fn mirror(
    route: &Judged<'_>,
    spec: MirrorSpec,
    forward: &Forward,
    faults: &mut Faults,
) -> Option<Mirror> {
    let MirrorSpec { backend, percent } = spec;
    let (backend, at) = (backend?, route.at.get("mirror")?.get("backend")?);
    is_written(&at, &backend, route.known, faults);
    if forward.split.contains_key(&backend) {
        at.fault(faults, InvalidForward::MirrorsItself(backend.clone()).to_string());
    }
    Some(Mirror { backend, percent })
}

fn websocket(
    route: &Judged<'_>,
    spec: &LastingSpec,
    forward: &Forward,
    faults: &mut Faults,
) -> Option<Lasting> {
    let at = route.at.get("websocket")?;
    let methods = route.matcher.map(|matcher| matcher.methods.as_slice()).unwrap_or_default();
    if !methods.is_empty() && methods.iter().all(|method| method != "GET") {
        at.fault(faults, InvalidForward::NoGet.to_string());
    }
    for name in forward.split.keys() {
        let backend = route.known.backends.get(name);
        if backend.is_some_and(|backend| backend.protocol != Protocol::Http1) {
            at.fault(faults, InvalidForward::NotHttp1(name.clone()).to_string());
        }
    }
    lasting(&at, spec, faults)
}

fn stream(route: &Judged<'_>, spec: &LastingSpec, faults: &mut Faults) -> Option<Lasting> {
    let at = route.at.get("stream")?;
    if route.at.get("websocket").is_some() {
        at.fault(faults, InvalidForward::StreamAndWebSocket.to_string());
    }
    if let Some(timeout) = route.at.get("timeout") {
        timeout.fault(faults, InvalidForward::StreamAndTimeout.to_string());
    }
    lasting(&at, spec, faults)
}

fn lasting(at: &At<'_>, spec: &LastingSpec, faults: &mut Faults) -> Option<Lasting> {
    let idle_timeout = span(at, "idle_timeout", &spec.idle_timeout, &OPEN, faults);
    let max_duration = span(at, "max_duration", &spec.max_duration, &OPEN, faults);
    Some(Lasting { idle_timeout: idle_timeout?, max_duration: max_duration? })
}

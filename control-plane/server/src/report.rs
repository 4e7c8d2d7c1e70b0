//! What is logged, and in which words. Never a body, a key or a header.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use tollgate_store::{SigningKeyUnavailable, StoreAddress};
use tollgate_xds::Kind;
use tollgate_xds::delta::{Event, Named};
use tonic::Status;
use tracing::{error, info, warn};

use crate::address::Address;
use crate::cache::CacheFailed;
use crate::fetch::FetchFailed;
use crate::precheck::{Faulty, PrecheckFailed};
use crate::progress::Arrival;
use crate::revision::Changes;

/// As much of a client's name as is kept.
const NAME_CHARS_MAX: usize = 128;

pub(crate) fn serving(address: &Address, is_secured: bool) {
    info!(%address, "serving xDS");
    if !is_secured && address.is_open() {
        warn!(
            "whoever reaches this address reads the whole configuration; let only Envoys reach it"
        );
    }
}

pub(crate) fn certificates_again() {
    info!("certificates were read again");
}

pub(crate) fn certificates_kept(why: &impl Display) {
    error!("{why}; the certificates read before stay in use");
}

pub(crate) fn no_handshake(peer: &Address, why: &str) {
    warn!(%peer, "a client was turned away before it said anything: {}", one_line(why));
}

pub(crate) fn cache(fault: &CacheFailed) {
    error!("{fault}");
}

pub(crate) fn from_cache(resources: usize) {
    info!(resources, "begins with what the Envoy ran last");
}

pub(crate) fn upstream(control_plane: SocketAddr) {
    info!(%control_plane, "follows");
}

pub(crate) fn upstream_gone(control_plane: SocketAddr, status: &Status) {
    warn!(%control_plane, "cannot be followed: {}", one_line(status.message()));
}

pub(crate) fn serving_introspection(address: SocketAddr) {
    info!(%address, "serving introspection");
    if !address.ip().is_loopback() {
        warn!("tokens and secrets come to this address in clear; let only Envoys reach it");
    }
}

pub(crate) fn serving_key_set(address: SocketAddr) {
    info!(%address, "serving the keys of tokens for backends");
}

pub(crate) fn store(store: &StoreAddress) {
    info!(%store, "keys of the store are known to gateways");
}

pub(crate) fn no_store() {
    info!("there is no store: gateways know the keys of the configuration alone");
}

pub(crate) fn store_fails(why: &str) {
    warn!("{}; its keys are answered 503 until it can", one_line(why));
}

pub(crate) fn store_again() {
    info!("the store can be used again");
}

pub(crate) fn signing_key_sealed(why: &SigningKeyUnavailable) {
    error!("{}; requests signed with it are refused", one_line(&why.to_string()));
}

pub(crate) fn serving_admin(address: SocketAddr, is_secured: bool) {
    info!(%address, "serving the admin API");
    if !is_secured && !address.ip().is_loopback() {
        warn!(
            "tokens of operators come to this address in clear; give --admin-certificate and \
             --admin-key"
        );
    }
}

pub(crate) fn no_admin(address: SocketAddr) {
    warn!(
        "the admin API is not served: {address} is taken by another program; choose another \
         address with --admin"
    );
}

pub(crate) fn unrecorded(actor: &str, action: &str, why: &str) {
    error!(actor, action, "what was done is not written down: {}", one_line(why));
}

pub(crate) fn not_kept(why: &str) {
    warn!("the revision is served and not kept: {}", one_line(why));
}

pub(crate) fn stopping() {
    info!("stopping");
}

pub(crate) fn published(revision: u64, changes: &Changes) {
    let Changes { added, changed, removed } = changes;
    info!(revision, added, changed, removed, "published");
}

pub(crate) fn recovered() {
    info!("recovered: the configuration is good again");
}

pub(crate) fn faults(faults: &[String], serving: u64) {
    for fault in faults {
        error!("{fault}");
    }
    warn!(
        faults = faults.len(),
        serving, "the configuration is not published; the last good one is served"
    );
}

pub(crate) fn warnings(warnings: &[String]) {
    for warning in warnings {
        warn!("{warning}; keys that were good before, if any, stay in use");
    }
}

pub(crate) fn no_keys(url: &str, why: &FetchFailed, kept: bool) {
    let then = if kept {
        "the set fetched before stays in use"
    } else {
        "tokens of this issuer are answered 503 until it can be had"
    };
    warn!(url, "a key set could not be had: {why}; {then}");
}

pub(crate) fn keys_again(url: &str) {
    info!(url, "the key set can be had again");
}

pub(crate) fn keys_dropped(url: &str, after: Duration) {
    let hours = after.as_secs() / 3600;
    warn!(
        url,
        "a key set could not be had for {hours} hours and is dropped; tokens are answered 503"
    );
}

pub(crate) fn connected(node: &str, peer: &Address) {
    info!(node, %peer, "connected");
}

pub(crate) fn refused_stranger(peer: &Address, status: &Status) {
    warn!(%peer, "a client was turned away: {}", one_line(status.message()));
}

pub(crate) fn gone(node: &str) {
    info!(node, "disconnected");
}

pub(crate) fn stalled(node: &str, after: Duration) {
    warn!(node, after_s = after.as_secs(), "does not read what it is sent; its connection is cut");
}

pub(crate) fn would_be_refused(faulty: &Faulty) {
    let Faulty { kind, resource: Named { name, origin, .. }, reason } = faulty;
    let (kind, reason) = (label(*kind), one_line(reason));
    error!("held back {kind} {name:?}, made from {origin}, which Envoy would refuse: {reason}");
}

pub(crate) fn not_prechecked(why: &PrecheckFailed) {
    warn!("{why}; what has changed goes out unchecked");
}

pub(crate) fn stands_in(why: &impl Display) {
    error!("{}", one_line(&why.to_string()));
    warn!("what was served last is served until that is mended");
}

pub(crate) fn arrived(node: &str, arrival: &Arrival) {
    let Arrival { revision, after, refused } = arrival;
    let after_ms = after.as_millis();
    if *refused == 0 {
        info!(node, revision, after_ms, "is live");
    } else {
        warn!(node, revision, after_ms, refused, "is live but for what was refused");
    }
}

pub(crate) fn live_everywhere(revision: u64, after: Duration) {
    info!(revision, after_ms = after.as_millis(), "is live on every Envoy that was connected");
}

pub(crate) fn refused(node: &str, event: &Event) {
    let Event::Refused { kind, message, resource } = event else { return };
    let (kind, reason) = (label(*kind), one_line(message));
    let Some(Named { name, origin, .. }) = resource else {
        error!(node, "refused that {kind} are removed: {reason}");
        return;
    };
    error!(node, "refused {kind} {name:?}, made from {origin}, and keeps what it had: {reason}");
}

/// Which of them is at fault, a client of this variant does not say.
pub(crate) fn refused_together(node: &str, kind: Kind, message: &str) {
    let reason: String = one_line(message).chars().take(Event::MESSAGE_CHARS_MAX).collect();
    error!(node, "refused every {} together, and keeps what it had: {reason}", label(kind));
}

/// A name that a client gave itself, fit for a line of a log.
pub(crate) fn name(text: &str) -> String {
    one_line(text).chars().take(NAME_CHARS_MAX).collect()
}

/// Text from outside must not look like a line of ours.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

pub(crate) fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::Cluster => "cluster",
        Kind::Endpoints => "endpoints",
        Kind::Secret => "certificates",
        Kind::Extension => "filter configuration",
        Kind::Listener => "listener",
        Kind::Scopes => "pieces of routes",
        Kind::Routes => "routes",
    }
}

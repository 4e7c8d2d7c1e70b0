//! Listeners (LDS): where callers connect, and what they may do to Envoy.

mod access_log;
pub(crate) mod concurrency;
mod connection;
mod quic;
mod replies;
mod selection;
mod tls;

use envoy_types::pb::envoy::config::listener::v3::{
    Filter, FilterChain, Listener as EnvoyListener,
};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use tollgate_model::Listener;

pub(crate) use self::quic::{from_listener as over_quic, name as quic_name};
pub(crate) use self::selection::HEADERS;
use crate::shards::Lookup;
use crate::{endpoints, wrap};

/// What one connection may make Envoy hold, as Envoy advises for the edge; its
/// default is 1 MiB.
const BUFFER_BYTES: u32 = 32 * 1024;

/// What else is among the filters.
pub(crate) struct Filters<'a> {
    /// How it finds routes that come in pieces.
    pub(crate) lookup: Option<&'a Lookup>,
    /// What learns of connections, if anybody has a bound of them.
    pub(crate) connections: Option<Filter>,
    /// What finds out how much backends bear.
    pub(crate) concurrency: Option<HttpFilter>,
}

pub(crate) fn from_listener(
    name: &str,
    listener: &Listener,
    filters: Filters<'_>,
) -> EnvoyListener {
    let Filters { lookup, connections, concurrency } = filters;
    let Listener { address, trusted_hops, tls, .. } = listener;
    let http3 = tls.as_ref().and_then(|tls| tls.http3);
    let announced = http3.map(|http3| quic::announced(http3.port.unwrap_or(address.port())));
    let mut manager = connection::manager(name, *trusted_hops, (lookup, concurrency));
    manager.http_filters.splice(0..0, announced);
    let chain = FilterChain {
        filters: connections.into_iter().chain([connection::filter(manager)]).collect(),
        transport_socket: tls.as_ref().map(|tls| tls::socket(name, tls)),
        transport_socket_connect_timeout: tls
            .as_ref()
            .and_then(|_| wrap::duration(tls::HANDSHAKE_TIMEOUT)),
        ..FilterChain::default()
    };
    EnvoyListener {
        name: name.to_owned(),
        address: Some(endpoints::address(&address.ip().to_string(), address.port())),
        per_connection_buffer_limit_bytes: wrap::number(BUFFER_BYTES),
        filter_chains: vec![chain],
        ..EnvoyListener::default()
    }
}

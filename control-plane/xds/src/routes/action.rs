//! Where a route leads.

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::DataSource;
use envoy_types::pb::envoy::config::core::v3::data_source::Specifier;
use envoy_types::pb::envoy::config::route::v3::route::Action;
use envoy_types::pb::envoy::config::route::v3::route_action::ClusterSpecifier;
use envoy_types::pb::envoy::config::route::v3::{DirectResponseAction, RetryPolicy, RouteAction};
use tollgate_model::Gateway;

use crate::wrap;

/// A request that never reached a backend may try another connection, whatever
/// its method: nothing has happened yet.
const RETRY_ON: &str = "connect-failure,refused-stream";

/// What a backend gets that the gateway does not know. It cannot happen: every
/// route's backend is checked.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// To a backend, or to nothing.
pub(crate) fn to(backend: Option<&str>, gateway: &Gateway) -> Action {
    let Some(name) = backend else { return nothing() };
    let timeout = gateway.backends.get(name).map_or(DEFAULT_TIMEOUT, |backend| backend.timeout);
    Action::Route(RouteAction {
        cluster_specifier: Some(ClusterSpecifier::Cluster(name.to_owned())),
        // It begins in the router; a request whose filter died is ended by the
        // listener's `stream_idle_timeout`. Not `max_stream_duration` beside it:
        // where a route has one, Envoy takes no notice of the timeout.
        timeout: wrap::duration(timeout),
        retry_policy: Some(RetryPolicy {
            retry_on: RETRY_ON.to_owned(),
            num_retries: wrap::number(1),
            ..RetryPolicy::default()
        }),
        ..RouteAction::default()
    })
}

/// The filter answers such requests before this does.
fn nothing() -> Action {
    Action::DirectResponse(DirectResponseAction {
        status: 404,
        body: Some(DataSource {
            specifier: Some(Specifier::InlineString(String::new())),
            ..DataSource::default()
        }),
        ..DirectResponseAction::default()
    })
}

//! What becomes of the requests of a route.

mod path;
mod retries;

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::data_source::Specifier;
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{
    DataSource, HeaderValue, HeaderValueOption, RuntimeFractionalPercent,
};
use envoy_types::pb::envoy::config::route::v3::redirect_action::{
    self, RedirectResponseCode, SchemeRewriteSpecifier,
};
use envoy_types::pb::envoy::config::route::v3::route::Action as RouteTo;
use envoy_types::pb::envoy::config::route::v3::route_action::hash_policy::{
    ConnectionProperties, Cookie, Header, PolicySpecifier, QueryParameter,
};
use envoy_types::pb::envoy::config::route::v3::route_action::{
    ClusterSpecifier, HashPolicy, HostRewriteSpecifier, MaxStreamDuration, RequestMirrorPolicy,
    UpgradeConfig,
};
use envoy_types::pb::envoy::config::route::v3::weighted_cluster::{
    ClusterWeight, RandomValueSpecifier,
};
use envoy_types::pb::envoy::config::route::v3::{
    DirectResponseAction, RedirectAction, RouteAction, WeightedCluster,
};
use envoy_types::pb::envoy::r#type::v3::FractionalPercent;
use tollgate_model::{
    Action, Forward, Gateway, HashKey, Lasting, Mirror, Redirect, RedirectStatus, Respond,
};

use crate::wrap;

/// What a backend gets that the gateway does not know. It cannot happen: every
/// route's backend is checked.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// What is done, or nothing.
pub(crate) fn to(action: Option<&Action>, gateway: &Gateway) -> RouteTo {
    match action {
        None => nothing(),
        Some(Action::Forward(forward)) => RouteTo::Route(self::forward(forward, gateway)),
        Some(Action::Redirect(redirect)) => RouteTo::Redirect(self::redirect(redirect)),
        Some(Action::Respond(respond)) => answer(respond.status, &respond.body),
    }
}

/// What an answer says of itself.
pub(crate) fn response_headers(action: Option<&Action>) -> Vec<HeaderValueOption> {
    let Some(Action::Respond(Respond { body, content_type, .. })) = action else {
        return Vec::new();
    };
    if body.is_empty() {
        return Vec::new();
    }
    vec![HeaderValueOption {
        header: Some(HeaderValue {
            key: "content-type".to_owned(),
            value: content_type.clone(),
            ..HeaderValue::default()
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd as i32,
        ..HeaderValueOption::default()
    }]
}

fn forward(written: &Forward, gateway: &Gateway) -> RouteAction {
    let Forward { split, hash, mirror, timeout, retries, path, host, .. } = written;
    let Forward { websocket, stream, .. } = written;
    let lasting = websocket.or(*stream);
    let timeouts = split.keys().filter_map(|name| Some(gateway.backends.get(name)?.timeout));
    let timeout = timeout.or_else(|| timeouts.max()).unwrap_or(DEFAULT_TIMEOUT);
    RouteAction {
        cluster_specifier: Some(clusters(written)),
        hash_policy: hash.iter().map(hash_policy).collect(),
        request_mirror_policies: mirror.iter().map(mirrored).collect(),
        // It begins in the router; a request whose filter died is ended by the
        // listener's `stream_idle_timeout`. Not `max_stream_duration` beside it:
        // where a route has one, Envoy takes no notice of the timeout.
        timeout: wrap::duration(if stream.is_some() { Duration::ZERO } else { timeout }),
        idle_timeout: lasting.and_then(|it| wrap::duration(it.idle_timeout)),
        max_stream_duration: lasting.map(longest),
        retry_policy: Some(retries::from_retries(retries.as_ref())),
        regex_rewrite: path.as_ref().map(path::rewritten),
        host_rewrite_specifier: host.clone().map(HostRewriteSpecifier::HostRewriteLiteral),
        upgrade_configs: websocket.iter().map(|_| upgrade()).collect(),
        ..RouteAction::default()
    }
}

fn clusters(forward: &Forward) -> ClusterSpecifier {
    let mut weighted = forward.split.iter();
    if let (Some((only, _)), None) = (weighted.next(), weighted.next()) {
        return ClusterSpecifier::Cluster(only.clone());
    }
    let clusters = forward.split.iter().map(|(name, weight)| ClusterWeight {
        name: name.clone(),
        weight: wrap::number(*weight),
        ..ClusterWeight::default()
    });
    ClusterSpecifier::WeightedClusters(WeightedCluster {
        clusters: clusters.collect(),
        // Whoever has nothing of what is hashed is sent anywhere.
        random_value_specifier: (!forward.hash.is_empty())
            .then(|| RandomValueSpecifier::UseHashPolicy(wrap::truth(true))),
        ..WeightedCluster::default()
    })
}

/// The first of them that a request has decides.
fn hash_policy(key: &HashKey) -> HashPolicy {
    let specifier = match key {
        HashKey::Ip => {
            PolicySpecifier::ConnectionProperties(ConnectionProperties { source_ip: true })
        }
        HashKey::Header(name) => {
            PolicySpecifier::Header(Header { header_name: name.clone(), ..Header::default() })
        }
        HashKey::Cookie(name) => {
            PolicySpecifier::Cookie(Cookie { name: name.clone(), ..Cookie::default() })
        }
        HashKey::Query(name) => {
            PolicySpecifier::QueryParameter(QueryParameter { name: name.clone() })
        }
    };
    HashPolicy { terminal: true, policy_specifier: Some(specifier) }
}

fn mirrored(mirror: &Mirror) -> RequestMirrorPolicy {
    RequestMirrorPolicy {
        cluster: mirror.backend.clone(),
        runtime_fraction: Some(RuntimeFractionalPercent {
            // Its denominator is a hundred.
            default_value: Some(FractionalPercent {
                numerator: mirror.percent,
                ..FractionalPercent::default()
            }),
            ..RuntimeFractionalPercent::default()
        }),
        // A backend that goes by the host is to see the same one.
        disable_shadow_host_suffix_append: true,
        ..RequestMirrorPolicy::default()
    }
}

/// How long a stream may be open, counted from its request.
fn longest(lasting: Lasting) -> MaxStreamDuration {
    MaxStreamDuration {
        max_stream_duration: wrap::duration(lasting.max_duration),
        ..MaxStreamDuration::default()
    }
}

fn upgrade() -> UpgradeConfig {
    UpgradeConfig {
        upgrade_type: "websocket".to_owned(),
        enabled: wrap::boolean(true),
        ..UpgradeConfig::default()
    }
}

fn redirect(redirect: &Redirect) -> RedirectAction {
    let Redirect { status, https, host, port, path, strip_query, .. } = redirect;
    let scheme = https.map(|https| {
        let scheme = if https { "https" } else { "http" };
        SchemeRewriteSpecifier::SchemeRedirect(scheme.to_owned())
    });
    let code = match status {
        RedirectStatus::MovedPermanently => RedirectResponseCode::MovedPermanently,
        RedirectStatus::Found => RedirectResponseCode::Found,
        RedirectStatus::SeeOther => RedirectResponseCode::SeeOther,
        RedirectStatus::TemporaryRedirect => RedirectResponseCode::TemporaryRedirect,
        RedirectStatus::PermanentRedirect => RedirectResponseCode::PermanentRedirect,
    };
    let path = path.as_ref().map(path::rewritten);
    RedirectAction {
        host_redirect: host.clone().unwrap_or_default(),
        port_redirect: port.unwrap_or_default(),
        response_code: code as i32,
        strip_query: *strip_query,
        scheme_rewrite_specifier: scheme,
        path_rewrite_specifier: path.map(redirect_action::PathRewriteSpecifier::RegexRewrite),
    }
}

/// The filter answers such requests before this does.
pub(crate) fn nothing() -> RouteTo {
    answer(404, "")
}

fn answer(status: u32, body: &str) -> RouteTo {
    RouteTo::DirectResponse(DirectResponseAction {
        status,
        body: Some(DataSource {
            specifier: Some(Specifier::InlineString(body.to_owned())),
            ..DataSource::default()
        }),
        ..DirectResponseAction::default()
    })
}

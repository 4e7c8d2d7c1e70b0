//! Where Envoy asks for what a resource only names.

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::config_source::ConfigSourceSpecifier;
use envoy_types::pb::envoy::config::core::v3::{AggregatedConfigSource, ApiVersion, ConfigSource};

use crate::wrap;

/// How long a listener or a cluster waits for what it names, before it serves
/// without: 5xx then. Without a limit, one resource that never comes would keep
/// Envoy from taking any further change.
pub(crate) const INITIAL_FETCH_TIMEOUT: Duration = Duration::from_secs(15);

/// On the stream on which this itself arrives.
pub(crate) fn source() -> ConfigSource {
    ConfigSource {
        resource_api_version: ApiVersion::V3 as i32,
        initial_fetch_timeout: wrap::duration(INITIAL_FETCH_TIMEOUT),
        config_source_specifier: Some(ConfigSourceSpecifier::Ads(AggregatedConfigSource {})),
        ..ConfigSource::default()
    }
}

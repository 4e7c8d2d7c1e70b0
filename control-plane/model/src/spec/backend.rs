use schemars::JsonSchema;
use serde::Deserialize;

use super::{DURATION, list};
use crate::Protocol;

/// Where requests go.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackendSpec {
    /// Addresses with ports. Names are resolved by Envoy, again and again.
    #[schemars(required, length(min = 1), example = list("10.0.0.1:9000 orders.internal:9000"))]
    #[expect(dead_code, reason = "only its schema is used: they are read one by one")]
    pub(crate) endpoints: Option<Vec<String>>,

    /// What it speaks.
    #[serde(default)]
    pub(crate) protocol: Protocol,

    /// How long a response may take, from the end of the request to its own
    /// end: from 1ms to 1h.
    #[serde(default = "timeout")]
    #[schemars(regex(pattern = DURATION), example = &"5s")]
    pub(crate) timeout: String,

    /// How many requests one Envoy sends it at a time, whoever calls; 503
    /// beyond. By default 1024, as many as Envoy itself allows.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub(crate) in_flight: Option<u32>,

    /// How its endpoints are probed. By default they are not.
    #[serde(default)]
    pub(crate) health: Option<HealthSpec>,
}

/// How endpoints are probed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HealthSpec {
    /// The path of the probe, a GET; a status of 2xx is healthy.
    #[schemars(required, example = &"/healthz")]
    pub(crate) path: Option<String>,

    /// From one probe to the next: from 1s to 1h.
    #[serde(default = "probe_interval")]
    #[schemars(regex(pattern = DURATION), example = &"10s")]
    pub(crate) interval: String,

    /// How long a probe may take, at most the interval.
    #[serde(default = "probe_timeout")]
    #[schemars(regex(pattern = DURATION), example = &"2s")]
    pub(crate) timeout: String,
}

fn timeout() -> String {
    "15s".to_owned()
}

fn probe_interval() -> String {
    "10s".to_owned()
}

fn probe_timeout() -> String {
    "2s".to_owned()
}

use schemars::JsonSchema;
use serde::Deserialize;

use super::{AdaptiveConcurrencySpec, AdmissionControlSpec, DURATION, list};
use crate::{Balancing, Dns, Protocol, TlsVersion};

/// Where requests go.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackendSpec {
    /// Addresses with ports, or names that Envoy resolves, again and again. Or, with
    /// the zone in which it stands, `{ address: "10.0.0.1:9000", zone: eu-west-1a }`: an
    /// Envoy sends requests to endpoints of its own zone (`node.locality.zone` of its
    /// bootstrap) for as long as one of them is healthy, and to all others then.
    #[schemars(required, length(min = 1), example = list("10.0.0.1:9000 orders.internal:9000"))]
    #[expect(dead_code, reason = "only its schema is used: they are read one by one")]
    pub(crate) endpoints: Option<Vec<EndpointSpec>>,

    /// What is made of the addresses that a name has; `strict` by default.
    #[serde(default)]
    pub(crate) dns: Dns,

    /// What it speaks.
    #[serde(default)]
    pub(crate) protocol: Protocol,

    /// How it speaks TLS. Without it, in the clear.
    #[serde(default)]
    #[expect(dead_code, reason = "only its schema is used: it is read by itself")]
    pub(crate) tls: Option<BackendTlsSpec>,

    /// How long a response may take, from the end of the request to its own
    /// end, with all attempts: from 1ms to 1h.
    #[serde(default = "timeout")]
    #[schemars(regex(pattern = DURATION), example = &"5s")]
    pub(crate) timeout: String,

    /// How long it may take to connect: from 1ms to 1m.
    #[serde(default = "connect_timeout")]
    #[schemars(regex(pattern = DURATION), example = &"500ms")]
    pub(crate) connect_timeout: String,

    /// Which of its endpoints gets a request; `least_request` by default.
    #[serde(default)]
    pub(crate) balancing: Balancing,

    /// How many requests one Envoy sends it at a time, whoever calls; 503 beyond.
    #[serde(default = "in_flight")]
    #[schemars(range(min = 1))]
    pub(crate) in_flight: u32,

    /// How many of them may wait for a connection; 503 beyond. By default as
    /// many as `in_flight`.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub(crate) pending: Option<u32>,

    /// How many connections one Envoy makes to it. By default as many as the
    /// requests in flight need: over HTTP/1.1, one each.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub(crate) connections: Option<u32>,

    /// How many second attempts there may be at a time, so that retries do not
    /// bring down a backend that is in trouble.
    #[serde(default)]
    pub(crate) retry_budget: RetryBudgetSpec,

    /// How its endpoints are probed. By default they are not.
    #[serde(default)]
    pub(crate) health: Option<HealthSpec>,

    /// Which endpoints get no requests for a while, because of how they answered.
    /// By default none; `{}` is all defaults.
    #[serde(default)]
    pub(crate) outlier_detection: Option<OutlierDetectionSpec>,

    /// What is kept from it while most of its answers are errors. By default nothing;
    /// `{}` is all defaults.
    #[serde(default)]
    pub(crate) admission_control: Option<AdmissionControlSpec>,

    /// Whether it is found out how many requests it bears. By default it is not; `{}` is
    /// all defaults.
    #[serde(default)]
    pub(crate) adaptive_concurrency: Option<AdaptiveConcurrencySpec>,

    /// The groups of Envoys (`node.cluster` of their bootstraps) that are told of it
    /// and are given its private key. By default all.
    #[serde(default)]
    #[schemars(length(min = 1), example = list("edge"))]
    #[expect(dead_code, reason = "only its schema is used: it is read with its place")]
    pub(crate) envoys: Vec<String>,
}

/// One endpoint of a backend.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Endpoint")]
#[expect(dead_code, reason = "only its schema is used: they are read one by one")]
pub(crate) enum EndpointSpec {
    /// Its address and port.
    Address(String),
    /// That, and where it stands.
    Placed(PlacedEndpointSpec),
}

/// An endpoint, and where it stands.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PlacedEndpoint")]
#[expect(dead_code, reason = "only its schema is used: they are read one by one")]
pub(crate) struct PlacedEndpointSpec {
    /// Its address and port.
    #[schemars(required, length(min = 1), example = &"10.0.0.1:9000")]
    pub(crate) address: Option<String>,

    /// The zone in which it stands.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"eu-west-1a")]
    pub(crate) zone: Option<String>,
}

/// How a backend speaks TLS: its certificate is verified, always. Files are named
/// relative to this one, hold PEM, and are read again whenever they change.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BackendTls")]
pub(crate) struct BackendTlsSpec {
    /// The authorities that may have signed its certificate. By default those
    /// that the machine of Envoy trusts.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"backends.pem")]
    #[expect(dead_code, reason = "only its schema is used: it is read with its place")]
    pub(crate) ca: Option<String>,

    /// The name that is asked for (SNI) and that the certificate must have as a
    /// DNS name. By default the name of the endpoints, if they have one name.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"orders.internal")]
    #[expect(dead_code, reason = "only its schema is used: it is read with its place")]
    pub(crate) server_name: Option<String>,

    /// The certificate that the gateway shows, then those above it.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"gateway.pem")]
    #[expect(dead_code, reason = "only its schema is used: it is read with its place")]
    pub(crate) certificate: Option<String>,

    /// The certificate's private key: ECDSA or RSA, without a password.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"gateway.key")]
    #[expect(dead_code, reason = "only its schema is used: it is read with its place")]
    pub(crate) key: Option<String>,

    /// The oldest version that is spoken.
    #[serde(default)]
    pub(crate) min_version: TlsVersion,
}

/// How many second attempts there may be at a time.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "RetryBudget")]
pub(crate) struct RetryBudgetSpec {
    /// So many in a hundred of the requests in flight.
    #[schemars(range(max = 100))]
    pub(crate) percent: u32,

    /// So many however few requests there are.
    #[schemars(range(max = 1000))]
    pub(crate) min: u32,
}

impl Default for RetryBudgetSpec {
    fn default() -> Self {
        Self { percent: 20, min: 3 }
    }
}

/// How endpoints are probed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HealthSpec {
    /// The path of the probe, a GET; a status of 2xx is healthy. A backend that
    /// speaks gRPC may leave it out: it is asked by `grpc.health.v1.Health`.
    #[serde(default)]
    #[schemars(example = &"/healthz")]
    pub(crate) path: Option<String>,

    /// The host that the probe names. By default the backend's own name here.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"orders.internal")]
    pub(crate) host: Option<String>,

    /// From one probe to the next: from 1s to 1h.
    #[serde(default = "probe_interval")]
    #[schemars(regex(pattern = DURATION), example = &"10s")]
    pub(crate) interval: String,

    /// How long a probe may take, at most the interval.
    #[serde(default = "probe_timeout")]
    #[schemars(regex(pattern = DURATION), example = &"2s")]
    pub(crate) timeout: String,

    /// How many probes in a row must fail before an endpoint gets no more requests.
    #[serde(default = "unhealthy_after")]
    #[schemars(range(min = 1, max = 100))]
    pub(crate) unhealthy_after: u32,

    /// How many must succeed before it gets requests again.
    #[serde(default = "healthy_after")]
    #[schemars(range(min = 1, max = 100))]
    pub(crate) healthy_after: u32,
}

/// Which endpoints get no requests for a while, because of how they answered.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "OutlierDetection")]
pub(crate) struct OutlierDetectionSpec {
    /// How many requests in a row an endpoint has to answer with 5xx, or not at all.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) consecutive_errors: u32,

    /// How often it is looked whether an endpoint may come back: from 1s to 1h.
    #[schemars(regex(pattern = DURATION), example = &"10s")]
    pub(crate) interval: String,

    /// How long an endpoint gets no requests the first time; the second time twice
    /// as long, and so on, up to ten times: from 1s to 1h.
    #[schemars(regex(pattern = DURATION), example = &"30s")]
    pub(crate) ejection_time: String,

    /// How many in a hundred endpoints may be without requests at a time.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) max_ejection_percent: u32,
}

impl Default for OutlierDetectionSpec {
    fn default() -> Self {
        Self {
            consecutive_errors: 5,
            interval: "10s".to_owned(),
            ejection_time: "30s".to_owned(),
            max_ejection_percent: 50,
        }
    }
}

fn timeout() -> String {
    "15s".to_owned()
}

fn connect_timeout() -> String {
    "2s".to_owned()
}

const fn in_flight() -> u32 {
    1024
}

fn probe_interval() -> String {
    "10s".to_owned()
}

fn probe_timeout() -> String {
    "2s".to_owned()
}

const fn unhealthy_after() -> u32 {
    3
}

const fn healthy_after() -> u32 {
    2
}

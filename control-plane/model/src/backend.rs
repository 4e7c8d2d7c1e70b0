use std::hash::{Hash, Hasher};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Envoys, PrivateKey, TlsVersion};

/// Where requests go.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Backend {
    /// At least one.
    pub endpoints: Vec<Endpoint>,
    /// What is made of the addresses that a name has.
    pub dns: Dns,
    /// What it speaks.
    pub protocol: Protocol,
    /// How it speaks TLS; in the clear without.
    pub tls: Option<BackendTls>,
    /// From the end of the request to the end of the response.
    pub timeout: Duration,
    /// How long it may take to connect.
    pub connect_timeout: Duration,
    /// Which of its endpoints gets a request.
    pub balancing: Balancing,
    /// How much it gets from one Envoy at a time.
    pub caps: Caps,
    /// How its endpoints are probed.
    pub health: Option<Health>,
    /// Which endpoints get no requests because of how they answered.
    pub outlier_detection: Option<OutlierDetection>,
    /// What is kept from it while most of its answers are errors.
    pub admission_control: Option<AdmissionControl>,
    /// How it is found out how many requests it bears, if it is.
    pub adaptive_concurrency: Option<AdaptiveConcurrency>,
    /// Which Envoys are told of it.
    pub envoys: Envoys,
}

/// One address of a backend.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Endpoint {
    /// An IP address or a DNS name.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Where it stands, if that matters.
    pub zone: Option<String>,
}

/// What is made of the addresses that a name has.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Dns {
    /// Each is an endpoint, and one that the name no longer has is none. Where there
    /// are addresses of IPv4, those of IPv6 are left out: they lead to the same.
    #[default]
    Strict,
    /// All are one endpoint, of which each new connection takes the first that
    /// answers: for names that have other addresses every time.
    Logical,
}

/// What a backend speaks.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2; without TLS, by prior knowledge.
    Http2,
    /// gRPC, which is HTTP/2 with trailers.
    Grpc,
}

/// Which endpoint of a backend gets a request.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Balancing {
    /// Of two chosen at random, the one with fewer requests in flight.
    #[default]
    LeastRequest,
    /// One after the other.
    RoundRobin,
    /// Any.
    Random,
    /// By `hash` of the route: few requests go elsewhere when endpoints change.
    RingHash,
    /// Likewise, with a table that is quicker to look into and moves a few more.
    Maglev,
}

/// How a backend speaks TLS.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BackendTls {
    /// What is asked for, and what the certificate must be for.
    pub server_name: String,
    /// The authorities that are believed, in PEM; those of the machine without.
    pub ca: Option<String>,
    /// What the gateway shows.
    pub client: Option<ClientCertificate>,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
}

/// A certificate that the gateway shows.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ClientCertificate {
    /// The certificate and those above it, in PEM.
    pub certificate: String,
    /// Its private key.
    pub key: PrivateKey,
}

/// How much a backend gets from one Envoy at a time.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Caps {
    /// Requests, whoever calls; 503 beyond.
    pub in_flight: u32,
    /// Those of them that wait for a connection.
    pub pending: u32,
    /// Connections, if they have a bound of their own.
    pub connections: Option<u32>,
    /// Second attempts, in a hundred of the requests.
    pub retry_percent: u32,
    /// Second attempts, however few requests there are.
    pub retries_min: u32,
}

/// How endpoints are probed.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Health {
    /// What is asked.
    pub probe: Probe,
    /// The host that the probe names.
    pub host: Option<String>,
    /// From one probe to the next.
    pub interval: Duration,
    /// How long a probe may take.
    pub timeout: Duration,
    /// Probes in a row that fail.
    pub unhealthy_after: u32,
    /// Probes in a row that succeed.
    pub healthy_after: u32,
}

/// What a probe asks.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Probe {
    /// A GET of this path; a 2xx is healthy.
    Http(String),
    /// `grpc.health.v1.Health`.
    Grpc,
}

/// Which endpoints get no requests because of how they answered.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct OutlierDetection {
    /// Errors in a row.
    pub consecutive_errors: u32,
    /// How often it is looked.
    pub interval: Duration,
    /// How long an endpoint gets none, the first time.
    pub ejection_time: Duration,
    /// In a hundred endpoints.
    pub max_ejection_percent: u32,
}

/// What is kept from a backend most of whose answers are errors.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct AdmissionControl {
    /// In a hundred requests, those that have to succeed.
    pub success_percent: u32,
    /// The time that is looked back.
    pub window: Duration,
    /// Requests a second, at least.
    pub rate_min: u32,
    /// In a hundred requests, those that are kept from it at most.
    pub max_rejection_percent: u32,
}

/// How it is found out how many requests a backend bears.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct AdaptiveConcurrency {
    /// Which of the times that answers take is looked at.
    pub percentile: u32,
    /// How often it is found out how long it takes when it has little to do.
    pub interval: Duration,
    /// Requests that it always gets at a time.
    pub in_flight_min: u32,
}

// === impl Backend ===

impl Backend {
    /// Whether it matters where an Envoy stands.
    pub fn is_zoned(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.zone.is_some())
    }
}

// === impl Balancing ===

impl Balancing {
    /// Whether a hash decides.
    pub const fn hashes(self) -> bool {
        matches!(self, Self::RingHash | Self::Maglev)
    }
}

// === impl BackendTls ===

/// Its secrets travel apart from the backend, and are no part of what it is.
impl Hash for BackendTls {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { server_name, ca, client, min_version } = self;
        (server_name, ca.is_some(), client.is_some(), min_version).hash(state);
    }
}

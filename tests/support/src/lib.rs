//! Starts real Envoys, control planes and backends for tests, the demo and the benchmark.
//!
//! Everything listens on loopback, on ports that were free, and ends when the
//! value that stands for it is dropped. Nothing here is a double: requests go
//! through the binaries that a user runs.

mod built;
mod call;
mod control_plane;
mod envoy;
mod example;
mod grpc;
mod http3;
mod link;
mod load;
mod oidc;
mod pausable;
mod port;
mod postgres;
mod process;
mod raw;
mod redis;
mod tls;
mod token;
mod upstream;

pub use crate::built::Built;
pub use crate::call::{Answer, Call, Connection, Protocol};
pub use crate::control_plane::ControlPlane;
pub use crate::envoy::Envoy;
pub use crate::example::Example;
pub use crate::grpc::{Conversation, GrpcUpstream};
pub use crate::http3::{QuicClient, QuicConnection};
pub use crate::link::Link;
pub use crate::load::{Load, Report};
pub use crate::oidc::{OidcProvider, TokenRequest};
pub use crate::port::{claim, free_port, reachable};
pub use crate::postgres::Postgres;
pub use crate::process::{Process, Usage};
pub use crate::raw::RawConnection;
pub use crate::redis::RedisServer;
pub use crate::tls::{Authority, Certificate, ExtendedKeyUsagePurpose, SanType, TlsClient, Wanted};
pub use crate::token::{Key, now_seconds};
pub use crate::upstream::{Seen, Upstream};
/// What a Redis may answer.
pub use ::redis::Value as RedisValue;

/// Waits until `probe` gives a value, or says after `patience` what never came.
pub async fn eventually<T>(
    what: &str,
    patience: std::time::Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> anyhow::Result<T> {
    let start = tokio::time::Instant::now();
    loop {
        if let Some(value) = probe().await {
            return Ok(value);
        }
        anyhow::ensure!(start.elapsed() < patience, "{what}: not within {patience:?}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

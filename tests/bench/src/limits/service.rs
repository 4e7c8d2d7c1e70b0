use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use envoy_types::pb::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::{Code, DescriptorStatus};
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_server::{
    RateLimitService, RateLimitServiceServer,
};
use envoy_types::pb::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use tokio::runtime::Runtime;
use tollgate_support::free_port;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use super::counters::{Allowance, Per};
use crate::clock::now;

/// The least that a service of Envoy's protocol can be: fixed windows in memory.
pub(crate) struct Service {
    port: u16,
    runtime: Option<Runtime>,
}

struct Counts {
    allowance: Allowance,
    windows: Mutex<HashMap<String, (Instant, u32)>>,
}

// === impl Service ===

impl Service {
    pub(crate) fn start(allowance: Allowance) -> Result<Self> {
        let runtime = Runtime::new()?;
        let port = free_port()?;
        let counts = Counts { allowance, windows: Mutex::default() };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let server = Server::builder().add_service(RateLimitServiceServer::new(counts));
        runtime.spawn(server.serve(address));
        Ok(Self { port, runtime: Some(runtime) })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

// === impl Counts ===

impl Counts {
    fn count(&self, descriptor: &RateLimitDescriptor) -> Code {
        let entry = descriptor.entries.first();
        let name = entry.map(|entry| entry.value.clone()).unwrap_or_default();
        let Allowance { requests, per } = self.allowance;
        let span = match per {
            Per::Second => Duration::from_secs(1),
            Per::Hour => Duration::from_hours(1),
        };
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, count) = windows.entry(name).or_insert_with(|| (now(), 0));
        if span <= began.elapsed() {
            (*began, *count) = (now(), 0);
        }
        *count = count.saturating_add(1);
        if *count <= requests { Code::Ok } else { Code::OverLimit }
    }
}

#[tonic::async_trait]
impl RateLimitService for Counts {
    async fn should_rate_limit(
        &self,
        request: Request<RateLimitRequest>,
    ) -> Result<Response<RateLimitResponse>, Status> {
        let request = request.into_inner();
        let code = request.descriptors.first().map_or(Code::Ok, |one| self.count(one));
        let statuses = request.descriptors.iter();
        let statuses =
            statuses.map(|_| DescriptorStatus { code: code.into(), ..DescriptorStatus::default() });
        Ok(Response::new(RateLimitResponse {
            overall_code: code.into(),
            statuses: statuses.collect(),
            ..RateLimitResponse::default()
        }))
    }
}

//! One limit for each of many tenants, kept in four ways.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tollgate_support::Built;

use super::service::Service;
use crate::bootstrap::{Plan, Server, Speaks};
use crate::chain::{UNREACHED, contract, filter, request_to, wasm};
use crate::envoys::Bench;
use crate::http::Client;
use crate::upstream::Upstream;

/// One way to count.
pub(crate) struct Counter {
    /// Its name in the reports.
    pub(crate) name: &'static str,
    /// What it is, for people.
    pub(crate) description: &'static str,
    /// Its HTTP filters, router aside.
    filters: fn(module: &Path, Allowance) -> Value,
    counts: bool,
}

/// What each tenant may.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    pub(crate) requests: u32,
    pub(crate) per: Per,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Per {
    Second,
    Hour,
}

/// In the order in which they are reported.
pub(crate) const COUNTERS: [Counter; 4] = [
    Counter {
        name: "uncounted",
        description: "no filter but the router",
        filters: |_, _| json!([]),
        counts: false,
    },
    Counter {
        name: "local_ratelimit",
        description: "Envoy's own, a descriptor for each tenant; counts in one Envoy",
        filters: |_, allowance| local(allowance),
        counts: true,
    },
    Counter {
        name: "ratelimit service",
        description: "Envoy's protocol: each request asks a gRPC service on this machine, the \
                      least that such a service can be; its own CPU comes on top",
        filters: |_, _| asking(),
        counts: true,
    },
    Counter {
        name: "tollgate",
        description: "the rate-limit module alone; counts in one Envoy, and for a fleet the same way",
        filters: |module, allowance| ours(module, allowance),
        counts: true,
    },
];

/// More than a worker remembers tokens of for long.
const TENANTS: usize = 1_000;

const SERVICE: &str = "limits";

/// A limit that counts every request and is never reached.
pub(crate) const UNLIMITED: Allowance = Allowance { requests: UNREACHED, per: Per::Second };

/// One that is.
const FEW: Allowance = Allowance { requests: 3, per: Per::Hour };

/// A request of each tenant.
pub(crate) fn requests() -> Vec<Vec<u8>> {
    (0..TENANTS).map(request).collect()
}

fn request(tenant: usize) -> Vec<u8> {
    request_to("/orders/7", &format!("x-tenant: tenant-{tenant}\r\n"))
}

/// Makes sure that each counts: one that let everything pass would win.
pub(crate) fn check(built: &Built) -> Result<()> {
    let service = Service::start(FEW)?;
    let benches = start(built, FEW, &service)?;
    for (counter, bench) in COUNTERS.iter().zip(&benches) {
        let Counter { name, counts, .. } = counter;
        let mut client = Client::open(bench.address)?;
        let mut send = |tenant| (0..5).map(|_| client.send(&request(tenant))).collect();
        let (one, another): (Result<Vec<u16>>, Result<Vec<u16>>) = (send(7), send(8));
        let expected = if *counts { [200, 200, 200, 429, 429] } else { [200; 5] };
        for statuses in [one?, another?] {
            ensure!(statuses == expected, "{name}: a limit of 3 for each: {statuses:?}");
        }
    }
    Ok(())
}

/// An Envoy for each way to count.
pub(crate) fn start(built: &Built, allowance: Allowance, service: &Service) -> Result<Vec<Bench>> {
    let upstream = Upstream::start()?;
    let contract = contract()?;
    let module = built.module.with_file_name("rate-limit.wasm").canonicalize()?;
    let others = [Server { name: SERVICE, port: service.port(), speaks: Speaks::Grpc }];
    let start = |counter: &Counter| {
        let filters = (counter.filters)(&module, allowance);
        let rate_limits = json!([{"actions": [tenant()]}]);
        let plan = Plan { others: &others, rate_limits, ..Plan::new(filters, &contract) };
        Bench::start(built, &plan, upstream.port()).with_context(|| counter.name)
    };
    COUNTERS.iter().map(start).collect()
}

fn tenant() -> Value {
    json!({"request_headers": {"header_name": "x-tenant", "descriptor_key": "tenant"}})
}

fn local(Allowance { requests, per }: Allowance) -> Value {
    let fill_interval = match per {
        Per::Second => "1s",
        Per::Hour => "3600s",
    };
    let bucket = |tokens: u32| json!({"max_tokens": tokens, "tokens_per_fill": tokens, "fill_interval": fill_interval});
    let all = json!({"default_value": {"numerator": 100, "denominator": "HUNDRED"}});
    json!([filter(
        "local_ratelimit",
        "local_ratelimit.v3.LocalRateLimit",
        json!({
            "stat_prefix": "limit",
            "token_bucket": bucket(UNREACHED),
            "filter_enabled": all,
            "filter_enforced": all,
            "rate_limits": [{"actions": [tenant()]}],
            "descriptors": [{"entries": [{"key": "tenant"}], "token_bucket": bucket(requests)}],
            "max_dynamic_descriptors": 2 * TENANTS,
            "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
        })
    )])
}

fn asking() -> Value {
    json!([filter(
        "ratelimit",
        "ratelimit.v3.RateLimit",
        json!({
            "domain": "bench",
            "timeout": "1s",
            "failure_mode_deny": true,
            "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
            "rate_limit_service": {
                "grpc_service": {"envoy_grpc": {"cluster_name": SERVICE}},
                "transport_api_version": "V3",
            },
        })
    )])
}

fn ours(module: &Path, Allowance { requests, per }: Allowance) -> Value {
    let per = match per {
        Per::Second => "second",
        Per::Hour => "hour",
    };
    let limit = json!({"by": [{"header": "x-tenant"}], "requests": requests, "per": per});
    json!([wasm("rate-limit", &module.display().to_string(), &json!({"limits": [limit]}))])
}

use anyhow::Result;
use serde_json::json;
use tollgate_gateway::ContractSpec;
use tollgate_support::{Built, Key};

use crate::bootstrap::{Plan, UPSTREAM};
use crate::chain::{claims, gateway, recognising, with_token};
use crate::envoys::Bench;
use crate::finding::{Bar, Finding};
use crate::load::Requests;
use crate::settings::Settings;
use crate::upstream::Upstream;

/// By how much an Envoy grows that remembers very many callers.
pub(super) fn measure(built: &Built, settings: &Settings) -> Result<Finding> {
    println!("{} callers at one worker", settings.identities);
    // What is remembered does not depend on the algorithm, and this one is quick.
    let key = Key::new("HS256", "bench-1")?;
    let upstream = Upstream::start()?;
    let filters = json!([gateway(&built.module.display().to_string(), &recognising(&key.jwks()))]);
    let contract = contract()?;
    let bench = Bench::start(built, &Plan::new(filters, &contract), upstream.port())?;
    let first = vec![caller(&key, 0)?; settings.connections];
    bench.flat_out(settings, Requests::admitted(&first))?;
    let before = bench.rss_mb()?;
    let all: Result<Vec<_>> = (0..settings.identities).map(|number| caller(&key, number)).collect();
    bench.once_each(settings, Requests::admitted(&all?))?;
    Ok(Finding {
        name: "identities_mb",
        what: "100,000 callers with tokens of 1 KB: memory of a worker",
        unit: "MB",
        bar: Bar::AtMost(30.0),
        values: vec![(bench.rss_mb()? - before) * 1.048_576],
    })
}

fn contract() -> Result<ContractSpec> {
    Ok(serde_json::from_value(json!({
        "api": "orders",
        "operations": [{
            "name": "get-order",
            "group": UPSTREAM,
            "match": {"path": "/orders/{id}"},
            "access": {"auth": {"any_of": ["jwt.bench"]}},
        }],
    }))?)
}

/// One with a token of about 1 KB, of which tenants and scopes are few.
fn caller(key: &Key, number: u32) -> Result<Vec<u8>> {
    let tenant = number.checked_rem(10_000).unwrap_or_default();
    let own = json!({
        "sub": format!("{number:08x}-6f0a-4a61-9d7c-2f6c1c0d8f3e"),
        "jti": format!("{number:064x}"),
        "tenant": format!("tenant-{tenant}"),
        "picture": "x".repeat(350),
    });
    let claims = claims("openid profile orders.read orders.write invoices.read", own);
    Ok(with_token("/orders/7", &key.sign(&claims)?))
}

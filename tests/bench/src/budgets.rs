//! What it costs to bound what is under way.

use std::slice::from_ref;

use anyhow::Result;
use serde_json::{Map, Value, json};
use tollgate_gateway::ContractSpec;
use tollgate_support::{Built, Key};

use crate::bootstrap::{Plan, UPSTREAM};
use crate::chain::{SCOPE, claims, gateway, recognising, with_token};
use crate::envoys::Bench;
use crate::finding::{Bar, Finding, of_a_proxied_request, pairwise, share};
use crate::load::Requests;
use crate::rounds::rounds;
use crate::settings::Settings;
use crate::upstream::Upstream;

/// Tenants that have a budget, and those of them that call.
const KNOWN: usize = 100_000;
const ACTIVE: usize = 1000;

/// A bound that is never reached.
const UNREACHED: u32 = 100_000;

pub(crate) fn measure(built: &Built, settings: &Settings) -> Result<Vec<Finding>> {
    println!("budgets: without, with, refused, and of many tenants");
    let key = Key::new("RS256", "bench-1")?;
    let upstream = Upstream::start()?;
    let configuration = configuration(&key);
    let filters = json!([gateway(&built.module.display().to_string(), &configuration)]);
    let contract = contract()?;
    let bench = Bench::start(built, &Plan::new(filters, &contract), upstream.port())?;
    let callers = Callers::new(&key)?;
    let costs = rounds(settings, |_| bench.in_turn(settings, callers.kinds()))?;
    Ok(findings(&costs))
}

fn configuration(key: &Key) -> Value {
    let tenant = |number| (counted(number), json!({"in_flight": UNREACHED}));
    let tenants: Map<String, Value> = (0..KNOWN).map(tenant).collect();
    let mut configuration = recognising(&key.jwks());
    if let Value::Object(fields) = &mut configuration {
        fields.insert("budgets".to_owned(), json!({"tenants": tenants}));
    }
    configuration
}

fn counted(number: usize) -> String {
    format!("counted-{number}")
}

/// Operations that differ in nothing but where they go.
fn contract() -> Result<ContractSpec> {
    let operation = |name: &str, backends: &[&str]| {
        json!({
            "name": name,
            "group": UPSTREAM,
            "match": {"path": format!("/{name}/{{id}}")},
            "access": {"auth": {"any_of": ["jwt.bench"]}, "allow": {"scopes": [SCOPE]}},
            "uses": {"backends": backends},
        })
    };
    Ok(serde_json::from_value(json!({
        "api": "orders",
        "backends": {
            "roomy": {"in_flight": UNREACHED},
            "full": {"in_flight": 1, "reserve": 1},
        },
        "operations": [
            operation("free", &[]),
            operation("counted", &["roomy"]),
            operation("refused", &["full"]),
        ],
    }))?)
}

struct Callers {
    free: Vec<u8>,
    counted: Vec<u8>,
    refused: Vec<u8>,
    many_free: Vec<Vec<u8>>,
    many_counted: Vec<Vec<u8>>,
}

impl Callers {
    fn new(key: &Key) -> Result<Self> {
        let request = |path: &str, tenant: &str| -> Result<Vec<u8>> {
            let token = key.sign(&claims(SCOPE, json!({"tenant": tenant})))?;
            Ok(with_token(path, &token))
        };
        let all = |path: &str, tenant: fn(usize) -> String| -> Result<Vec<Vec<u8>>> {
            (0..ACTIVE).map(|number| request(path, &tenant(number))).collect()
        };
        Ok(Self {
            free: request("/free/7", "free")?,
            counted: request("/counted/7", &counted(0))?,
            refused: request("/refused/7", "free")?,
            many_free: all("/free/7", |number| format!("free-{number}"))?,
            many_counted: all("/counted/7", counted)?,
        })
    }

    /// Without budgets, with them, refused, and of many tenants.
    fn kinds(&self) -> [Requests<'_>; 5] {
        let one = |request| Requests::admitted(from_ref(request));
        let refused = Requests { all: from_ref(&self.refused), answers: &[503] };
        [
            one(&self.free),
            one(&self.counted),
            refused,
            Requests::admitted(&self.many_free),
            Requests::admitted(&self.many_counted),
        ]
    }
}

fn findings([free, counted, refused, many_free, many_counted]: &[Vec<f64>; 5]) -> Vec<Finding> {
    let added =
        |name, what, values| Finding { name, what, unit: "µs", bar: Bar::AtMost(1.5), values };
    let more = |some: &[f64], others: &[f64]| pairwise(some, others, |one, other| one - other);
    vec![
        added(
            "budgets_added_us",
            "budgets: what it adds to count a request of a tenant and at a backend",
            more(counted, free),
        ),
        added(
            "budgets_many_added_us",
            "the same, of 1,000 tenants that call, of 100,000 that have a budget",
            more(many_counted, many_free),
        ),
        of_a_proxied_request(
            "budgets_refused",
            "a request that is refused since the backend is full",
            pairwise(refused, free, share),
        ),
    ]
}

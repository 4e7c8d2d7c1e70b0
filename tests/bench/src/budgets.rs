//! What it costs to bound what is under way.

use std::slice::from_ref;

use anyhow::Result;
use serde_json::{Map, Value, json};
use tollgate_gateway::ContractSpec;
use tollgate_support::{Built, Key};

use crate::bootstrap::{Plan, UPSTREAM};
use crate::chain::{SCOPE, claims, gateway, recognising, with_token};
use crate::envoys::Bench;
use crate::finding::{Bar, Finding, pairwise, share};
use crate::load::Requests;
use crate::settings::Settings;
use crate::upstream::Upstream;

/// Tenants that have a budget, and those of them that call.
const KNOWN: usize = 100_000;
const ACTIVE: usize = 1000;

/// A bound that is never reached.
const UNREACHED: u32 = 100_000;

/// What one kind of request costs Envoy, in microseconds, round by round.
#[derive(Default)]
struct Costs {
    free: Vec<f64>,
    counted: Vec<f64>,
    refused: Vec<f64>,
    many_free: Vec<f64>,
    many_counted: Vec<f64>,
}

/// All kinds of requests take turns at one Envoy: two Envoys differ by more than
/// what is measured here.
pub(crate) fn measure(built: &Built, settings: &Settings) -> Result<Vec<Finding>> {
    println!("budgets: without, with, refused, and of many tenants");
    let key = Key::new("RS256", "bench-1")?;
    let upstream = Upstream::start()?;
    let configuration = configuration(&key);
    let filters = json!([gateway(&built.module.display().to_string(), &configuration)]);
    let contract = contract()?;
    let bench = Bench::start(built, &Plan::new(filters, &contract), upstream.port())?;
    let callers = Callers::new(&key)?;
    let mut costs = Costs::default();
    // One more, which warms up.
    for round in 0..=settings.rounds {
        println!("round {round} of {}", settings.rounds);
        let mut warm_up = Costs::default();
        callers.round(&bench, settings, if round == 0 { &mut warm_up } else { &mut costs })?;
    }
    Ok(costs.findings())
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

    fn round(&self, bench: &Bench, settings: &Settings, costs: &mut Costs) -> Result<()> {
        let one = |request| Requests::admitted(from_ref(request));
        let refused = Requests { all: from_ref(&self.refused), answers: &[503] };
        let (many_free, many_counted) = (&self.many_free, &self.many_counted);
        let kinds = [
            one(&self.free),
            one(&self.counted),
            refused,
            Requests::admitted(many_free),
            Requests::admitted(many_counted),
        ];
        let [free, counted, refused, many_free, many_counted] = bench.in_turn(settings, kinds)?;
        costs.free.push(free);
        costs.counted.push(counted);
        costs.refused.push(refused);
        costs.many_free.push(many_free);
        costs.many_counted.push(many_counted);
        Ok(())
    }
}

impl Costs {
    fn findings(&self) -> Vec<Finding> {
        let Self { free, counted, refused, many_free, many_counted } = self;
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
            Finding {
                name: "budgets_refused",
                what: "a request that is refused since the backend is full",
                unit: "% of a proxied request",
                bar: Bar::AtMost(100.0 / 3.0),
                values: pairwise(refused, free, share),
            },
        ]
    }
}

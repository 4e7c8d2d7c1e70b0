use std::slice::from_ref;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tollgate_gateway::ContractSpec;
use tollgate_support::{Built, Key};

use crate::bootstrap::{Plan, UPSTREAM};
use crate::chain::{SCOPE, UNREACHED, claims, gateway, recognising, with_token};
use crate::envoys::Bench;
use crate::finding::{Bar, Finding, of_a_proxied_request, pairwise, share};
use crate::http::Client;
use crate::load::Requests;
use crate::rounds::rounds;
use crate::settings::Settings;
use crate::upstream::Upstream;

/// So many that each call of one finds hardly a token that its worker holds.
const MANY: u32 = 1_000;

pub(super) fn measure(built: &Built, settings: &Settings) -> Result<Vec<Finding>> {
    println!("limits: none, three, used up");
    // Who is calling is remembered, whatever the token was signed with.
    let key = Key::new("HS256", "bench-1")?;
    let upstream = Upstream::start()?;
    let filters = json!([gateway(&built.module.display().to_string(), &recognising(&key.jwks()))]);
    let contract = contract()?;
    let bench = Bench::start(built, &Plan::new(filters, &contract), upstream.port())?;
    let callers = Callers::new(&key)?;
    callers.use_up(&bench)?;
    let costs = rounds(settings, |_| bench.in_turn(settings, callers.kinds()))?;
    Ok(findings(&costs))
}

/// Operations that differ in nothing but their limits.
fn contract() -> Result<ContractSpec> {
    let operation = |name: &str, limits: Value| {
        json!({
            "name": name,
            "group": UPSTREAM,
            "match": {"path": format!("/{name}/{{id}}")},
            "access": {"auth": {"any_of": ["jwt.bench"]}, "allow": {"scopes": [SCOPE]}},
            "limits": limits,
        })
    };
    let three = json!([
        {"by": ["tenant"], "requests": UNREACHED, "per": "second"},
        {"by": ["subject", "route"], "requests": UNREACHED, "per": "minute", "burst": UNREACHED},
        {"by": ["tenant", "api"], "requests": UNREACHED, "per": "hour", "burst": 10 * UNREACHED},
    ]);
    Ok(serde_json::from_value(json!({
        "api": "orders",
        "operations": [
            operation("open", json!([])),
            told(),
            operation("limited", three),
            operation("used-up", json!([{"by": ["tenant"], "requests": 1, "per": "hour"}])),
        ],
    }))?)
}

/// Has no limit and says what one would: two headers of a response have their cost
/// whoever sets them.
fn told() -> Value {
    let fields = json!({
        "ratelimit-policy": "\"acme-second\";q=1000000000;w=1",
        "ratelimit": "\"acme-second\";r=999999999;t=1",
    });
    json!({
        "name": "told",
        "group": UPSTREAM,
        "match": {"path": "/told/{id}"},
        "access": {"auth": {"any_of": ["jwt.bench"]}, "allow": {"scopes": [SCOPE]}},
        "response": {"headers": {"set": fields}},
    })
}

struct Callers {
    open: Vec<u8>,
    told: Vec<u8>,
    limited: Vec<u8>,
    used_up: Vec<u8>,
    many_open: Vec<Vec<u8>>,
    many_limited: Vec<Vec<u8>>,
}

impl Callers {
    fn new(key: &Key) -> Result<Self> {
        let token = |tenant: u32| key.sign(&claims(SCOPE, json!({"tenant": format!("t{tenant}")})));
        let tokens: Result<Vec<String>> = (1..=MANY).map(token).collect();
        let (tokens, one) = (tokens?, token(0)?);
        let many = |path| tokens.iter().map(|token| with_token(path, token)).collect();
        Ok(Self {
            open: with_token("/open/7", &one),
            told: with_token("/told/7", &one),
            limited: with_token("/limited/7", &one),
            used_up: with_token("/used-up/7", &one),
            many_open: many("/open/7"),
            many_limited: many("/limited/7"),
        })
    }

    /// Nobody is refused before something was admitted.
    fn use_up(&self, bench: &Bench) -> Result<()> {
        let mut client = Client::open(bench.address)?;
        let statuses = [client.send(&self.used_up)?, client.send(&self.used_up)?];
        ensure!(statuses == [200, 429], "the limit that is to be used up: {statuses:?}");
        Ok(())
    }

    /// Without limits, told of some, with three, refused, and of many callers.
    fn kinds(&self) -> [Requests<'_>; 6] {
        let refused = Requests { all: from_ref(&self.used_up), answers: &[429] };
        let one = |request| Requests::admitted(from_ref(request));
        [
            one(&self.open),
            one(&self.told),
            one(&self.limited),
            refused,
            Requests::admitted(&self.many_open),
            Requests::admitted(&self.many_limited),
        ]
    }
}

fn findings(costs: &[Vec<f64>; 6]) -> Vec<Finding> {
    let [open, told, limited, refused, many_open, many_limited] = costs;
    vec![
        Finding {
            name: "two_fields_added_us",
            what: "two headers of a response alone, of which limits set as many",
            unit: "µs",
            bar: Bar::Nothing,
            values: pairwise(told, open, |told, open| told - open),
        },
        Finding {
            name: "three_limits_added_us",
            what: "three limits on a route, one busy caller: what they add",
            unit: "µs",
            bar: Bar::AtMost(1.5),
            values: pairwise(limited, open, |limited, open| limited - open),
        },
        Finding {
            name: "three_limits_many_added_us",
            what: "the same with 1,000 callers in turn, of whom workers hold nothing",
            unit: "µs",
            bar: Bar::AtMost(1.5),
            values: pairwise(many_limited, many_open, |limited, open| limited - open),
        },
        of_a_proxied_request("refused_429", "a 429", pairwise(refused, limited, share)),
    ]
}

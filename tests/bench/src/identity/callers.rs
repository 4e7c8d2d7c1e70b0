use std::slice::from_ref;
use std::thread;

use anyhow::Result;
use serde_json::json;
use tollgate_gateway::ContractSpec;
use tollgate_support::{Built, Key};

use crate::bootstrap::{BY_ENVOY, Plan, UPSTREAM};
use crate::chain::{SCOPE, UNREACHED, claims, gateway, recognising, with_token};
use crate::envoys::Bench;
use crate::finding::{Bar, Finding, of_a_proxied_request, pairwise, share};
use crate::load::{Requests, joined};
use crate::rounds::rounds;
use crate::settings::Settings;
use crate::upstream::Upstream;

/// Tokens that are new to the worker, for each round.
const NEW_TOKENS: usize = 3000;

/// More than are remembered to be bad.
const BAD_TOKENS: usize = 5000;

pub(super) fn measure(built: &Built, settings: &Settings) -> Result<Vec<Finding>> {
    println!("callers: known, new, made up and forged");
    let key = Key::new("RS256", "bench-1")?;
    let upstream = Upstream::start()?;
    let filters = json!([gateway(&built.module.display().to_string(), &recognising(&key.jwks()))]);
    let contract = contract()?;
    let bench = Bench::start(built, &Plan::new(filters, &contract), upstream.port())?;
    let callers = Callers::new(&key)?;
    let costs = rounds(settings, |number| callers.round(&bench, settings, number))?;
    Ok(findings(&costs))
}

/// Operations that differ in nothing but the question who is calling: each
/// counts, takes a token out and writes three headers.
fn contract() -> Result<ContractSpec> {
    let limits = json!([{"by": ["route"], "requests": UNREACHED, "per": "second"}]);
    let open = json!({"x-bench-tenant": "acme", "x-bench-subject": "ada", "x-bench-scopes": SCOPE});
    Ok(serde_json::from_value(json!({
        "api": "orders",
        "operations": [{
            "name": "open",
            "group": UPSTREAM,
            "match": {"path": "/open/{id}"},
            "access": {"auth": "none"},
            "limits": limits,
            "request": {"headers": {"set": open}},
        }, {
            "name": "get-order",
            "group": UPSTREAM,
            "match": {"path": "/orders/{id}"},
            "access": {"auth": {"any_of": ["jwt.bench"]}, "allow": {"scopes": [SCOPE]}},
            "limits": limits,
        }],
    }))?)
}

struct Callers<'a> {
    key: &'a Key,
    by_envoy: Vec<u8>,
    open: Vec<u8>,
    known: Vec<u8>,
    made_up: Vec<Vec<u8>>,
    forged: Vec<Vec<u8>>,
}

impl<'a> Callers<'a> {
    fn new(key: &'a Key) -> Result<Self> {
        let token = key.sign(&claims(SCOPE, json!({})))?;
        let order = |token: String| with_token("/orders/7", &token);
        Ok(Self {
            key,
            by_envoy: with_token(BY_ENVOY, &token),
            open: with_token("/open/7", &token),
            known: with_token("/orders/7", &token),
            made_up: (0..BAD_TOKENS).map(|number| order(format!("{number:043}"))).collect(),
            forged: (0..BAD_TOKENS).filter_map(|number| forge(&token, number)).map(order).collect(),
        })
    }

    /// By Envoy, open, known, made up, forged and new.
    fn round(&self, bench: &Bench, settings: &Settings, number: usize) -> Result<[f64; 6]> {
        let one = |request| Requests::admitted(from_ref(request));
        let refused = |all| Requests { all, answers: &[401] };
        let kinds = [
            refused(from_ref(&self.by_envoy)),
            one(&self.open),
            one(&self.known),
            refused(&self.made_up),
            refused(&self.forged),
        ];
        let [by_envoy, open, known, made_up, forged] = bench.in_turn(settings, kinds)?;
        let new = new_tokens(self.key, number)?;
        let new = bench.once_each(settings, Requests::admitted(&new))?.cpu_us;
        Ok([by_envoy, open, known, made_up, forged, new])
    }
}

/// The token with another signature.
fn forge(token: &str, number: usize) -> Option<String> {
    let (signed, signature) = token.rsplit_once('.')?;
    Some(format!("{signed}.{number:08}{}", signature.get(8..)?))
}

/// Signing one takes longer than anything that is measured here.
fn new_tokens(key: &Key, round: usize) -> Result<Vec<Vec<u8>>> {
    let first = round.saturating_mul(NEW_TOKENS);
    let numbers: Vec<_> = (first..first.saturating_add(NEW_TOKENS)).collect();
    let share = NEW_TOKENS.div_ceil(thread::available_parallelism()?.get());
    thread::scope(|scope| {
        let sign = |numbers| scope.spawn(move || new_tokens_of(key, numbers));
        let signers: Vec<_> = numbers.chunks(share).map(sign).collect();
        let mut tokens = Vec::new();
        for signer in signers {
            tokens.extend(joined(signer)?);
        }
        Ok(tokens)
    })
}

fn new_tokens_of(key: &Key, numbers: &[usize]) -> Result<Vec<Vec<u8>>> {
    numbers.iter().map(|&number| new_token(key, number)).collect()
}

fn new_token(key: &Key, number: usize) -> Result<Vec<u8>> {
    Ok(with_token("/orders/7", &key.sign(&claims(SCOPE, json!({"jti": number})))?))
}

fn findings([by_envoy, open, known, made_up, forged, new]: &[Vec<f64>; 6]) -> Vec<Finding> {
    vec![
        Finding {
            name: "known_added_us",
            what: "a caller who is known: what it adds to ask who it is and what it may",
            unit: "µs",
            bar: Bar::AtMost(3.0),
            values: pairwise(known, open, |known, open| known - open),
        },
        Finding {
            name: "never_seen_added_us",
            what: "an RS256 token never seen before: what it costs beside one that was",
            unit: "µs",
            bar: Bar::AtMost(60.0),
            values: pairwise(new, known, |new, known| new - known),
        },
        Finding {
            bar: Bar::Nothing,
            ..of_a_proxied_request(
                "by_envoy",
                "a refusal by Envoy itself, without a filter",
                pairwise(by_envoy, known, share),
            )
        },
        of_a_proxied_request("made_up", "a made-up token", pairwise(made_up, known, share)),
        of_a_proxied_request("forged", "a forged RS256 token", pairwise(forged, known, share)),
    ]
}

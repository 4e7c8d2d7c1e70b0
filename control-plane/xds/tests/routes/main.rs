//! Envoy's routes and the contracts decide alike.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod envoy;
mod follow;
mod rules;

use std::collections::BTreeMap;

use envoy_types::pb::envoy::config::route::v3::{Route, RouteConfiguration};
use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json};
use tollgate_auth::Authenticator;
use tollgate_core::{CanonicalPath, Headers, Seed};
use tollgate_gateway::{Contract, Found, Request};
use tollgate_model::{Gateway, Loaded, Source};
use tollgate_xds::{Deployment, Kind, translate};

/// A request as a caller writes it.
#[derive(Clone, Debug)]
struct Sent {
    method: &'static str,
    path: String,
    query: &'static str,
    version: Option<&'static str>,
}

/// A gateway on both sides: what Envoy is told, and what the filter is told.
struct Sides {
    gateway: Gateway,
    /// By host and first segment; all in one, under no segment, if they are told so.
    routes: BTreeMap<String, RouteConfiguration>,
    contracts: BTreeMap<String, Contract>,
}

// === impl Sides ===

impl Sides {
    /// Nothing if the file is refused, for example because a route is shadowed.
    fn of(file: &Value, shards: &str) -> Option<Self> {
        let mut file = file.clone();
        file["routing"] = json!({ "shards": shards });
        let source =
            Source { name: "tollgate.yaml".to_owned(), bytes: file.to_string().into_bytes() };
        let gateway = tollgate_model::read(&[source]).ok()?.compile(&Loaded::default()).ok()?;
        let deployment = Deployment {
            module: "gateway.wasm".to_owned(),
            identity: None,
            sync: None,
            limits: None,
        };
        let snapshot = translate(&gateway, &deployment);
        let routes = snapshot.of(Kind::Routes).map(|(name, resource)| {
            (name.clone(), RouteConfiguration::decode(resource.body.as_ref()).unwrap())
        });
        let routes = routes.collect();
        let authenticator =
            Authenticator::compile(gateway.identity.clone(), Seed([0; 16])).unwrap();
        let compile = |contract: &tollgate_gateway::ContractSpec| {
            let id = contract.id();
            (id, Contract::compile(contract.clone(), &authenticator).unwrap())
        };
        let contracts = gateway.contracts.values().map(compile).collect();
        Some(Self { gateway, routes, contracts })
    }

    /// Which operation serves a request: Envoy chooses the route, and the filter
    /// the operation in the contract that the route names.
    fn served(&self, sent: &Sent) -> Option<String> {
        let route = self.route(sent)?;
        let (id, group) = envoy::contract_and_group(route);
        let contract = &self.contracts[id];
        match sent.to_contract(|request| match contract.find(request) {
            Found::Operation(operation) => Some((operation.name(), operation.group())),
            _ => None,
        }) {
            Some((name, found)) if found == group => Some(format!("{}/{name}", contract.api())),
            _ => None,
        }
    }

    /// The route that Envoy chooses; in pieces, in the one of the first segment, or
    /// else in that of all other segments.
    fn route(&self, sent: &Sent) -> Option<&Route> {
        let segment = sent.path.split('/').nth(1).unwrap().to_ascii_lowercase();
        let piece = |segment: &str| self.routes.get(&format!("example.com/{segment}"));
        let whole = self.routes.get("public");
        let routes = whole.or_else(|| piece(&segment)).or_else(|| piece("*"))?;
        envoy::route(routes, sent).filter(|route| route.name != "=nowhere")
    }

    /// The methods that the filter names when it refuses one.
    fn methods_instead(&self, sent: &Sent) -> Vec<String> {
        let Some(route) = self.route(sent) else { return Vec::new() };
        let contract = &self.contracts[envoy::contract_and_group(route).0];
        let methods = sent.to_contract(|request| contract.methods_instead(request));
        methods.into_iter().map(str::to_owned).collect()
    }
}

// === impl Sent ===

impl Sent {
    fn to_contract<T>(&self, ask: impl FnOnce(&Request<'_>) -> T) -> T {
        let target = format!("{}{}", self.path, self.query);
        let headers: Headers = self.version.iter().map(|version| ("v", *version)).collect();
        let path = CanonicalPath::parse(target.as_bytes()).unwrap();
        ask(&Request { method: self.method.as_bytes(), path, headers: &headers })
    }
}

// === what is generated ===

fn path(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    let segments = prop::collection::vec(prop::sample::select(of), 0..4);
    (segments, any::<bool>()).prop_map(|(segments, slash)| {
        let slash = if slash && !segments.is_empty() { "/" } else { "" };
        format!("/{}{slash}", segments.join("/"))
    })
}

fn matcher() -> impl Strategy<Value = Value> {
    let path = prop_oneof![
        4 => path(&["a", "b", "c:d", "{p}"]).prop_filter_map("a name twice", |path| {
            (path.matches("{p}").count() < 2).then(|| json!({"path": path}))
        }),
        2 => path(&["a", "b", "c:d"]).prop_map(|prefix| json!({"prefix": prefix})),
        1 => prop::sample::select(vec!["/a/.*", "/[ab]", "/b|/a/b"]).prop_map(|r| json!({"regex": r})),
    ];
    let methods = prop::sample::select(vec![vec![], vec!["GET"], vec!["GET", "POST"], vec!["PUT"]]);
    let value = prop::sample::select(vec![
        json!({}),
        json!({}),
        json!({"v": "1 +"}),
        json!({"v": {"present": true}}),
        json!({"v": {"present": false}}),
    ]);
    let priority = prop::sample::select(vec![0, 0, 0, 1]);
    (path, methods, value.clone(), value, priority).prop_map(
        |(mut spec, methods, headers, query, priority)| {
            spec["methods"] = json!(methods);
            spec["headers"] = headers;
            spec["query"] = query;
            spec["priority"] = json!(priority);
            spec
        },
    )
}

/// What becomes of requests: most go to a backend as they are.
fn action() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({"backend": "x"}),
        json!({"backend": "x"}),
        json!({"backend": "y"}),
        json!({"backend": "y", "timeout": "1s"}),
        json!({"backend": "y", "rewrite": {"path": "/a"}}),
        json!({"split": {"x": 1, "y": 2}}),
        json!({"redirect": {"path": "/b"}}),
    ])
}

/// Routes of two APIs on one host, to two backends.
fn file(apis: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let route = (prop::sample::select(apis), action(), matcher());
    prop::collection::vec(route, 1..6).prop_map(|routes| {
        let mut by_api = json!({});
        for (number, (api, mut route, matcher)) in routes.into_iter().enumerate() {
            route["match"] = matcher;
            route["auth"] = json!("none");
            by_api[api]["hosts"] = json!(["example.com"]);
            by_api[api]["routes"][format!("r{number}")] = route;
        }
        json!({
            "listeners": {"public": {"address": "127.0.0.1:8080"}},
            "backends": {
                "x": {"endpoints": ["127.0.0.1:9001"]},
                "y": {"endpoints": ["127.0.0.1:9002"]},
            },
            "apis": by_api,
        })
    })
}

fn sent(segments: &'static [&'static str]) -> impl Strategy<Value = Sent> {
    let method = prop::sample::select(vec!["GET", "POST", "DELETE"]);
    let query = prop::sample::select(vec!["", "?v=1+%2b", "?v=%31%20%2B", "?v=2", "?w"]);
    let version = prop::sample::select(vec![None, Some("1 +"), Some("2")]);
    (method, path(segments), query, version).prop_map(|(method, path, query, version)| Sent {
        method,
        path,
        query,
        version,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    /// What serves a request is the first operation of the host's list that
    /// fits it, whichever API it is of; in other letters, nothing does.
    #[test]
    fn the_first_operation_that_fits_serves(
        file in file(&["one", "two"]),
        sent in sent(&["a", "b", "c:d", "c%3ad", "A", "d"]),
        shards in prop::sample::select(vec!["never", "always"]),
    ) {
        let Some(sides) = Sides::of(&file, shards) else {
            return Err(TestCaseError::reject("refused"));
        };
        let expected = rules::serves(&sides.gateway.hosts["example.com"], &sent);
        prop_assert_eq!(sides.served(&sent), expected, "{:#?}", sides.routes);
    }

    /// Where only the method is wrong, the filter gets to say so.
    #[test]
    fn a_wrong_method_is_told(
        file in file(&["one"]),
        sent in sent(&["a", "b", "c:d"]),
        shards in prop::sample::select(vec!["never", "always"]),
    ) {
        let Some(sides) = Sides::of(&file, shards) else {
            return Err(TestCaseError::reject("refused"));
        };
        let routes = &sides.gateway.hosts["example.com"];
        prop_assume!(rules::serves(routes, &sent).is_none());
        let expected = rules::methods_instead(routes, &sent);
        prop_assert_eq!(sides.methods_instead(&sent), expected, "{:#?}", sides.routes);
    }
}

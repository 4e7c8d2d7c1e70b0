//! However operations and requests are put together, the contract finds what
//! going over the list by the plain rules finds.
#![allow(clippy::unwrap_used, reason = "a test")]

use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_auth::{Authenticator, IdentitySpec};
use tollgate_core::{CanonicalPath, Headers, Seed};
use tollgate_gateway::{Contract, ContractSpec, Found, MatchSpec, Request};

#[derive(Debug)]
struct Sent {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, &'static str)>,
}

// === the plain rules ===

fn reference(matches: &[MatchSpec], sent: &Sent) -> String {
    let decided = matches.iter().enumerate().find_map(|(index, one)| decide(index, one, sent));
    decided.unwrap_or_else(|| "nothing".to_owned())
}

fn decide(index: usize, spec: &MatchSpec, sent: &Sent) -> Option<String> {
    let (path, query) = sent.target.split_once('?').unwrap_or((&sent.target, ""));
    let any_case = fits(&lower(spec), &path.to_ascii_lowercase());
    if !any_case || !(spec.methods.is_empty() || spec.methods.iter().any(|m| m == sent.method)) {
        return None;
    }
    let versions = |pairs: &mut dyn Iterator<Item = (&str, &str)>| -> Vec<String> {
        pairs.filter(|(name, _)| *name == "v").map(|(_, value)| value.to_owned()).collect()
    };
    let headers = versions(&mut sent.headers.iter().copied());
    let query = versions(&mut query.split('&').filter_map(|pair| pair.split_once('=')));
    let wanted = [(!spec.headers.is_empty(), headers), (!spec.query.is_empty(), query)];
    let holds = |(_, values): &&(bool, Vec<String>)| values == &["1"];
    let fails = |(_, values): &&(bool, Vec<String>)| values.is_empty() || values == &["2"];
    let wanted: Vec<_> = wanted.iter().filter(|(wanted, _)| *wanted).collect();
    if wanted.iter().any(fails) {
        None
    } else if !wanted.iter().all(holds) {
        Some("unclear".to_owned())
    } else if fits(spec, path) {
        Some(index.to_string())
    } else {
        Some("case".to_owned())
    }
}

fn lower(spec: &MatchSpec) -> MatchSpec {
    let lower = |text: &Option<String>| text.as_ref().map(|text| text.to_ascii_lowercase());
    MatchSpec {
        path: lower(&spec.path),
        prefix: lower(&spec.prefix),
        regex: lower(&spec.regex),
        ..spec.clone()
    }
}

fn fits(spec: &MatchSpec, path: &str) -> bool {
    let segments = |text: &str| -> Vec<String> {
        text.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
    };
    let sent = segments(path);
    if let Some(regex) = &spec.regex {
        let regex = regex::Regex::new(&format!("^({regex})$")).unwrap();
        let plain = format!("/{}", sent.join("/"));
        return regex.is_match(&plain) || path.ends_with('/') && regex.is_match(path);
    }
    let wanted = segments(spec.path.as_deref().or(spec.prefix.as_deref()).unwrap());
    let long_enough =
        if spec.path.is_some() { wanted.len() == sent.len() } else { wanted.len() <= sent.len() };
    long_enough && wanted.iter().zip(&sent).all(|(w, s)| w == s || w.starts_with('{'))
}

// === what is generated ===

fn segments(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    let path = prop::collection::vec(prop::sample::select(of), 0..4);
    (path, any::<bool>()).prop_map(|(path, slash)| {
        let slash = if slash && !path.is_empty() { "/" } else { "" };
        format!("/{}{slash}", path.join("/"))
    })
}

fn spec() -> impl Strategy<Value = Value> {
    let path = prop_oneof![
        4 => segments(&["a", "b", "B", "{p}"]).prop_filter_map("a name twice", |path| {
            (path.matches("{p}").count() < 2).then(|| json!({"path": path}))
        }),
        2 => segments(&["a", "b", "A"]).prop_map(|prefix| json!({"prefix": prefix})),
        1 => prop::sample::select(vec!["/a/.*", "/[ab]", ".*", "/a|/a/b", "/B"]).prop_map(|r| json!({"regex": r})),
    ];
    let methods = prop::sample::select(vec![vec![], vec!["GET"], vec!["GET", "POST"], vec!["PUT"]]);
    let condition = prop::sample::select(vec![json!({}), json!({}), json!({"v": "1"})]);
    (path, methods, condition.clone(), condition).prop_map(|(mut spec, methods, headers, query)| {
        let more = [("methods", json!(methods)), ("headers", headers), ("query", query)];
        spec.as_object_mut().unwrap().extend(more.map(|(key, value)| (key.to_owned(), value)));
        spec
    })
}

fn sent() -> impl Strategy<Value = Sent> {
    let method = prop::sample::select(vec!["GET", "POST", "DELETE"]);
    let query = prop::sample::select(vec!["", "?v=1", "?v=2", "?v=1&v=1", "?x&v=1"]);
    let headers = prop::sample::select(vec![
        vec![],
        vec![("v", "1")],
        vec![("v", "2")],
        vec![("v", "1"), ("v", "2")],
    ]);
    (method, segments(&["a", "b", "A", "B", "c"]), query, headers)
        .prop_map(|(method, path, query, headers)| Sent { method, target: path + query, headers })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn the_contract_finds_what_the_list_says(specs in prop::collection::vec(spec(), 0..8), sent in sent()) {
        let operations: Vec<_> = specs.iter().enumerate().map(|(index, spec)| {
            json!({"name": index.to_string(), "group": "g", "match": spec, "access": {"auth": "none"}})
        }).collect();
        let spec: ContractSpec = serde_json::from_value(json!({"api": "a", "operations": operations})).unwrap();
        let matches: Vec<_> = spec.operations.iter().map(|one| one.r#match.clone()).collect();
        let nobody = Authenticator::compile(IdentitySpec::default(), Seed([0; 16])).unwrap();
        let contract = Contract::compile(spec, &nobody).unwrap();

        let headers: Headers = sent.headers.iter().copied().collect();
        let path = CanonicalPath::parse(sent.target.as_bytes()).unwrap();
        let request = Request { method: sent.method.as_bytes(), path, headers: &headers };
        let found = match contract.find(&request) {
            Found::Operation(operation) => operation.name().to_owned(),
            Found::OtherCase => "case".to_owned(),
            Found::Unclear => "unclear".to_owned(),
            Found::Nothing => "nothing".to_owned(),
        };
        prop_assert_eq!(found, reference(&matches, &sent));
    }

    /// What a match is said to shadow is never served by what it shadows.
    #[test]
    fn a_shadowed_match_serves_nothing(earlier in spec(), later in spec(), sent in sent()) {
        let matches: Vec<MatchSpec> =
            [earlier, later].into_iter().map(|spec| serde_json::from_value(spec).unwrap()).collect();
        if matches[0].shadows(&matches[1]) {
            prop_assert_ne!(reference(&matches, &sent), "1");
        }
    }
}

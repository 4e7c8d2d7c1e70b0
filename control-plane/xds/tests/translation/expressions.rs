//! Whatever expression passes the check, Envoy takes.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tollgate_model::EXPRESSION_STEPS_MAX;

use crate::reflect;
use crate::validate::{bootstrap, refusal, with_steps};

/// Each decides by itself over a header, a parameter of the query, and a path, and what
/// comes of it is nothing that another route does: Envoy needs each to tell them apart.
fn config(patterns: &[String]) -> String {
    let mut text = "
listeners: { public: { address: 127.0.0.1:8080 } }
apis:
  shop:
    hosts: [shop.example]
    routes:
"
    .to_owned();
    for (number, pattern) in patterns.iter().enumerate() {
        let written = serde_json::to_string(pattern).unwrap();
        let path = serde_json::to_string(&format!("/{number}/{pattern}")).unwrap();
        for (kind, matcher) in [
            ("h", format!("path: /{number}h, headers: {{ x-a: {{ regex: {written} }} }}")),
            ("q", format!("path: /{number}q, query: {{ a: {{ regex: {written} }} }}")),
            ("p", format!("regex: {path}")),
        ] {
            let rest = format!("respond: {{ status: 200, body: {number}{kind} }}, auth: none");
            writeln!(text, "      r{number}{kind}: {{ match: {{ {matcher} }}, {rest} }}").unwrap();
        }
    }
    text
}

fn passes(pattern: &String) -> bool {
    reflect::snapshot_of("t.yaml", &config(std::slice::from_ref(pattern))).is_ok()
}

/// What an Envoy that takes so many steps says of them.
fn said(test: &str, patterns: &[String], steps: usize) -> Option<String> {
    let snapshot = reflect::snapshot_of("t.yaml", &config(patterns)).unwrap();
    refusal(test, &with_steps(bootstrap(&snapshot), steps))
}

fn expression() -> impl Strategy<Value = String> {
    let leaves = [
        "a",
        "k",
        "s",
        "K",
        "é",
        "-",
        "0",
        ".",
        "^",
        "$",
        r"\d",
        r"\w",
        r"\W",
        r"\S",
        r"\b",
        "[^/]",
        "[a-z]",
        "[^a-z]",
        "[a-f0-9-]",
        "[Kk]",
        "[^k]",
        "[ks]",
        "(?i)k",
        "orders",
        "",
    ];
    let leaf = prop::sample::select(leaves.to_vec()).prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 4, |inner| {
        let some = prop::collection::vec(inner.clone(), 1..5);
        let times = prop_oneof![
            Just("*".to_owned()),
            Just("+?".to_owned()),
            Just("?".to_owned()),
            (0..120_u32).prop_map(|times| format!("{{{times}}}")),
            (0..40_u32, 0..80_u32).prop_map(|(from, more)| format!("{{{from},{}}}", from + more)),
            (0..80_u32).prop_map(|from| format!("{{{from},}}")),
        ];
        prop_oneof![
            some.clone().prop_map(|all| all.concat()),
            some.prop_map(|all| format!("(?:{})", all.join("|"))),
            inner.clone().prop_map(|one| format!("({one})")),
            inner.clone().prop_map(|one| format!("(?i:{one})")),
            (inner, times).prop_map(|(one, times)| format!("(?:{one}){times}")),
        ]
    })
}

#[test]
fn envoy_takes_every_expression_that_passes_the_check() {
    let mut runner = TestRunner::deterministic();
    let made = (0..400).map(|_| expression().new_tree(&mut runner).unwrap().current());
    let (good, bad): (Vec<_>, Vec<_>) = made.partition(passes);
    assert!(100 < good.len() && !bad.is_empty(), "{} pass, {} do not", good.len(), bad.len());
    assert_eq!(said("random", &good, EXPRESSION_STEPS_MAX), None);
}

#[test]
fn expressions_at_the_bound_are_more_than_envoy_takes_by_itself() {
    for (unit, most) in [("a", 970), ("[a-f0-9]", 240), ("[^/]", 75), ("k", 160)] {
        let (first, last) = (format!("{unit}{{{most}}}"), format!("{unit}{{1000}}"));
        assert!(passes(&first), "{first}");
        assert!(!passes(&last), "{last}");
        assert_eq!(said("bound", std::slice::from_ref(&first), EXPRESSION_STEPS_MAX), None);
        let told = said("bound", std::slice::from_ref(&first), 100).unwrap_or_default();
        assert!(told.contains("max program size of 100"), "{first}: {told}");
    }
}

#[test]
fn the_bootstraps_that_ship_say_how_large_expressions_may_be() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envoy");
    for file in ["", "compose/", "mtls/", "relay/"].map(|folder| format!("{folder}bootstrap.yaml"))
    {
        let text = fs::read_to_string(root.join(&file)).unwrap();
        let line = format!("re2.max_program_size.error_level: {EXPRESSION_STEPS_MAX} }}");
        assert!(text.contains(&line), "{file}");
    }
}

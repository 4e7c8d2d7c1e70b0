//! Whatever the bytes are, they are read or refused, and every fault has a place.

use proptest::prelude::*;
use tollgate_gateway::MatchSpec;
use tollgate_model::{Fault, Gateway, Loaded, Source, read};

const QUICKSTART: &str = include_str!("../../../examples/quickstart/tollgate.yaml");

fn compile(bytes: &[u8]) -> Result<Gateway, Vec<Fault>> {
    let source = Source { name: "t.yaml".to_owned(), bytes: bytes.to_vec() };
    read(&[source]).and_then(|draft| draft.compile(&Loaded::default()))
}

/// Either a gateway, or faults in lines that exist, in order, each in one line.
fn check(bytes: &[u8]) {
    let Err(faults) = compile(bytes) else { return };
    assert!(!faults.is_empty());
    assert!(faults.is_sorted());
    let lines = bytes.split(|byte| *byte == b'\n').count();
    for fault in &faults {
        assert_eq!(fault.place.file, "t.yaml", "{fault}");
        assert!((1..=lines).contains(&fault.place.line), "{fault}\n{lines} lines");
        assert!(!fault.to_string().contains(['\n', '\r']), "{fault}");
        assert!(!fault.message.is_empty(), "{fault}");
    }
}

/// What YAML is made of, and values that are of the wrong type somewhere.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "b: ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "[",
        "]",
        "{",
        "}",
        ",",
        ": ",
        "? ",
        "&a ",
        "*a",
        "!!str ",
        "!x ",
        "| ",
        "> ",
        "'",
        "\"",
        "\\",
        "#",
        "%",
        "@",
        "`",
        "---\n",
        "...\n",
        "\t",
        "\r\n",
        "~",
        "5",
        "-1",
        "1.5",
        ".inf",
        "true",
        "0x1F",
        "\u{feff}",
        "\u{2028}",
        "é",
        "\0",
        "jwt",
        "identity: ",
        "apis: ",
        "routes: ",
        "match: ",
        "<<: ",
    ])
}

fn value() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "5",
        "-1",
        "0",
        "1.5",
        "true",
        "~",
        "",
        "x",
        "\"\"",
        "\"a\\nb\"",
        "[]",
        "[x]",
        "[[]]",
        "{}",
        "{ a: b }",
        "{ a: { b: c } }",
        "[{ requests: 0, per: second }]",
        "{ any_of: [x, 5] }",
        "\"{path.x}\"",
        "99999999999999999999",
        "&a x",
        "*a",
        "\"a.b[0]: c\"",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes);
    }

    #[test]
    fn any_yaml(pieces in prop::collection::vec(piece(), 0..60)) {
        check(pieces.concat().as_bytes());
    }

    /// Fields get other values, lines are lost, doubled and moved.
    #[test]
    fn a_good_file_mutated(
        values in prop::collection::vec((any::<prop::sample::Index>(), value()), 0..6),
        lost in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        doubled in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut lines: Vec<String> = QUICKSTART.lines().map(str::to_owned).collect();
        for (index, value) in values {
            let line = &mut lines[index.index(QUICKSTART.lines().count())];
            if let Some((name, _)) = line.split_once(": ") {
                *line = format!("{name}: {value}");
            }
        }
        for index in lost {
            lines.remove(index.index(lines.len()));
        }
        if let Some(index) = doubled {
            let index = index.index(lines.len());
            lines.insert(index, lines[index].clone());
        }
        check(lines.join("\n").as_bytes());
    }

    #[test]
    fn a_good_file_cut(end in 0..QUICKSTART.len()) {
        check(QUICKSTART.as_bytes().get(..end).unwrap());
    }

    #[test]
    fn a_good_file_with_one_byte_changed(
        place in 0..QUICKSTART.len(),
        byte in any::<u8>(),
    ) {
        let mut bytes = QUICKSTART.as_bytes().to_vec();
        bytes[place] = byte;
        check(&bytes);
    }
}

/// A route of its own for each of these paths, all on one host.
fn file(matches: &[String]) -> String {
    let routes = matches.iter().enumerate();
    let routes: Vec<String> = routes
        .map(|(index, path)| {
            format!("      r{index}: {{ match: {{ {path} }}, backend: b, auth: none }}\n")
        })
        .collect();
    format!(
        "listeners: {{ a: {{ address: 127.0.0.1:80 }} }}\nbackends: {{ b: {{ endpoints: [a:1] }} }}\n\
         apis:\n  a:\n    hosts: [\"*\"]\n    routes:\n{}",
        routes.concat()
    )
}

fn path() -> impl Strategy<Value = String> {
    let segments = prop::collection::vec(prop::sample::select(vec!["a", "B", "b", "{x}"]), 0..3);
    let kind = prop::sample::select(vec!["path", "prefix", "regex"]);
    (kind, segments, 0..2).prop_map(|(kind, segments, priority)| {
        let segments = segments.into_iter().enumerate().map(|(index, segment)| {
            if kind == "path" {
                segment.replace('x', &format!("x{index}"))
            } else {
                segment.replace("{x}", "c")
            }
        });
        let path = segments.collect::<Vec<_>>().join("/");
        format!("{kind}: \"/{path}\", priority: {priority}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// As many routes are refused as are never reached, however they are looked for.
    #[test]
    fn every_route_that_another_one_shadows_is_told(
        paths in prop::collection::vec(path(), 1..8),
    ) {
        let matches: Vec<MatchSpec> = paths.iter().map(|path| spec(path)).collect();
        let mut order: Vec<usize> = (0..matches.len()).collect();
        order.sort_by_key(|index| (matches[*index].precedence(), format!("r{index}")));
        let mut shadowed: Vec<String> = order
            .iter()
            .enumerate()
            .filter(|(place, index)| {
                order[..*place].iter().any(|earlier| matches[*earlier].shadows(&matches[**index]))
            })
            .map(|(_, index)| format!("apis.a.routes.r{index}.match"))
            .collect();
        shadowed.sort();
        let faults = compile(file(&paths).as_bytes()).err().unwrap_or_default();
        let mut told: Vec<String> = faults.into_iter().map(|fault| fault.path).collect();
        told.sort();
        prop_assert_eq!(told, shadowed);
    }
}

fn spec(path: &str) -> MatchSpec {
    let (path, priority) = path.split_once(", ").unwrap_or((path, ""));
    let (kind, path) = path.split_once(": ").unwrap_or((path, ""));
    let path = Some(path.trim_matches('"').to_owned());
    let priority = priority.rsplit(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
    match kind {
        "path" => MatchSpec { path, priority, ..MatchSpec::default() },
        "prefix" => MatchSpec { prefix: path, priority, ..MatchSpec::default() },
        _ => MatchSpec { regex: path, priority, ..MatchSpec::default() },
    }
}

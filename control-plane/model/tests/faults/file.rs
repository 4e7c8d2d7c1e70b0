//! What cannot be read at all, and files together.

use expect_test::expect;

use crate::{check_file, faults};

#[test]
fn a_file_that_cannot_be_read_at_all() {
    expect![[r#"
        t.yaml:2: byte 0xff at offset 8 is not UTF-8; save the file as UTF-8
    "#]]
    .assert_eq(&faults(&[("t.yaml", b"a: b\nc: \xff\n")]));
    expect![[r#"
        t.yaml:1: 50000000 bytes are more than 10485760; divide them into several files
    "#]]
    .assert_eq(&faults(&[("t.yaml", &vec![b'#'; 50_000_000])]));
    check_file(
        "",
        &expect![[r#"
        t.yaml:1: the file is empty; write `listeners`, `backends` and `apis`
    "#]],
    );
    check_file(
        "# nothing\n",
        &expect![[r#"
        t.yaml:1: the file is empty; write `listeners`, `backends` and `apis`
    "#]],
    );
    check_file(
        "- a\n",
        &expect![[r#"
        t.yaml:1: the file is not a mapping; write `listeners:`, `backends:` and `apis:`
    "#]],
    );
    check_file(
        "text",
        &expect![[r#"
        t.yaml:1: the file is not a mapping; write `listeners:`, `backends:` and `apis:`
    "#]],
    );
    check_file(
        "a: 1\n---\nb: 2\n",
        &expect![[r#"
        t.yaml:2: a second document starts here; write one document in a file
    "#]],
    );
    check_file(
        "a: [1, 2\n",
        &expect![[r#"
        t.yaml:1: not YAML: while parsing a flow sequence, expected ',' or ']'; look at indentation, quotes and brackets here and just before
    "#]],
    );
    check_file(
        "a: b: c\n",
        &expect![[r#"
        t.yaml:1: not YAML: mapping values are not allowed in this context; look at indentation, quotes and brackets here and just before
    "#]],
    );
    check_file(
        "a:\n\tb: 1\n",
        &expect![[r#"
        t.yaml:2: not YAML: tabs disallowed within this context (block indentation); look at indentation, quotes and brackets here and just before
    "#]],
    );
    check_file(
        "a: \"\\q\"\n",
        &expect![[r#"
        t.yaml:1: not YAML: while parsing a quoted scalar, found unknown escape character; look at indentation, quotes and brackets here and just before
    "#]],
    );
    check_file(
        "a: *nowhere\n",
        &expect![[r#"
        t.yaml:1: not YAML: while parsing node, found unknown anchor; look at indentation, quotes and brackets here and just before
    "#]],
    );
    check_file(
        "a: &a [*a]\n",
        &expect![[r#"
        t.yaml:1: the alias refers to a value that it is part of; write the value out
    "#]],
    );
    check_file(
        "a: .inf\n",
        &expect![[r#"
        t.yaml:1: ".inf" is not a finite number; write digits, or put it in quotes
    "#]],
    );
    check_file(
        "a: !secret b\n",
        &expect![[r#"
        t.yaml:1: the tag `!secret` is not understood; take it out
    "#]],
    );
    check_file(
        "a: !!int 5\n",
        &expect![[r#"
        t.yaml:1: the tag `!!int` is not understood; take it out
    "#]],
    );
    check_file(
        "[a]: b\n",
        &expect![[r#"
        t.yaml:1: a list or mapping cannot be the name of a field; write a string
    "#]],
    );
    check_file(
        ": b\n",
        &expect![[r#"
        t.yaml:1: the name of a field is empty; write one before the colon
    "#]],
    );
    check_file(
        &format!("a: {}{}", "[".repeat(40), "]".repeat(40)),
        &expect![[r#"
        t.yaml:1: values nest more than 32 deep; nothing in this file has to
    "#]],
    );
}

#[test]
fn aliases_to_aliases_do_not_fill_the_memory() {
    let level = |level: usize| {
        let before = level.checked_sub(1).map_or("x".to_owned(), |before| format!("*a{before}"));
        format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", "))
    };
    let laughs: String = (0..30).map(level).collect();
    check_file(
        &laughs,
        &expect![[r#"
        t.yaml:6: more than 1000000 values, aliases included; divide them into several files
    "#]],
    );
}

#[test]
fn one_definition_in_two_files() {
    let first = "listeners: { a: { address: 127.0.0.1:80 } }\nidentity: { api_key: { from: [{ header: k }] } }\nbackends:\n  b: { endpoints: [a:1] }\n";
    let second = "identity: { api_key: { from: [{ header: l }] } }\napis:\n  c:\n    hosts: [\"*\"]\n    routes:\n      d: { match: { path: / }, backend: b, auth: none }\nbackends:\n  b: { endpoints: [a:2] }\n  e: { endpoints: [a:3] }\nlisteners: 5\n";
    expect![[r#"
        b.yaml:1: identity.api_key: already written in a.yaml:2; take one of them out
        b.yaml:8: backends.b: already written in a.yaml:4; take one of them out
        b.yaml:10: listeners: already written in a.yaml:1; take one of them out
    "#]]
    .assert_eq(&faults(&[("a.yaml", first.as_bytes()), ("b.yaml", second.as_bytes())]));
    let good = second
        .replace("identity: { api_key: { from: [{ header: l }] } }\n", "")
        .replace("  b: { endpoints: [a:2] }\n", "")
        .replace("listeners: 5\n", "");
    expect![[r#"
        ok
    "#]]
    .assert_eq(&faults(&[("a.yaml", first.as_bytes()), ("b.yaml", good.as_bytes())]));
    expect![[r#"
        b.yaml:1: the file is empty; write `listeners`, `backends` and `apis`
        c.yaml:1: not YAML: while parsing a node, did not find expected node content; look at indentation, quotes and brackets here and just before
    "#]].assert_eq(&faults(&[
        ("a.yaml", first.as_bytes()),
        ("b.yaml", b""),
        ("c.yaml", b"a: ["),
    ]));
    expect![[r#"
        .:1: there is no file; write tollgate.yaml
    "#]]
    .assert_eq(&faults(&[]));
}

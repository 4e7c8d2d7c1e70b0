//! What is changed about requests and responses.

#![expect(clippy::unwrap_used, reason = "what a test writes is well formed")]

use std::borrow::Cow;
use std::rc::Rc;

use proptest::prelude::*;
use tollgate_core::testing::MemoryHost;
use tollgate_core::{
    Edit, Edits, Filter, Headers, Operation, Principal, RequestHead, Seed, Timestamp, Verdict,
    is_header_value, property,
};
use tollgate_transform::{Facts, MessageSpec, Transform, TransformFilter};

const SEED: Seed = Seed([7; 16]);

fn principal() -> Principal {
    Principal {
        method: "jwt.acme".into(),
        subject: "ann".into(),
        tenant: Some("acme".into()),
        scopes: ["orders.read", "orders.write"].into_iter().collect(),
        groups: ["ops", "a,b"].into_iter().collect(),
        ..Principal::default()
    }
}

fn message(headers: &str) -> MessageSpec {
    serde_json::from_str(&format!(r#"{{"headers": {headers}}}"#)).unwrap()
}

/// What is done to a request on a route with the path parameters `id` and `item`.
fn apply(headers: &str, principal: Option<&Principal>, id: &[u8]) -> Vec<Edit> {
    let transform =
        Transform::compile(message(headers), MessageSpec::default(), &["id", "item"]).unwrap();
    let path_parameters = [("id", Cow::Borrowed(id)), ("item", Cow::Borrowed(&b"7"[..]))];
    let mut edits = Edits::default();
    transform.apply(&Facts { principal, path_parameters: &path_parameters }, &mut edits);
    assert_eq!(edits.response, []);
    edits.request
}

/// Compares with lines such as `set x-a: 1`, `add x-b: 2`, `remove x-c`.
fn check(headers: &str, principal: Option<&Principal>, id: &[u8], expected: &[&str]) {
    let edits = apply(headers, principal, id);
    let lines: Vec<_> = edits.iter().map(shown).collect();
    assert_eq!(lines, expected, "{headers}");
}

fn shown(edit: &Edit) -> String {
    let Edit { name, operation } = edit;
    match operation {
        Operation::Set(value) => format!("set {name}: {}", value.escape_ascii()),
        Operation::Add(value) => format!("add {name}: {}", value.escape_ascii()),
        Operation::Remove => format!("remove {name}"),
    }
}

#[test]
fn headers_are_removed_then_set_then_added() {
    check(
        r#"{
            "add": {"X-Add": "1"},
            "set": {"x-set-2": "", "X-Set-1": "one two"},
            "remove": ["X-Debug", "accept-language"]
        }"#,
        None,
        b"1",
        &[
            "remove x-debug",
            "remove accept-language",
            "set x-set-1: one two",
            "set x-set-2: ",
            "add x-add: 1",
        ],
    );
}

#[test]
fn values_name_the_caller_and_the_parameters_of_the_path() {
    let ann = principal();
    for (value, expected) in [
        ("{path.id}", "set x-a: 42"),
        ("{path.item}/{path.id}/{path.item}", "set x-a: 7/42/7"),
        ("{principal.tenant}", "set x-a: acme"),
        ("{principal.subject}", "set x-a: ann"),
        ("{principal.scopes}", "set x-a: orders.read orders.write"),
        ("{principal.groups}", "set x-a: a%2cb,ops"),
        ("{principal.method}", "set x-a: jwt.acme"),
        ("a {principal.tenant}/{principal.subject} b", "set x-a: a acme/ann b"),
        ("{{path.id}}", "set x-a: {path.id}"),
        ("{{{path.id}}}", "set x-a: {42}"),
        ("}}{{", "set x-a: }{"),
        ("{{}}", "set x-a: {}"),
        ("caf\u{e9} {path.id}", r"set x-a: caf\xc3\xa9 42"),
    ] {
        check(&format!(r#"{{"set": {{"x-a": "{value}"}}}}"#), Some(&ann), b"42", &[expected]);
    }
}

#[test]
fn a_value_that_is_not_known_removes_what_was_set_and_adds_nothing() {
    let ann = principal();
    let headers = r#"{
        "set": {"x-a": "tier {principal.tier}", "x-b": "{principal.tenant}"},
        "add": {"x-c": "{principal.tier}", "x-d": "{principal.tenant}"}
    }"#;
    check(headers, Some(&ann), b"1", &["remove x-a", "set x-b: acme", "add x-d: acme"]);
    check(headers, None, b"1", &["remove x-a", "remove x-b"]);
}

#[test]
fn a_path_parameter_that_the_request_has_not_is_not_known() {
    let headers = message(r#"{"set": {"x-a": "{path.id}"}}"#);
    let transform = Transform::compile(headers, MessageSpec::default(), &["id"]).unwrap();
    let mut edits = Edits::default();
    transform.apply(&Facts::default(), &mut edits);
    assert_eq!(edits.request, [Edit::remove("x-a")]);
}

#[test]
fn bytes_that_no_header_can_have_are_never_sent() {
    let headers = r#"{"set": {"x-a": "{path.id}"}, "add": {"x-b": "id={path.id}"}}"#;
    for id in [&b"1\n2"[..], b"1\r\nx-admin: 1", b"\0", b"\x7f", b"a\x1b"] {
        check(headers, None, id, &["remove x-a"]);
    }
    check(headers, None, b"\xff\x80\t", &[r"set x-a: \xff\x80\t", r"add x-b: id=\xff\x80\t"]);
}

#[test]
fn a_subject_with_control_characters_is_never_sent() {
    let mut mallory = principal();
    mallory.subject = "mallory\r\nx-admin: 1".into();
    let headers = r#"{"set": {"x-caller": "{principal.tenant}/{principal.subject}"}}"#;
    check(headers, Some(&mallory), b"1", &["remove x-caller"]);
}

#[test]
fn responses_are_changed_by_the_same_facts() {
    let response =
        message(r#"{"set": {"x-for": "{principal.subject} {path.id}"}, "remove": ["server"]}"#);
    let transform = Transform::compile(MessageSpec::default(), response, &["id"]).unwrap();
    let (ann, id) = (principal(), [("id", Cow::Borrowed(&b"42"[..]))]);
    let mut edits = Edits::default();
    transform.apply(&Facts { principal: Some(&ann), path_parameters: &id }, &mut edits);
    assert_eq!(edits.request, []);
    assert_eq!(edits.response, [Edit::remove("server"), Edit::set("x-for", "ann 42")]);
}

#[test]
fn changes_come_after_those_that_are_there() {
    let headers = message(r#"{"set": {"x-a": "1"}}"#);
    let transform = Transform::compile(headers.clone(), headers, &[]).unwrap();
    let before = Edit::remove("authorization");
    let before_all = vec![before.clone()];
    let mut edits = Edits { request: before_all.clone(), response: before_all, ..Edits::default() };
    transform.apply(&Facts::default(), &mut edits);
    let expected = [before, Edit::set("x-a", "1")];
    assert_eq!((edits.request, edits.response), (expected.to_vec(), expected.to_vec()));
}

#[test]
fn what_is_the_same_for_all_requests_is_shared_by_them() {
    let headers = message(r#"{"set": {"x-a": "{{always}} the same"}}"#);
    let transform = Transform::compile(headers, MessageSpec::default(), &[]).unwrap();
    let [first, second] = [(); 2].map(|()| {
        let mut edits = Edits::default();
        transform.apply(&Facts::default(), &mut edits);
        let Edit { name, operation } = edits.request.remove(0);
        (name, operation)
    });
    assert!(Rc::ptr_eq(&first.0, &second.0));
    let (Operation::Set(first), Operation::Set(second)) = (first.1, second.1) else {
        panic!("x-a is set")
    };
    assert_eq!(*first, *b"{always} the same");
    assert!(Rc::ptr_eq(&first, &second));
}

/// One request, as a module of its own sees it.
fn ask(config: &str, host: &mut MemoryHost) -> Verdict {
    let mut filter: TransformFilter = tollgate_core::parse(config.as_bytes(), SEED).unwrap();
    let headers = Headers::default();
    filter.on_request(&RequestHead { headers: &headers }, &mut host.at(Timestamp::EPOCH))
}

#[test]
fn the_module_knows_whom_the_auth_module_recognised() {
    let config = r#"{
        "request": {"headers": {"set": {"x-a": "{principal.tenant}"}}},
        "response": {"headers": {"remove": ["server"]}}
    }"#;
    let response = vec![Edit::remove("server")];
    let known = ask(
        config,
        &mut MemoryHost::default().with_property(property::PRINCIPAL, principal().to_json()),
    );
    let request = vec![Edit::set("x-a", "acme")];
    assert_eq!(
        known,
        Verdict::Continue(Edits { request, response: response.clone(), ..Edits::default() })
    );
    let unknown = ask(config, &mut MemoryHost::default());
    let request = vec![Edit::remove("x-a")];
    assert_eq!(unknown, Verdict::Continue(Edits { request, response, ..Edits::default() }));
}

#[test]
fn the_module_refuses_a_principal_that_it_cannot_read() {
    let mut host = MemoryHost::default().with_property(property::PRINCIPAL, "acme");
    let verdict = ask("{}", &mut host);
    assert!(
        matches!(&verdict, Verdict::Reply(reply) if reply.problem.name == "malformed-principal"),
        "{verdict:?}",
    );
}

proptest! {
    /// Whatever path and caller spell, what is sent is a valid header value.
    #[test]
    fn values_are_always_valid(
        id in prop::collection::vec(any::<u8>(), 0..40),
        subject in any::<String>(),
        tenant in prop::option::of(any::<String>()),
        scopes in prop::collection::vec(any::<String>(), 0..3),
        groups in prop::collection::vec(any::<String>(), 0..3),
    ) {
        let caller = Principal {
            method: "jwt.acme".into(),
            subject: subject.into(),
            tenant: tenant.map(Rc::from),
            scopes: scopes.into_iter().collect(),
            groups: groups.into_iter().collect(),
            ..Principal::default()
        };
        let headers = r#"{
            "set": {"x-a": "{path.id}", "x-b": "<{principal.subject}>", "x-c": "{principal.tenant}"},
            "add": {"x-d": "{principal.scopes}", "x-f": "{principal.groups}", "x-e": "{path.id}{principal.subject}"}
        }"#;
        let edits = apply(headers, Some(&caller), &id);
        for edit in &edits {
            match &edit.operation {
                Operation::Set(value) | Operation::Add(value) => prop_assert!(is_header_value(value)),
                Operation::Remove => prop_assert!(["x-a", "x-b", "x-c"].contains(&&*edit.name)),
            }
        }
        let sent = edits.iter().any(|edit| edit.operation == Operation::Set(id.as_slice().into()));
        prop_assert_eq!(sent, is_header_value(&id));
    }

    /// A value whose braces are doubled stands for itself.
    #[test]
    fn doubled_braces_stand_for_braces(value in "[ -~\u{a0}-\u{ff}]{0,30}") {
        let mut spec = MessageSpec::default();
        let doubled = value.replace('{', "{{").replace('}', "}}");
        spec.headers.set.insert("x-a".to_owned(), doubled);
        let transform = Transform::compile(spec, MessageSpec::default(), &[]).unwrap();
        let mut edits = Edits::default();
        transform.apply(&Facts::default(), &mut edits);
        prop_assert_eq!(edits.request, [Edit::set("x-a", value)]);
    }

    /// Whatever is written, it is accepted or refused, and never more.
    #[test]
    fn any_text_is_accepted_or_refused(name in any::<String>(), value in "[{}.a-z]{0,20}|.*") {
        let mut spec = MessageSpec::default();
        spec.headers.set.insert(name, value);
        let _ = Transform::compile(spec.clone(), spec, &["id"]);
    }
}

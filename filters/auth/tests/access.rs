//! Who may call what, what the refused are told, and what the backend sees.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::{Gate, NOW, SEED, Signer, any_of, claims, issuer, refusal, sha256};
use serde_json::{Value, json};
use tollgate_auth::{Access, AuthFilter, Authenticator, Facts, PRINCIPAL};
use tollgate_core::testing::MemoryHost;
use tollgate_core::{
    Edit, Edits, Filter as _, Headers, Principal, Reply, RequestHead, Timestamp, Verdict,
};

const UNAUTHENTICATED: &str = "401 unauthenticated: the request carries no credential of a kind \
                               that is accepted here";
const DUPLICATE: &str =
    "400 duplicate-credentials: a credential stands more than once, or beside one of another kind";

/// Tokens of `acme` and `other`, and the key `sesame`.
fn identity() -> Value {
    let mut other = issuer(&[&Signer::other_eddsa().jwk]);
    other["issuer"] = "https://other.example".into();
    json!({
        "jwt": {"acme": issuer(&[&Signer::new("EdDSA").jwk]), "other": other},
        "api_key": {"from": [{"header": "x-api-key"}, {"header": "api-key"}]},
        "tenants": {"acme": {"keys": {"k1": {"sha256": sha256("sesame"), "scopes": ["read"]}}}},
    })
}

fn bearer(changes: &Value) -> Vec<u8> {
    format!("Bearer {}", Signer::new("EdDSA").token(&claims(changes))).into_bytes()
}

#[test]
fn any_one_of_the_methods_will_do() {
    let token = bearer(&json!({}));
    let (ann, k1) = ("jwt.acme ann - - []", "api_key k1 acme - [read]");
    for (methods, by_token, by_key) in [
        (&["jwt.acme", "api_key"][..], ann, k1),
        (&["api_key", "jwt.acme"], ann, k1),
        (&["jwt.acme"], ann, UNAUTHENTICATED),
        (&["api_key"], UNAUTHENTICATED, k1),
        (
            &["jwt.other", "api_key"],
            "401 invalid-token: the token's issuer is none of those accepted here",
            k1,
        ),
    ] {
        let mut gate = Gate::new(identity(), any_of(methods));
        assert_eq!(gate.verdict(&[("authorization", &token)]), by_token, "{methods:?}");
        assert_eq!(gate.verdict(&[("x-api-key", b"sesame")]), by_key, "{methods:?}");
        assert_eq!(gate.verdict(&[]), UNAUTHENTICATED, "{methods:?}");
    }
}

#[test]
fn nobody_is_recognised_where_nobody_is_asked() {
    let mut gate = Gate::new(identity(), json!({"auth": "none"}));
    let token = bearer(&json!({}));
    for lines in [
        &[][..],
        &[("authorization", &token[..])],
        &[("authorization", &token), ("authorization", b"Bearer x")],
        &[("x-api-key", b"wrong")],
    ] {
        assert_eq!(gate.verdict(lines), "nobody");
    }
}

#[test]
fn several_credentials_are_refused_in_every_combination() {
    let token = bearer(&json!({}));
    let basic = &b"Basic eDp5"[..];
    for (lines, expected) in [
        ([("authorization", &token[..]), ("authorization", &token)], DUPLICATE),
        ([("authorization", &token), ("authorization", b"Bearer x")], DUPLICATE),
        ([("authorization", &token), ("authorization", basic)], DUPLICATE),
        ([("authorization", basic), ("authorization", &token)], DUPLICATE),
        ([("authorization", &token), ("x-api-key", b"sesame")], DUPLICATE),
        ([("api-key", b"x"), ("authorization", &token)], DUPLICATE),
        ([("x-api-key", b"sesame"), ("api-key", b"sesame")], DUPLICATE),
        ([("authorization", basic), ("x-api-key", b"sesame")], "api_key k1 acme - [read]"),
        ([("authorization", basic), ("accept", b"*/*")], UNAUTHENTICATED),
        ([("authorization", b"\xff\xfe"), ("accept", b"*/*")], UNAUTHENTICATED),
    ] {
        // Which of the methods the operation accepts makes no difference.
        for methods in [&["api_key"][..], &["api_key", "jwt.acme"]] {
            let mut gate = Gate::new(identity(), any_of(methods));
            assert_eq!(gate.verdict(&lines), expected, "{lines:?} {methods:?}");
        }
    }
}

#[test]
fn all_of_the_scopes_are_needed() {
    let lacking = "403 insufficient-scope: the caller needs all of these scopes: read write";
    let access = json!({
        "auth": {"any_of": ["jwt.acme", "api_key"]}, "allow": {"scopes": ["read", "write"]},
    });
    for (scopes, expected) in [
        ("read write", "jwt.acme ann - - [read write]"),
        ("write x read", "jwt.acme ann - - [read write x]"),
        ("read", lacking),
        ("readwrite", lacking),
        ("READ WRITE", lacking),
        ("", lacking),
    ] {
        let token = bearer(&json!({"scope": scopes}));
        let mut gate = Gate::new(identity(), access.clone());
        assert_eq!(gate.verdict(&[("authorization", &token)]), expected, "{scopes}");
    }
    assert_eq!(Gate::new(identity(), access).verdict(&[("x-api-key", b"sesame")]), lacking);
}

/// Should a caller of this crate ever forget to authenticate.
#[test]
fn nobody_in_particular_may_not_call_what_asks_for_somebody() {
    let gate = Gate::new(identity(), any_of(&["api_key"]));
    let headers = Headers::default();
    let facts = Facts { method: b"GET", path: None, headers: &headers, path_parameters: &[] };
    assert_eq!(refusal(&gate.access.authorise(None, &facts).unwrap_err()), UNAUTHENTICATED);
}

#[test]
fn the_refused_are_told_which_ways_in_there_are() {
    let realm = "Bearer realm=\"tollgate\"";
    let keys = ["ApiKey header=\"x-api-key\"", "ApiKey header=\"api-key\""];
    let invalid = "Bearer realm=\"tollgate\", error=\"invalid_token\", \
                   error_description=\"the token is not three parts in base64url\"";
    let both = &["jwt.acme", "api_key"][..];
    let request = "Bearer realm=\"tollgate\", error=\"invalid_request\", \
                   error_description=\"a credential stands more than once, or beside one of another kind\"";
    for (methods, challenges) in [
        (both, &[request, keys[0], keys[1]][..]),
        (&["api_key"], &keys),
        (&["jwt.acme"], &[request]),
    ] {
        let mut gate = Gate::new(identity(), any_of(methods));
        let lines = [("authorization", &b"Bearer x"[..]), ("x-api-key", b"x")];
        let reply = gate.ask(&lines, Timestamp::from_seconds(NOW)).unwrap_err();
        assert_eq!(reply.problem.status, 400);
        let told: Vec<_> = reply.headers.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(told, challenges, "{methods:?}");
    }
    for (methods, line, challenges) in [
        (both, ("accept", &b"*/*"[..]), &[realm, keys[0], keys[1]][..]),
        (both, ("authorization", b"Bearer x"), &[invalid, keys[0], keys[1]]),
        (both, ("x-api-key", b"x"), &[realm, keys[0], keys[1]]),
        (&["jwt.acme"], ("accept", b"*/*"), &[realm]),
        (&["jwt.acme"], ("authorization", b"bearer"), &[invalid]),
        (&["api_key"], ("accept", b"*/*"), &keys),
        (&["api_key"], ("x-api-key", b"x"), &keys),
    ] {
        let reply = ask(&mut Gate::new(identity(), any_of(methods)), line);
        let expected: Vec<_> =
            challenges.iter().map(|text| ("www-authenticate", (*text).to_owned())).collect();
        assert_eq!(reply.headers, expected, "{methods:?} {line:?}");
    }
    let places = json!({"from": [{"query": "key"}, {"cookie": "key"}, {"query": "a\"b"}]});
    let access = json!({"auth": {"any_of": ["api_key"]}, "api_key": places});
    let reply = ask(&mut Gate::new(json!({}), access), ("accept", b"*/*"));
    let told: Vec<_> = reply.headers.iter().map(|(_, text)| text.as_str()).collect();
    // A name that would have to be escaped is not told.
    assert_eq!(told, ["ApiKey query=\"key\"", "ApiKey cookie=\"key\""]);
}

#[test]
fn who_lacks_scopes_is_told_which_in_the_words_of_the_scheme() {
    let access = json!({
        "auth": {"any_of": ["jwt.acme", "api_key"]}, "allow": {"scopes": ["b", "a"]},
    });
    let mut gate = Gate::new(identity(), access);
    let token = bearer(&json!({}));
    let challenge = "Bearer error=\"insufficient_scope\", scope=\"b a\"".to_owned();
    let reply = ask(&mut gate, ("authorization", &token));
    assert_eq!(reply.headers, [("www-authenticate", challenge)]);
    assert_eq!(ask(&mut gate, ("x-api-key", b"sesame")).headers, []);
}

fn ask(gate: &mut Gate, line: (&str, &[u8])) -> Reply {
    gate.ask(&[line], Timestamp::from_seconds(NOW)).unwrap_err()
}

#[test]
fn credentials_are_taken_out_of_the_request() {
    let everything = identity();
    let only = |part: &str| json!({part: everything[part]});
    let (all, jwt, api_key) = (identity(), only("jwt"), only("api_key"));
    for (identity, line, taken) in [
        (&all, ("authorization", &b"Bearer x"[..]), true),
        (&all, ("authorization", b"bEaReR"), true),
        (&all, ("authorization", b"Bearer\tx"), true),
        (&all, ("authorization", b"Bearer \xff"), true),
        (&all, ("authorization", b"Basic x"), false),
        (&all, ("x-api-key", b"x"), true),
        (&all, ("api-key", b""), true),
        (&all, ("accept", b"Bearer x"), false),
        (&jwt, ("authorization", b"Bearer x"), true),
        (&jwt, ("x-api-key", b"x"), false),
        (&api_key, ("authorization", b"Bearer x"), false),
        (&api_key, ("x-api-key", b"x"), true),
    ] {
        let identity = serde_json::from_value(identity.clone()).unwrap();
        let authenticator = Authenticator::compile(identity, SEED).unwrap();
        let headers: Headers = [line, ("host", b"h")].into_iter().collect();
        let mut edits = Vec::new();
        let open = serde_json::from_value(json!({"auth": "none"})).unwrap();
        let open = Access::compile(open, &[], &authenticator).unwrap();
        authenticator.strip(&open, &RequestHead { headers: &headers }, &mut edits);
        let expected = if taken { vec![Edit::remove(line.0)] } else { Vec::new() };
        assert_eq!(edits, expected, "{line:?}");
    }
}

#[test]
fn keys_are_taken_out_of_queries_and_cookies() {
    let identity = json!({"api_key": {"from": [{"cookie": "key"}]}});
    let authenticator = Authenticator::compile(serde_json::from_value(identity).unwrap(), SEED);
    let authenticator = authenticator.unwrap();
    let open = json!({"auth": "none", "api_key": {"from": [{"query": "key"}]}});
    let open = Access::compile(serde_json::from_value(open).unwrap(), &[], &authenticator);
    let open = open.unwrap();
    for (lines, expected) in [
        (&[(":path", "/a?key=x&b")][..], vec![Edit::set(":path", "/a?b")]),
        (
            &[("referer", "https://a/b?key=x"), (":path", "/")],
            vec![Edit::set("referer", "https://a/b")],
        ),
        (
            &[("referer", "https://a/b?c"), ("referer", "https://a/b?key=x"), (":path", "/")],
            vec![Edit::set("referer", "https://a/b?c")],
        ),
        (&[("cookie", "key=x")], vec![Edit::remove("cookie")]),
        (&[("cookie", "a; key =x;b=c")], vec![Edit::set("cookie", "a; b=c")]),
        (&[("cookie", "a=b"), ("cookie", "key=x")], vec![Edit::set("cookie", "a=b")]),
        (&[("cookie", "a=b; keys=x; Key=x"), (":path", "/key?keys=x")], Vec::new()),
    ] {
        let headers: Headers = lines.iter().copied().collect();
        let mut edits = Vec::new();
        authenticator.strip(&open, &RequestHead { headers: &headers }, &mut edits);
        assert_eq!(edits, expected, "{lines:?}");
    }
}

#[test]
fn accesses_that_make_no_sense_are_refused() {
    let mut twins = identity();
    twins["jwt"]["other"]["issuer"] = "https://id.example".into();
    let (all, nothing) = (identity(), json!({}));
    let jwt = json!({"jwt": {"acme": identity()["jwt"]["acme"]}});
    for (identity, access, expected) in [
        (
            &all,
            any_of(&[]),
            "auth.any_of: is empty, so nobody could call; name a method, or write `auth: none` \
             to let anybody call",
        ),
        (
            &all,
            any_of(&["api_key", "password"]),
            "auth.any_of[1]: \"password\" is not a method; write jwt.acme or jwt.other or api_key",
        ),
        (
            &all,
            any_of(&["jwt.acme", "jwt.x"]),
            "auth.any_of[1]: no issuer is named \"x\"; write jwt.acme or jwt.other or api_key",
        ),
        (
            &nothing,
            any_of(&["jwt.acme"]),
            "auth.any_of[0]: no issuer is named \"acme\"; write `auth: none`, for `identity` is \
             empty",
        ),
        (
            &jwt,
            any_of(&["api_key"]),
            "auth.any_of[0]: no header is named that carries API keys; name one in \
             `identity.api_key`, or write jwt.acme",
        ),
        (
            &all,
            any_of(&["jwt.acme", "api_key", "jwt.acme"]),
            "auth.any_of[2]: \"jwt.acme\" stands twice; remove one",
        ),
        (
            &twins,
            any_of(&["jwt.acme", "jwt.other"]),
            "auth.any_of[1]: \"jwt.other\" has the same `issuer` as \"jwt.acme\", so a token \
             could be meant for either; name one of them, or give both audiences to one",
        ),
        (
            &all,
            json!({"auth": {"any_of": ["api_key"]}, "allow": {"scopes": ["a", "b c"]}}),
            "allow.scopes[1]: \"b c\" is not a scope; use printable ASCII without blanks, quotes \
             and backslashes",
        ),
        (
            &all,
            json!({"auth": "none", "allow": {"scopes": ["a"]}}),
            "allow.scopes: nobody is recognised with `auth: none`, so nobody has scopes; name a \
             method in `auth`, or remove the scopes",
        ),
    ] {
        let identity = serde_json::from_value(identity.clone()).unwrap();
        let authenticator = Authenticator::compile(identity, SEED).unwrap();
        let spec = serde_json::from_value(access.clone()).unwrap();
        let err = Access::compile(spec, &[], &authenticator).err().map(|err| err.to_string());
        assert_eq!(err.as_deref(), Some(expected), "{access}");
    }
}

/// The filter as a module of its own.
#[test]
fn the_filter_leaves_the_caller_for_those_after_it() {
    let access = json!({"auth": {"any_of": ["jwt.acme"]}, "allow": {"scopes": ["read"]}});
    let (mut filter, mut host) = filter(&access);
    let token = bearer(&json!({"scope": "read", "tenant": "acme"}));
    let headers: Headers =
        [("authorization", &token[..]), ("accept", b"*/*")].into_iter().collect();
    let verdict = judge(&mut filter, &headers, &mut host);
    let request = vec![Edit::remove("authorization")];
    assert_eq!(verdict, Verdict::Continue(Edits { request, ..Edits::default() }));
    let left = Principal::from_json(&host.properties[PRINCIPAL]).unwrap();
    assert_eq!(common::caller(&left), "jwt.acme ann acme - [read]");
}

#[test]
fn the_filter_leaves_nothing_of_those_it_refuses_or_does_not_ask() {
    let scoped = json!({"auth": {"any_of": ["jwt.acme"]}, "allow": {"scopes": ["write"]}});
    let token = bearer(&json!({"scope": "read"}));
    for (access, value, status) in [
        (&scoped, &token[..], Some(403)),
        (&scoped, b"Bearer x", Some(401)),
        (&json!({"auth": "none"}), &token, None),
    ] {
        let (mut filter, mut host) = filter(access);
        let headers: Headers = [("authorization", value)].into_iter().collect();
        let answered = match judge(&mut filter, &headers, &mut host) {
            Verdict::Reply(reply) => Some(reply.problem.status),
            Verdict::Continue(edits) => {
                assert_eq!(edits.request, [Edit::remove("authorization")]);
                None
            }
            _ => panic!("{access}"),
        };
        assert_eq!(answered, status, "{access}");
        assert!(host.properties.is_empty(), "{access}");
    }
}

#[test]
fn credentials_in_trailers_are_taken_out_too() {
    let (filter, _) = filter(&json!({"auth": "none"}));
    let trailers: Headers = [("x-api-key", "sesame"), ("grpc-status", "0")].into_iter().collect();
    assert_eq!(filter.on_request_trailers(&trailers), [Edit::remove("x-api-key")]);
}

fn filter(access: &Value) -> (AuthFilter, MemoryHost) {
    let config = json!({"identity": identity(), "access": access}).to_string();
    (tollgate_core::parse(config.as_bytes(), SEED).unwrap(), MemoryHost::default())
}

fn judge(filter: &mut AuthFilter, headers: &Headers, host: &mut MemoryHost) -> Verdict {
    filter.on_request(&RequestHead { headers }, &mut host.at(Timestamp::from_seconds(NOW)))
}

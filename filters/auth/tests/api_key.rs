//! Which API keys are believed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::{Gate, any_of, sha256};
use proptest::prelude::*;
use serde_json::json;

const NOBODYS: &str = "401 invalid-api-key: nobody has this API key";

fn gate() -> Gate {
    let tenants = json!({
        "acme": {"tier": "pro", "keys": {
            "k1": {"sha256": sha256("sesame"), "scopes": ["b", "a", "b"]},
            "k2": {"sha256": sha256(vec![0xff; 1024]).to_uppercase()},
            "k3": {"sha256": sha256(vec![0xff; 1025])},
        }},
        "blank": {"keys": {"k1": {"sha256": sha256("open")}}},
    });
    let from = json!([{"header": "X-Api-Key"}, {"header": "api-key"}]);
    let identity = json!({"api_key": {"from": from}, "tenants": tenants});
    Gate::new(identity, any_of(&["api_key"]))
}

#[test]
fn a_key_is_its_holder() {
    for (header, key, expected) in [
        ("x-api-key", &b"sesame"[..], "api_key k1 acme pro [a b]"),
        ("api-key", b"sesame", "api_key k1 acme pro [a b]"),
        ("x-api-key", b"open", "api_key k1 blank - []"),
        ("x-api-key", &[0xff; 1024], "api_key k2 acme pro []"),
        // Longer than keys may be, though its hash is written down.
        ("x-api-key", &[0xff; 1025], NOBODYS),
        ("x-api-key", b"", NOBODYS),
        ("x-api-key", b"Sesame", NOBODYS),
        ("x-api-key", b"sesame ", NOBODYS),
        ("x-api-key", b"sesam\xe9", NOBODYS),
        // The hash is no key, or the configuration would be as good as the keys.
        ("x-api-key", sha256("sesame").as_bytes(), NOBODYS),
    ] {
        assert_eq!(gate().verdict(&[(header, key)]), expected, "{}", key.escape_ascii());
    }
}

#[test]
fn keys_are_looked_for_nowhere_else() {
    let none = "401 unauthenticated: the request carries no credential of a kind that is \
                accepted here";
    for lines in [
        &[][..],
        &[("authorization", &b"sesame"[..])],
        &[("authorization", b"Bearer sesame")],
        &[("x_api_key", b"sesame")],
        &[("cookie", b"x-api-key=sesame")],
        &[(":path", b"/?x-api-key=sesame&api_key=sesame")],
    ] {
        assert_eq!(gate().verdict(lines), none, "{lines:?}");
    }
}

/// A gate where keys may stand anywhere: some by `identity`, some on this route.
fn anywhere() -> Gate {
    let keys = json!({"k1": {"sha256": sha256("sesame")}, "k2": {"sha256": sha256("o pen")}});
    let identity = json!({
        "api_key": {"from": [{"header": "x-api-key"}, {"cookie": "key"}]},
        "tenants": {"acme": {"keys": keys}},
    });
    let places = json!({"from": [{"query": "api key"}]});
    Gate::new(identity, json!({"auth": {"any_of": ["api_key"]}, "api_key": places}))
}

#[test]
fn a_key_may_stand_in_a_query_or_a_cookie_where_that_is_written() {
    let (k1, k2) = ("api_key k1 acme - []", "api_key k2 acme - []");
    for (name, value, expected) in [
        ("x-api-key", "sesame", k1),
        (":path", "/?a&api+key=sesame", k1),
        (":path", "/?%61pi%20key=o+pen&b", k2),
        ("cookie", "a=b; key=sesame; c", k1),
        ("cookie", " key = o pen", k2),
        (":path", "/?api+key=", NOBODYS),
        ("cookie", "key=", NOBODYS),
    ] {
        let line = [(name, value.as_bytes())];
        assert_eq!(anywhere().verdict(&line), expected, "{name}: {value}");
    }
    for lines in [
        &[(":path", &b"/?api+key=sesame&api+key=sesame"[..])][..],
        &[(":path", b"/?api+key=sesame"), ("cookie", b"key=sesame")],
        &[("cookie", b"key=sesame; key=x")],
        &[("cookie", b"key=sesame"), ("cookie", b"key=sesame")],
    ] {
        assert!(anywhere().verdict(lines).starts_with("400 duplicate-credentials"), "{lines:?}");
    }
    let not_here = any_of(&["api_key"]);
    let identity = json!({"api_key": {"from": [{"header": "k"}]}});
    let refused = Gate::new(identity, not_here).verdict(&[(":path", b"/?api+key=sesame")]);
    assert!(refused.starts_with("401 unauthenticated"), "{refused}");
}

#[test]
fn two_keys_are_no_key() {
    let duplicate = "400 duplicate-credentials: a credential stands more than once, or beside one of another kind";
    for lines in [
        [("x-api-key", &b"sesame"[..]), ("x-api-key", b"open")],
        [("x-api-key", b"sesame"), ("x-api-key", b"sesame")],
        [("x-api-key", b"sesame"), ("api-key", b"sesame")],
        [("api-key", b""), ("x-api-key", b"sesame")],
    ] {
        assert_eq!(gate().verdict(&lines), duplicate, "{lines:?}");
    }
}

proptest! {
    #[test]
    fn no_other_bytes_are_admitted(key: Vec<u8>) {
        prop_assume!(key != b"sesame" && key != b"open");
        prop_assert_eq!(gate().verdict(&[("x-api-key", &key)]), NOBODYS);
    }
}

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

#[test]
fn two_keys_are_no_key() {
    let duplicate = "400 duplicate-credentials: a credential stands more than once, or a token \
                     stands beside an API key";
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

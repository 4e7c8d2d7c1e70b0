//! Whom the certificate of a connection tells.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::{Gate, SEED, Signer, any_of, claims, issuer, refusal, sha256};
use serde_json::{Value, json};
use tollgate_auth::{Access, Authenticator};
use tollgate_core::Timestamp;

const URI: &[u8] = b"connection\0uri_san_peer_certificate";
const DNS: &[u8] = b"connection\0dns_san_peer_certificate";
const SUBJECT: &[u8] = b"connection\0subject_peer_certificate";
const FINGERPRINT: &[u8] = b"connection\0sha256_peer_certificate_digest";
const IS_MTLS: &[u8] = b"connection\0mtls";

const NOBODYS: &str = "401 invalid-certificate: the client certificate names no caller as this \
                       gateway expects it";
const NONE: &str = "401 unauthenticated: the request carries no credential of a kind that is \
                    accepted here";
const PATTERN: &str = "spiffe://acme/tenant/{tenant}";

fn gate(mtls: &Value, access: Value) -> Gate {
    let tenants = json!({
        "globex": {"tier": "pro", "keys": {"k1": {"sha256": sha256("sesame")}}},
    });
    let from = json!([{"header": "x-api-key"}]);
    let signer = Signer::new("EdDSA");
    let identity = json!({
        "jwt": {"acme": issuer(&[&signer.jwk])}, "api_key": {"from": from},
        "mtls": mtls, "tenants": tenants,
    });
    Gate::new(identity, access)
}

fn spiffe() -> Value {
    json!({"tenant": "uri_san", "pattern": PATTERN, "scopes": ["orders.read"]})
}

/// A gate on a connection with a certificate that has this name.
fn connected(mut gate: Gate, property: &[u8], name: &[u8]) -> Gate {
    gate.host = gate.host.with_property(property, name).with_property(IS_MTLS, [1]);
    gate
}

#[test]
fn a_certificate_is_its_tenant() {
    let by = |name: &str, pattern: &str| json!({"tenant": name, "pattern": pattern});
    let whole = "spiffe://acme/tenant/globex";
    let listed = json!({"tenant": "fingerprint", "fingerprints": {"AB".repeat(32): "globex"}});
    let known = format!("mtls {} globex pro []", "ab".repeat(32));
    for (mtls, property, name, expected) in [
        (spiffe(), URI, whole, "mtls spiffe://acme/tenant/globex globex pro [orders.read]"),
        (by("uri_san", "s://{tenant}/{subject}"), URI, "s://globex/ann", "mtls ann globex pro []"),
        (
            by("dns_san", "{tenant}.Example"),
            DNS,
            "GLOBEX.example",
            "mtls globex.example globex pro []",
        ),
        (
            by("subject", "CN={tenant},O=A B"),
            SUBJECT,
            "CN=other,O=A B",
            "mtls CN=other,O=A B other - []",
        ),
        (listed.clone(), FINGERPRINT, &"ab".repeat(32), &known),
        (listed, FINGERPRINT, &"cd".repeat(32), NOBODYS),
        // No other name of the certificate is looked at.
        (by("uri_san", "{tenant}"), DNS, "globex", NOBODYS),
        (by("dns_san", "{tenant}"), SUBJECT, "CN=globex", NOBODYS),
        (spiffe(), URI, "spiffe://acme/tenant/globex\0.evil", NOBODYS),
        (spiffe(), URI, "spiffe://acme/tenant/", NOBODYS),
    ] {
        let mut gate = connected(gate(&mtls, any_of(&["mtls"])), property, name.as_bytes());
        assert_eq!(gate.verdict(&[]), expected, "{mtls} {}", name.escape_debug());
    }
    let mut gate = connected(gate(&spiffe(), any_of(&["mtls"])), URI, b"spiffe://acme/tenant/\xff");
    assert_eq!(gate.verdict(&[]), NOBODYS);
}

#[test]
fn without_a_certificate_nobody_is_recognised() {
    let mut plain = gate(&spiffe(), any_of(&["mtls"]));
    assert_eq!(plain.verdict(&[]), NONE);
    plain.host = plain.host.with_property(IS_MTLS, [0]).with_property(URI, b"");
    assert_eq!(plain.verdict(&[]), NONE);
    let header = ("x-forwarded-client-cert", &b"URI=spiffe://acme/tenant/globex"[..]);
    assert_eq!(plain.verdict(&[header]), NONE);
    let mut optional = gate(&spiffe(), json!({"auth": {"optional": ["mtls"]}}));
    assert_eq!(optional.verdict(&[]), "anonymous  - - []");
    let mut shown = connected(gate(&spiffe(), json!({"auth": {"optional": ["mtls"]}})), URI, b"x");
    assert_eq!(shown.verdict(&[]), NOBODYS, "what is shown has to hold");
}

#[test]
fn a_credential_of_the_request_comes_before_the_connections() {
    let whole = b"spiffe://acme/tenant/globex";
    let certified = "mtls spiffe://acme/tenant/globex globex pro [orders.read]";
    let key = ("x-api-key", &b"sesame"[..]);
    let wrong = ("x-api-key", &b"wrong"[..]);
    let token = format!("Bearer {}", Signer::new("EdDSA").token(&claims(&json!({}))));
    let token = ("authorization", token.as_bytes());
    for (methods, lines, expected) in [
        (&["mtls", "api_key"][..], &[][..], certified),
        (&["mtls", "api_key"], &[key], "api_key k1 globex pro []"),
        (&["mtls", "api_key"], &[wrong], "401 invalid-api-key: nobody has this API key"),
        (&["mtls", "api_key"], &[token], certified),
        (&["mtls", "jwt.acme"], &[token], "jwt.acme ann - - []"),
        (&["mtls"], &[key], certified),
        (&["api_key"], &[], NONE),
        (
            &["mtls", "api_key"],
            &[key, token],
            "400 duplicate-credentials: a credential stands more than once, or a token stands \
             beside an API key",
        ),
    ] {
        let mut gate = connected(gate(&spiffe(), any_of(methods)), URI, whole);
        assert_eq!(gate.verdict(lines), expected, "{methods:?}");
    }
}

#[test]
fn the_connection_is_asked_only_where_certificates_are_accepted() {
    for (access, lines, expected) in [
        (json!({"auth": "none"}), &[][..], 0),
        (any_of(&["api_key"]), &[("x-api-key", &b"sesame"[..])], 0),
        (any_of(&["api_key", "mtls"]), &[("x-api-key", b"sesame")], 0),
        (any_of(&["mtls"]), &[], 1),
    ] {
        let mut gate = connected(gate(&spiffe(), access.clone()), URI, b"spiffe://acme/tenant/a");
        gate.verdict(lines);
        assert_eq!(gate.host.calls.property, expected, "{access}");
    }
}

#[test]
fn answers_name_the_way_in() {
    let mut gate = gate(&spiffe(), any_of(&["mtls", "api_key"]));
    let reply = gate.ask(&[], Timestamp::EPOCH).unwrap_err();
    assert_eq!(refusal(&reply), NONE);
    let schemes: Vec<_> = reply.headers.iter().map(|(_, value)| value.clone()).collect();
    assert_eq!(schemes, ["ApiKey header=\"x-api-key\"", "ClientCertificate"]);
}

fn refused(mtls: &Value) -> String {
    let identity = serde_json::from_value(json!({"mtls": mtls})).unwrap();
    Authenticator::compile(identity, SEED).map(drop).unwrap_err().to_string()
}

#[test]
fn what_makes_no_sense_is_refused_with_the_remedy() {
    let digits = "ab".repeat(32);
    for (mtls, expected) in [
        (json!({"tenant": "uri_san"}), "mtls.pattern: missing; write how the name of a tenant's certificate looks, such as \"spiffe://example/tenant/{tenant}\"".to_owned()),
        (json!({"tenant": "uri_san", "pattern": "x"}), "mtls.pattern: \"x\" has no {tenant}; write it where the tenant's id stands".to_owned()),
        (json!({"tenant": "fingerprint"}), "mtls.fingerprints: is empty, so nobody could call; write the SHA-256 of a certificate and the tenant that it is of".to_owned()),
        (json!({"tenant": "fingerprint", "pattern": PATTERN}), "mtls.pattern: a fingerprint has no parts; remove it, and write `fingerprints`".to_owned()),
        (json!({"tenant": "subject", "pattern": "CN={tenant}", "fingerprints": {&digits: "a"}}), "mtls.fingerprints: only `tenant: fingerprint` reads them; remove them".to_owned()),
        (json!({"tenant": "fingerprint", "fingerprints": {"AB:CD": "a"}}), "mtls.fingerprints: \"AB:CD\" is not 64 hexadecimal digits; write what `openssl x509 -noout -fingerprint -sha256` prints, without the colons".to_owned()),
        (json!({"tenant": "fingerprint", "fingerprints": {&digits: "a", digits.to_uppercase(): "b"}}), format!("mtls.fingerprints: {digits:?} stands twice in different case; remove one")),
        (json!({"tenant": "fingerprint", "fingerprints": {&digits: " a"}}), format!("mtls.fingerprints.{digits}: \" a\" is not an id; use 1 to 256 bytes without control characters, and no blanks at the ends")),
        (json!({"tenant": "uri_san", "pattern": PATTERN, "scopes": ["a", "b c"]}), "mtls.scopes[1]: \"b c\" is not a scope; use printable ASCII without blanks, quotes and backslashes".to_owned()),
    ] {
        assert_eq!(refused(&mtls), expected, "{mtls}");
    }
}

#[test]
fn a_route_cannot_accept_certificates_that_say_nothing() {
    let identity = serde_json::from_value(json!({})).unwrap();
    let authenticator = Authenticator::compile(identity, SEED).unwrap();
    let access = serde_json::from_value(any_of(&["mtls"])).unwrap();
    let refusal = Access::compile(access, &[], &authenticator).map(drop).unwrap_err().to_string();
    assert_eq!(
        refusal,
        "auth.any_of[0]: nothing says whose certificates are whose; write `identity.mtls`, or \
         write `auth: none`, for `identity` is empty"
    );
}

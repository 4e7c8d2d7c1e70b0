//! Keys that sign, and a gate that is asked.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot be set up has failed"
)]

pub(crate) mod asked;
pub(crate) mod condition;

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jwt_simple::prelude::{
    HS256Key, HS384Key, HS512Key, MACLike as _, P256KeyPair, P256PublicKey, P384KeyPair,
    P384PublicKey, RSAKeyPair, RSAPublicKey,
};
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use superboring::hash::MessageDigest;
use superboring::pkey::PKey;
use superboring::rsa::Padding;
use superboring::sign;
use tollgate_auth::{Access, Authenticator, Facts, Stop};
use tollgate_core::testing::MemoryHost;
use tollgate_core::{
    Hash, Headers, Principal, Reply, RequestHead, Seed, SignatureCheck, Timestamp,
};

/// When nothing else is said, in seconds.
pub(crate) const NOW: u64 = 1_700_000_000;

pub(crate) const ALGORITHMS: [&str; 12] = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
    "ES384", "EdDSA",
];

const SECRET: [u8; 64] = *b"a secret of sixty-four bytes, shared by the issuer and this test";

/// Somebody who signs tokens.
pub(crate) struct Signer {
    pub(crate) algorithm: &'static str,
    /// The key to verify with.
    pub(crate) jwk: Value,
    sign: Sign,
}

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

impl Signer {
    pub(crate) fn new(algorithm: &'static str) -> Self {
        let (jwk, sign) = match algorithm {
            "ES256" => p256(),
            "ES384" => p384(),
            "EdDSA" => ed25519(7),
            _ if algorithm.starts_with("HS") => hmac(algorithm, &SECRET),
            _ => rsa(algorithm),
        };
        Self { algorithm, jwk, sign }
    }

    /// Another key of the same kind.
    pub(crate) fn other_eddsa() -> Self {
        let (jwk, sign) = ed25519(8);
        Self { algorithm: "EdDSA", jwk, sign }
    }

    /// Another secret.
    pub(crate) fn other_hmac() -> Self {
        let (jwk, sign) = hmac("HS256", &[5; 64]);
        Self { algorithm: "HS256", jwk, sign }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        (self.sign)(message)
    }

    /// A token with these claims.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_of(&json!({"alg": self.algorithm}).to_string(), &claims.to_string())
    }

    /// A token of whatever bytes, rightly signed.
    pub(crate) fn token_of(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = encode(self.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

/// As the configuration writes the hash of an API key.
pub(crate) fn sha256(key: impl AsRef<[u8]>) -> String {
    Sha256::digest(key).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

type Key = (Value, Sign);

fn hmac(algorithm: &'static str, secret: &'static [u8; 64]) -> Key {
    let jwk = json!({"kty": "oct", "k": encode(secret)});
    let sign = move |message: &[u8]| match algorithm {
        "HS256" => HS256Key::from_bytes(secret).authentication_tag(message),
        "HS384" => HS384Key::from_bytes(secret).authentication_tag(message),
        _ => HS512Key::from_bytes(secret).authentication_tag(message),
    };
    (jwk, Box::new(sign))
}

fn rsa(algorithm: &'static str) -> Key {
    let pair = RSAKeyPair::from_pem(include_str!("../data/rsa.pem")).unwrap();
    let public = pair.public_key().to_components();
    let jwk = json!({"kty": "RSA", "n": encode(public.n), "e": encode(public.e)});
    let key = PKey::from_rsa(pair.as_ref().clone()).unwrap();
    let padding = if algorithm.starts_with("PS") { Padding::PKCS1_PSS } else { Padding::PKCS1 };
    let sign = move |message: &[u8]| {
        let mut signer = sign::Signer::new(digest(algorithm), &key).unwrap();
        signer.set_rsa_padding(padding).unwrap();
        signer.update(message).unwrap();
        signer.sign_to_vec().unwrap()
    };
    (jwk, Box::new(sign))
}

fn digest(algorithm: &str) -> MessageDigest {
    match algorithm {
        "RS256" | "PS256" => MessageDigest::sha256(),
        "RS384" | "PS384" => MessageDigest::sha384(),
        _ => MessageDigest::sha512(),
    }
}

fn p256() -> Key {
    let pair = P256KeyPair::generate();
    let point = pair.public_key().to_bytes_uncompressed();
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]),
    });
    let sign = move |message: &[u8]| {
        let signature: p256::ecdsa::Signature = pair.as_ref().sign(message);
        signature.to_bytes().to_vec()
    };
    (jwk, Box::new(sign))
}

fn p384() -> Key {
    let pair = P384KeyPair::generate();
    let point = pair.public_key().to_bytes_uncompressed();
    let jwk = json!({
        "kty": "EC", "crv": "P-384", "x": encode(&point[1..49]), "y": encode(&point[49..]),
    });
    let sign = move |message: &[u8]| {
        let signature: p384::ecdsa::Signature = pair.as_ref().sign(message);
        signature.to_bytes().to_vec()
    };
    (jwk, Box::new(sign))
}

fn ed25519(seed: u8) -> Key {
    let pair = ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([seed; 32]));
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.pk.as_ref())});
    (jwk, Box::new(move |message: &[u8]| pair.sk.sign(message, None).to_vec()))
}

/// A host that verifies nothing, and one that does.
pub(crate) const HOSTS: [Option<Verify>; 2] = [None, Some(as_envoy)];

type Verify = fn(&SignatureCheck<'_>) -> bool;

/// Verifies as Envoy does: keys and ECDSA signatures in DER, and nothing else.
pub(crate) fn as_envoy(check: &SignatureCheck<'_>) -> bool {
    let &SignatureCheck { hash, public_key, signature, message } = check;
    if let Ok(key) = P256PublicKey::from_der(public_key) {
        let signature = p256::ecdsa::Signature::from_der(signature).unwrap();
        return hash == Hash::Sha256 && key.as_ref().verify(message, &signature).is_ok();
    }
    if let Ok(key) = P384PublicKey::from_der(public_key) {
        let signature = p384::ecdsa::Signature::from_der(signature).unwrap();
        return hash == Hash::Sha384 && key.as_ref().verify(message, &signature).is_ok();
    }
    let key = RSAPublicKey::from_der(public_key).unwrap();
    let key = PKey::from_rsa(key.as_ref().clone()).unwrap();
    let digest = match hash {
        Hash::Sha256 => MessageDigest::sha256(),
        Hash::Sha384 => MessageDigest::sha384(),
        Hash::Sha512 => MessageDigest::sha512(),
    };
    let mut verifier = sign::Verifier::new(digest, &key).unwrap();
    verifier.set_rsa_padding(Padding::PKCS1).unwrap();
    verifier.update(message).unwrap();
    verifier.verify(signature).unwrap()
}

/// Who brings a token with [`claims`] that are in order.
pub(crate) const ANN: &str = "jwt.acme ann - - []";

/// An authenticator, one operation, and an Envoy.
pub(crate) struct Gate {
    pub(crate) authenticator: Authenticator,
    pub(crate) access: Access,
    pub(crate) host: MemoryHost,
}

impl Gate {
    pub(crate) fn new(identity: Value, access: Value) -> Self {
        let identity = serde_json::from_value(identity).unwrap();
        let authenticator = Authenticator::compile(identity, SEED).unwrap();
        let access = serde_json::from_value(access).unwrap();
        let access = Access::compile(access, &["id"], &authenticator).unwrap();
        Self { authenticator, access, host: MemoryHost::default() }
    }

    /// A gate for the tokens of one issuer.
    pub(crate) fn for_keys(keys: &[&Value]) -> Self {
        Self::new(json!({"jwt": {"acme": issuer(keys)}}), any_of(&["jwt.acme"]))
    }

    /// Another operation behind the same authenticator.
    pub(crate) fn operation(&self, access: Value) -> Access {
        let access = serde_json::from_value(access).unwrap();
        Access::compile(access, &["id"], &self.authenticator).unwrap()
    }

    pub(crate) fn ask(&mut self, lines: &[(&str, &[u8])], now: Timestamp) -> Result<String, Reply> {
        let headers: Headers = lines.iter().copied().collect();
        let head = RequestHead { headers: &headers };
        let found = self.authenticator.authenticate(&self.access, &head, &mut self.host.at(now));
        let principal = found.map_err(|stop| match stop {
            Stop::Refused(reply) => reply,
            Stop::Waits(call) => panic!("it waits for {call:?}"),
        })?;
        let path_parameters = &[("id", Cow::Borrowed(&b"7"[..]))];
        let (method, path) = (head.method(), head.path().ok());
        let facts = Facts { method, path, headers: &headers, path_parameters };
        self.access.authorise(principal.as_deref(), &facts)?;
        Ok(principal.as_deref().map_or_else(|| "nobody".to_owned(), caller))
    }

    /// What becomes of a request, in one line.
    pub(crate) fn verdict(&mut self, lines: &[(&str, &[u8])]) -> String {
        match self.ask(lines, Timestamp::from_seconds(NOW)) {
            Ok(caller) => caller,
            Err(reply) => refusal(&reply),
        }
    }

    pub(crate) fn token(&mut self, token: &str) -> String {
        self.token_at(token, Timestamp::from_seconds(NOW))
    }

    pub(crate) fn token_at(&mut self, token: &str, now: Timestamp) -> String {
        let value = format!("Bearer {token}");
        match self.ask(&[("authorization", value.as_bytes())], now) {
            Ok(caller) => caller,
            Err(reply) => refusal(&reply),
        }
    }
}

pub(crate) const SEED: Seed = Seed([3; 16]);

/// The configuration of an issuer whose claims are called as in [`claims`].
pub(crate) fn issuer(keys: &[&Value]) -> Value {
    json!({
        "issuer": "https://id.example",
        "audiences": ["api", "api2"],
        "jwks": {"keys": keys},
        "claims": {"tenant": "tenant", "tier": "plan"},
    })
}

pub(crate) fn any_of(methods: &[&str]) -> Value {
    json!({"auth": {"any_of": methods}})
}

/// Claims that are in order, changed by `changes`; null takes one out.
pub(crate) fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": "https://id.example", "aud": "api", "sub": "ann", "exp": NOW + 600,
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    claims
}

pub(crate) fn caller(principal: &Principal) -> String {
    let Principal { method, subject, tenant, tier, scopes, groups, claims } = principal;
    let tenant = tenant.as_deref().unwrap_or("-");
    let tier = tier.as_deref().unwrap_or("-");
    let mut text = format!("{method} {subject} {tenant} {tier} [{}]", scopes.text());
    if !groups.is_empty() {
        text = format!("{text} in {}", groups.text());
    }
    claims.iter().fold(text, |text, claims| format!("{text} with {claims}"))
}

pub(crate) fn refusal(reply: &Reply) -> String {
    format!("{} {}: {}", reply.problem.status, reply.problem.name, reply.detail)
}

pub(crate) fn check(gate: &mut Gate, token: &str, expected: &str, context: &str) {
    let refusal = format!("401 invalid-token: {expected}");
    let expected = if expected.starts_with("jwt.") { expected } else { &refusal };
    assert_eq!(gate.token(token), expected, "{context}");
}

//! Tokens that attackers make, byte by byte: RFC 8725 and what gateways were
//! really broken with.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::Sha256;
use tollgate_e2e::{Gateway, HOST, config};
use tollgate_support::{Call, Connection, Key, Protocol, Upstream, now_seconds};

const ISSUER: &str = "https://id.acme.example";

/// Somebody with an ES256 key, who writes headers as they like.
struct Forger(SigningKey);

impl Forger {
    fn new(seed: u8) -> Self {
        Self(SigningKey::from_slice(&[seed; 32]).unwrap())
    }

    /// The uncompressed point, without its first byte.
    fn point(&self) -> Vec<u8> {
        self.0.verifying_key().to_sec1_point(false).as_bytes()[1..].to_vec()
    }

    fn jwk(&self, kid: &str) -> Value {
        let point = self.point();
        let [x, y] = [&point[..32], &point[32..]].map(|half| URL_SAFE_NO_PAD.encode(half));
        json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": kid, "x": x, "y": y})
    }

    fn sign(&self, header: &Value) -> String {
        self.sign_text(&header.to_string(), &claims().to_string())
    }

    fn sign_text(&self, header: &str, claims: &str) -> String {
        let signed = signed(header, claims);
        let signature: Signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "api", "sub": "ada", "exp": now_seconds() + 600})
}

fn signed(header: &str, claims: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

/// What takes a public key for a secret would accept it.
fn mac(secret: &[u8]) -> String {
    let signed = signed(r#"{"alg":"HS256","kid":"k1"}"#, &claims().to_string());
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn routes(issuers: &[(&str, &str, &str)]) -> String {
    let routes: Vec<String> = issuers
        .iter()
        .map(|(name, ..)| {
            format!(
                "      {name}: {{ match: {{ path: /{name} }}, backend: echo, \
                 auth: {{ any_of: [jwt.{name}] }} }}\n"
            )
        })
        .collect();
    let issuers: Vec<String> = issuers
        .iter()
        .map(|(name, issuer, jwks)| {
            format!("    {name}: {{ issuer: {issuer}, audiences: [api], jwks: {jwks} }}\n")
        })
        .collect();
    let issuers = format!("identity:\n  jwt:\n{}", issuers.concat());
    config(&routes.concat()).replace("identity:\n", &issuers)
}

fn inline(keys: &Value) -> String {
    format!("{{ inline: {keys} }}")
}

async fn status(gateway: &Gateway, path: &str, token: &str) -> u16 {
    gateway.send(&Call::get(HOST, path).bearer(token)).await.unwrap().status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_does_not_choose_how_it_is_verified() {
    let (issuer, attacker) = (Forger::new(1), Forger::new(2));
    let elsewhere = Upstream::start().await.unwrap();
    elsewhere.serve("/keys", json!({"keys": [attacker.jwk("k1")]}).to_string());
    let url = format!("http://{}/keys", elsewhere.address());
    let jwks = inline(&json!({"keys": [issuer.jwk("k1")]}));
    let gateway = Gateway::start(&routes(&[("one", ISSUER, &jwks)])).await.unwrap();
    let genuine = issuer.sign(&json!({"alg": "ES256", "kid": "k1"}));
    assert_eq!(status(&gateway, "/one", &genuine).await, 200);

    let [header, payload, signature] = genuine.split('.').collect::<Vec<_>>()[..] else { return };
    let point = issuer.point();
    let der = [&hex(SPKI_P256)[..], &[4], &point].concat();
    let pem = |end: &str| {
        let text = STANDARD.encode(&der);
        let (first, rest) = text.split_at(64);
        format!("-----BEGIN PUBLIC KEY-----\n{first}\n{rest}\n-----END PUBLIC KEY-----{end}")
    };
    let certificate = STANDARD.encode(&der);
    let mut forged: Vec<(&str, String)> = vec![
        ("the public key as a secret, PEM", mac(pem("\n").as_bytes())),
        ("the same without the last line break", mac(pem("").as_bytes())),
        ("the same, DER", mac(&der)),
        ("the same, the point", mac(&[&[4], &point[..]].concat())),
        ("the same, the JWK", mac(issuer.jwk("k1").to_string().as_bytes())),
        ("an empty secret", mac(b"")),
        ("no signature", format!("{header}.{payload}.")),
        ("no third part", format!("{header}.{payload}")),
        ("a fourth part", format!("{genuine}.{signature}")),
        ("r and s are 0", format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode([0; 64]))),
        ("the order of the curve", {
            let n = hex(ORDER_P256);
            format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode([&n[..], &n].concat()))
        }),
        ("a signature in DER", {
            let signature: Signature = issuer.0.sign(format!("{header}.{payload}").as_bytes());
            let der = URL_SAFE_NO_PAD.encode(signature.to_der().as_bytes());
            format!("{header}.{payload}.{der}")
        }),
        ("the signature of another", attacker.sign(&json!({"alg": "ES256", "kid": "k1"}))),
        ("encrypted", format!("{}.a.b.c.d", URL_SAFE_NO_PAD.encode(r#"{"alg":"dir"}"#))),
        ("as JSON", {
            json!({"protected": header, "payload": payload, "signature": signature}).to_string()
        }),
        ("in base64 with padding", genuine.replacen('.', "=.", 1)),
        ("a blank inside", genuine.replacen('.', " .", 1)),
    ];
    for none in ["none", "None", "NONE", "nOnE", "", "null", "HS256 ", "es256"] {
        let header = json!({"alg": none, "kid": "k1"});
        forged.push((
            "an algorithm of no strength",
            signed(&header.to_string(), &payload_text()) + ".",
        ));
        forged.push(("the same, signed", issuer.sign(&header)));
    }
    for header in [
        json!({"alg": "ES256", "kid": "k1", "jwk": attacker.jwk("k1")}),
        json!({"alg": "ES256", "kid": "k1", "jku": url}),
        json!({"alg": "ES256", "kid": "k1", "x5u": url}),
        json!({"alg": "ES256", "kid": "k1", "x5c": [certificate]}),
        json!({"alg": "ES256", "kid": url}),
        json!({"alg": "ES256", "kid": "../../../../dev/null"}),
        json!({"alg": "ES256", "kid": "k1' OR '1'='1"}),
        json!({"alg": "ES256", "kid": ["k1"]}),
        json!({"alg": "ES256", "kid": "k".repeat(257)}),
        json!({"alg": ["ES256"], "kid": "k1"}),
        json!({"kid": "k1"}),
    ] {
        forged.push(("a key of the token's own", attacker.sign(&header)));
    }
    for header in [
        json!({"alg": "ES256", "kid": "k1", "crit": ["exp"]}),
        json!({"alg": "ES256", "kid": "k1", "crit": []}),
        json!({"alg": "ES256", "kid": "k1", "b64": false, "crit": ["b64"]}),
        json!({"alg": "ES256", "kid": "k1", "zip": "DEF", "crit": ["zip"]}),
        json!({"alg": "ES256", "kid": "k1", "typ": "dpop+jwt"}),
        json!({"alg": "ES256", "kid": "k1", "typ": "logout+jwt"}),
        json!({"alg": "ES384", "kid": "k1"}),
        json!({"alg": "ES256", "kid": "k2"}),
    ] {
        forged.push(("a header that is not understood", issuer.sign(&header)));
    }
    let twice = |header: &str, claims: &str| issuer.sign_text(header, claims);
    forged.push((
        "two algorithms",
        twice(r#"{"alg":"none","alg":"ES256","kid":"k1"}"#, &payload_text()),
    ));
    let two = payload_text().replacen('{', r#"{"sub":"root","#, 1);
    forged.push(("two subjects", twice(r#"{"alg":"ES256","kid":"k1"}"#, &two)));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    forged.push(("nested deeply", twice(r#"{"alg":"ES256","kid":"k1"}"#, &deep)));
    for (what, token) in &forged {
        assert_eq!(status(&gateway, "/one", token).await, 401, "{what}: {token}");
    }
    assert_eq!(gateway.upstream.count(), 1, "only the genuine one");
    assert_eq!(elsewhere.fetched() + elsewhere.count(), 0, "no key was fetched for a token");
    gateway.never_trapped().await.unwrap();
}

fn payload_text() -> String {
    claims().to_string()
}

/// What stands before the point in a `SubjectPublicKeyInfo` of P-256.
const SPKI_P256: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";

/// The order of P-256 (FIPS 186-4, D.1.2.3).
const ORDER_P256: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

fn hex(text: &str) -> Vec<u8> {
    base16ct::lower::decode_vec(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remembered_caller_is_nobody_to_another_issuer() {
    let (one, two) = (Forger::new(1), Forger::new(2));
    let header = json!({"alg": "ES256", "kid": "k1"});
    let jwks = |forger: &Forger| inline(&json!({"keys": [forger.jwk("k1")]}));
    let issuers = routes(&[("one", ISSUER, &jwks(&one)), ("two", "https://two", &jwks(&two))]);
    let gateway = Gateway::start(&issuers).await.unwrap();
    let tokens = [one.sign(&header), {
        let claims = claims().to_string().replace(ISSUER, "https://two");
        two.sign_text(&header.to_string(), &claims)
    }];
    // One connection has one worker, which remembers.
    let mut worker = Connection::open(Protocol::Http1, gateway.address).await.unwrap();
    for _ in 0..3 {
        for (token, path, expected) in [
            (&tokens[0], "/one", 200),
            (&tokens[0], "/two", 401),
            (&tokens[1], "/two", 200),
            (&tokens[1], "/one", 401),
        ] {
            let answer = worker.send(&Call::get(HOST, path).bearer(token)).await.unwrap();
            assert_eq!(answer.status, expected, "{path}");
        }
        // The same but for the signature: what is remembered is of the whole token.
        let cut = tokens[0].rsplit_once('.').unwrap().0;
        let other = format!("{cut}.{}", tokens[1].rsplit_once('.').unwrap().1);
        let answer = worker.send(&Call::get(HOST, "/one").bearer(&other)).await.unwrap();
        assert_eq!(answer.status, 401);
    }
    assert_eq!(gateway.upstream.count(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_keys_cause_no_fetches() {
    let (issuer, key) = (Forger::new(1), Key::new("ES256", "x").unwrap());
    let upstream = Upstream::start().await.unwrap();
    upstream.serve("/jwks", json!({"keys": [issuer.jwk("k1")]}).to_string());
    let jwks = "{ url: \"http://127.0.0.1:$BACKEND/jwks\" }";
    let config = routes(&[("one", ISSUER, jwks)]);
    let gateway = Gateway::with_upstream(upstream, &config).await.unwrap();
    let genuine = issuer.sign(&json!({"alg": "ES256", "kid": "k1"}));
    let template = key.sign(&claims()).unwrap();
    let (_, rest) = template.split_once('.').unwrap();
    let (before, start) = (gateway.upstream.fetched(), tokio::time::Instant::now());
    let mut worker = Connection::open(Protocol::Http2, gateway.address).await.unwrap();
    for number in 0..10_000 {
        let header = json!({"alg": "ES256", "kid": format!("k{number}x")}).to_string();
        let token = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
        let answer = worker.send(&Call::get(HOST, "/one").bearer(&token)).await.unwrap();
        assert_eq!(answer.status, 401);
        if number % 1000 == 0 {
            assert_eq!(status(&gateway, "/one", &genuine).await, 200);
        }
    }
    // Only the control plane's own look every 15 s, give or take a tenth.
    let looks = start.elapsed().as_millis() / Duration::from_millis(13_500).as_millis();
    let fetches = gateway.upstream.fetched() - before;
    assert!(fetches as u128 <= looks + 1, "{fetches} fetches in {:?}", start.elapsed());
    assert_eq!(gateway.upstream.count(), 10);
    gateway.never_trapped().await.unwrap();
}

const ALGORITHMS: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "HS256", "HS384", "HS512"];

/// How far apart the characters are that are changed, one at a time.
const STEP: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn what_joserfc_signs_is_verified_and_no_mutant_of_it() {
    let wanted = |algorithm: &str| {
        let claims = json!({"iss": format!("https://{algorithm}"), "aud": "api", "sub": "ada",
            "exp": now_seconds() + 600});
        json!({"scheme": "jwt", "algorithm": algorithm, "claims": claims})
    };
    let made = tollgate_e2e::signed(&json!(ALGORITHMS.map(wanted))).unwrap();
    let made = made.as_array().unwrap();
    let named: Vec<_> = ALGORITHMS
        .iter()
        .zip(made)
        .map(|(name, made)| {
            (*name, format!("https://{name}"), inline(&json!({"keys": [made["jwk"]]})))
        })
        .collect();
    let issuers: Vec<_> =
        named.iter().map(|(name, issuer, jwks)| (*name, &**issuer, &**jwks)).collect();
    let gateway = Gateway::start(&routes(&issuers)).await.unwrap();
    for (algorithm, made) in ALGORITHMS.iter().zip(made) {
        let (path, token) = (format!("/{algorithm}"), made["token"].as_str().unwrap());
        assert_eq!(status(&gateway, &path, token).await, 200, "{algorithm}");
        let before = gateway.upstream.count();
        let mut worker = Connection::open(Protocol::Http2, gateway.address).await.unwrap();
        for mutant in mutants(token) {
            let answer = worker.send(&Call::get(HOST, &path).bearer(&mutant)).await.unwrap();
            assert_eq!(answer.status, 401, "{algorithm}: {mutant} of {token}");
        }
        assert_eq!(gateway.upstream.count(), before, "{algorithm}");
    }
    gateway.never_trapped().await.unwrap();
}

/// One character changed, left out, or there twice; the last of each part among
/// them, some of whose bits nobody reads.
fn mutants(token: &str) -> Vec<String> {
    let last = |at: usize| token[at + 1..].starts_with('.') || at + 1 == token.len();
    let places = (0..token.len()).filter(|at| at % STEP == 0 || last(*at));
    places
        .flat_map(|at| {
            let other = if &token[at..=at] == "B" { "C" } else { "B" };
            let twice = token[at..=at].repeat(2);
            [other, "", &twice].map(|instead| {
                let mut mutant = token.to_owned();
                mutant.replace_range(at..=at, instead);
                mutant
            })
        })
        .filter(|mutant| mutant != token)
        .collect()
}

//! Signed requests, as others sign them: who signed them is known, and nothing
//! that was not signed reaches the backend.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot be set up has failed"
)]

mod store;

use std::path::Path;

use serde_json::{Value, json};
use tollgate_e2e::{Gateway, HOST};
use tollgate_support::{Answer, Call, Protocol, RawConnection};

const SECRET: &str = "the secret that acme and the gateway share";

const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIDtdzQhd1cAjzPFNjeQtph8EGSViYlOUXCdUm2+0Fyne
-----END PRIVATE KEY-----
";

const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAAglqsnGGLa0vnjCFMdWuv7KZoUHHtvVLamBqeYbPPoI=
-----END PUBLIC KEY-----
";

/// Everything that can be signed, and with what.
const SCHEMES: [&str; 4] = ["hmac", "sigv4", "presigned", "http_signature"];

/// A gateway that knows the keys, with the folder that they lie in.
struct Signed {
    gateway: Gateway,
    _folder: tempfile::TempDir,
}

/// A request that was signed.
#[derive(Clone, Debug)]
struct Sent {
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Signed {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("acme.secret");
        let public = folder.path().join("acme.pem");
        std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
        std::fs::write(&public, PUBLIC).unwrap();
        let config = config(&secret, &public);
        Self { gateway: Gateway::start(&config).await.unwrap(), _folder: folder }
    }

    async fn send(&self, sent: &Sent) -> Answer {
        self.gateway.send(&sent.call()).await.unwrap()
    }

    /// Whether the request is refused so, and nothing of it reached the backend.
    async fn refuses(&self, sent: &Sent, what: &str, expected: &str) {
        let before = self.gateway.upstream.count();
        let answer = self.send(sent).await;
        assert_eq!(problem(&answer), expected, "{what}: {sent:?}");
        assert_eq!(self.gateway.upstream.count(), before, "{what} reached the backend");
    }

    /// The status of the answer to a request whose body is in chunks.
    async fn raw(&self, sent: &Sent, trailers: &str) -> u16 {
        let request = sent.chunked(trailers);
        RawConnection::once(self.gateway.address, &request).await.unwrap().status
    }

    async fn refuses_with_401(&self, sent: &Sent, what: &str) {
        let before = self.gateway.upstream.count();
        let answer = self.send(sent).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        assert_eq!(self.gateway.upstream.count(), before, "{what} reached the backend");
    }
}

/// The status and the kind of a refusal.
fn problem(answer: &Answer) -> String {
    let kind = answer.json()["type"].as_str().unwrap_or_default().to_owned();
    format!("{} {}", answer.status, kind.trim_start_matches("urn:tollgate:problem:"))
}

fn config(secret: &Path, public: &Path) -> String {
    let (secret, public) = (secret.display(), public.display());
    let methods = "auth: { any_of: [hmac, sigv4, http_signature] }";
    format!(
        r#"
listeners:
  public: {{ address: "127.0.0.1:$PORT" }}
identity:
  hmac:
    keys:
      acme-1: {{ tenant: acme, scopes: [orders.write], secret: {{ file: "{secret}" }} }}
  sigv4:
    region: eu-central-1
    service: execute-api
    presigned: true
    keys:
      AKIDACME: {{ tenant: acme, scopes: [orders.write], secret: {{ file: "{secret}" }} }}
  http_signature:
    keys:
      acme-3:
        tenant: acme
        scopes: [orders.write]
        algorithm: ed25519
        public_key: {{ file: "{public}" }}
backends:
  echo: {{ endpoints: ["127.0.0.1:$BACKEND"] }}
apis:
  orders:
    hosts: [{HOST}]
    routes:
      orders: {{ match: {{ prefix: /orders }}, backend: echo, {methods}, allow: {{ scopes: [orders.write] }} }}
      open: {{ match: {{ prefix: /open }}, backend: echo, auth: none }}
"#
    )
}

impl Sent {
    /// Signs a request; each nonce makes another one.
    fn signed(scheme: &str, body: &str, nonce: u32) -> Self {
        Self::wanted(scheme, body, &json!({"nonce": nonce.to_string()}))
    }

    fn wanted(scheme: &str, body: &str, changes: &Value) -> Self {
        let nonce = changes["nonce"].as_str().unwrap().to_owned();
        Self::many(scheme, body, changes, &[nonce]).remove(0)
    }

    /// As many as there are nonces.
    fn many(scheme: &str, body: &str, changes: &Value, nonces: &[String]) -> Vec<Self> {
        let method = if scheme == "presigned" { "GET" } else { "POST" };
        let (key_id, secret) = match scheme {
            "hmac" => ("acme-1", SECRET),
            "http_signature" => ("acme-3", PRIVATE),
            _ => ("AKIDACME", SECRET),
        };
        let wanted = |nonce: &String| {
            let mut wanted = json!({
                "scheme": scheme, "method": method, "body": body, "key_id": key_id,
                "secret": secret, "url": format!("http://{HOST}/orders/7?b=2&a=1&n={nonce}"),
            });
            let changes = changes.as_object().unwrap().clone();
            wanted.as_object_mut().unwrap().extend(changes);
            wanted["nonce"] = nonce.as_str().into();
            wanted
        };
        let signed = tollgate_e2e::signed(&nonces.iter().map(wanted).collect()).unwrap();
        let pair = |pair: &Value| {
            (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned())
        };
        let sent = signed.as_array().unwrap().iter().map(|signed| Self {
            method,
            target: signed["target"].as_str().unwrap().to_owned(),
            headers: signed["headers"].as_array().unwrap().iter().map(pair).collect(),
            body: body.as_bytes().to_vec(),
        });
        sent.collect()
    }

    fn call(&self) -> Call {
        let call = Call::new(self.method, HOST, &self.target);
        let headers = self.headers.iter();
        let call = headers.fold(call, |call, (name, value)| call.header(name, value));
        call.body(self.body.clone())
    }

    fn changed(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut sent = self.clone();
        change(&mut sent);
        sent
    }

    /// Each thing that is covered: changed, left out, twice, elsewhere.
    fn mutants(&self) -> Vec<(String, Self)> {
        let mut mutants = vec![
            ("another method".to_owned(), self.changed(|s| s.method = "PUT")),
            ("another path".to_owned(), self.changed(|s| s.target = s.target.replace("/7", "/8"))),
            (
                "another value".to_owned(),
                self.changed(|s| s.target = s.target.replace("a=1", "a=2")),
            ),
            ("a value less".to_owned(), self.changed(|s| s.target = s.target.replace("&a=1", ""))),
            ("a value twice".to_owned(), self.changed(|s| s.target.push_str("&a=3"))),
            ("no query".to_owned(), self.changed(|s| s.target.truncate(9))),
            ("another body".to_owned(), self.changed(|s| s.body.push(b'x'))),
        ];
        if !self.body.is_empty() {
            mutants.push(("no body".to_owned(), self.changed(|s| s.body.clear())));
        }
        for place in 0..self.headers.len() {
            let name = self.headers[place].0.clone();
            mutants.push((
                format!("{name} changed"),
                self.changed(|s| s.headers[place].1 = mutated(&s.headers[place].1)),
            ));
            mutants.push((
                format!("no {name}"),
                self.changed(|s| {
                    s.headers.remove(place);
                }),
            ));
            let another = (name.clone(), mutated(&self.headers[place].1));
            mutants.push((format!("{name} twice"), self.changed(|s| s.headers.push(another))));
        }
        mutants
    }

    /// As bytes on the wire, with a body in chunks.
    fn chunked(&self, trailers: &str) -> Vec<u8> {
        let Self { method, target, headers, body } = self;
        let mut text = format!("{method} {target} HTTP/1.1\r\nhost: {HOST}\r\n");
        for (name, value) in headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        text.push_str("transfer-encoding: chunked\r\n\r\n");
        let mut bytes = text.into_bytes();
        for piece in body.chunks(3) {
            bytes.extend(format!("{:x}\r\n", piece.len()).into_bytes());
            bytes.extend(piece);
            bytes.extend(b"\r\n");
        }
        bytes.extend(format!("0\r\n{trailers}\r\n").into_bytes());
        bytes
    }
}

/// Something else that is as long.
fn mutated(value: &str) -> String {
    let last = value.chars().next_back().map_or('x', |c| if c == '0' { '1' } else { '0' });
    let mut mutated: String = value.to_owned();
    // In the middle of a signature every bit counts.
    let at = value.len() / 2;
    mutated.replace_range(at..=at, if value.as_bytes()[at] == b'A' { "B" } else { "A" });
    if mutated == value { format!("{value}{last}") } else { mutated }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signed_a_request_is_known_and_the_signature_ends_at_the_gateway() {
    let signed = Signed::start().await;
    for (scheme, key) in [
        ("hmac", "acme-1"),
        ("sigv4", "AKIDACME"),
        ("presigned", "AKIDACME"),
        ("http_signature", "acme-3"),
    ] {
        let body = if scheme == "presigned" { "" } else { "{\"item\": 7}" };
        let sent = Sent::signed(scheme, body, 1);
        let seen = signed.gateway.through(&sent.call()).await.unwrap();
        let header = |name: &str| {
            seen.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
        };
        assert_eq!(header("x-tollgate-tenant"), Some("acme"), "{scheme}");
        assert_eq!(header("x-tollgate-subject"), Some(key), "{scheme}");
        assert_eq!(seen.path, "/orders/7?b=2&a=1&n=1", "{scheme}");
        assert_eq!(seen.body_bytes, body.len(), "{scheme}");
        for name in ["authorization", "signature", "signature-input"] {
            assert_eq!(header(name), None, "{scheme}");
        }
        // Used once, it is used up, on whichever worker the connection lands.
        for _ in 0..4 {
            signed.refuses(&sent, scheme, "401 replayed-signature").await;
        }
    }
    let open = Call::get(HOST, "/open").header("signature", "a=:eA==:");
    let seen = signed.gateway.through(&open).await.unwrap();
    assert!(!seen.headers.iter().any(|(name, _)| name == "signature"));
    signed.gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_changed_after_it_was_signed_reaches_the_backend() {
    let signed = Signed::start().await;
    for scheme in SCHEMES {
        let body = if scheme == "presigned" { "" } else { "{\"item\": 7}" };
        let sent = Sent::signed(scheme, body, 2);
        for (what, mutant) in sent.mutants() {
            let before = signed.gateway.upstream.count();
            let answer = signed.send(&mutant).await;
            let what = format!("{scheme}: {what}");
            // Two signatures are refused in other words.
            let expected: &[u16] = if what.ends_with("twice") { &[400, 401] } else { &[401] };
            assert!(expected.contains(&answer.status), "{what}: {answer:?}\n{mutant:?}");
            assert_eq!(signed.gateway.upstream.count(), before, "{what} reached the backend");
        }
        // None of them has used it up.
        assert_eq!(signed.send(&sent).await.status, 200, "{scheme}");
    }
    signed.gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_judged_however_they_come() {
    let signed = Signed::start().await;
    let body = "{\"item\": 7, \"and\": \"more\"}";
    for (number, scheme) in ["hmac", "sigv4", "http_signature"].into_iter().enumerate() {
        let number = u32::try_from(number).unwrap() * 10;
        let seen = |before: usize| signed.gateway.upstream.count() - before;
        for (place, trailers) in ["", "x-after: 1\r\n"].into_iter().enumerate() {
            let nonce = 100 + number + u32::try_from(place).unwrap();
            let sent = Sent::signed(scheme, body, nonce);
            let evil = sent.changed(|s| s.body[3] ^= 1);
            let before = signed.gateway.upstream.count();
            assert_eq!(signed.raw(&evil, trailers).await, 401, "{scheme} {trailers:?}");
            assert_eq!(seen(before), 0, "{scheme} {trailers:?}");
            assert_eq!(signed.raw(&sent, trailers).await, 200, "{scheme} {trailers:?}");
        }
        let expecting = Sent::signed(scheme, body, 109 + number);
        let expecting = expecting.call().header("expect", "100-continue");
        assert_eq!(signed.gateway.send(&expecting).await.unwrap().status, 200, "{scheme}");
        let sent = Sent::signed(scheme, body, 110 + number);
        let over_http2 = sent.call().send_over(Protocol::Http2, signed.gateway.address).await;
        assert_eq!(over_http2.unwrap().status, 200, "{scheme}");
    }
    signed.gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_body_is_held_and_one_over_the_bound_is_refused() {
    let signed = Signed::start().await;
    let bound = 1 << 20;
    for (number, scheme) in ["hmac", "sigv4", "http_signature"].into_iter().enumerate() {
        let nonce = 200 + u32::try_from(number).unwrap() * 10;
        let whole = Sent::signed(scheme, &"x".repeat(bound), nonce);
        let answer = signed.send(&whole).await;
        assert_eq!(answer.status, 200, "{scheme}: {answer:?}");
        let over = Sent::signed(scheme, &"x".repeat(bound + 1), nonce + 1);
        signed.refuses(&over, scheme, "413 body-too-large").await;
        let evil =
            Sent::signed(scheme, &"x".repeat(bound), nonce + 2).changed(|s| s.body[7] = b'y');
        signed.refuses_with_401(&evil, scheme).await;
    }
    signed.gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_may_differ_as_far_as_is_written_and_keys_must_be_known() {
    let signed = Signed::start().await;
    for (skew, expected) in [(-290, 200), (290, 200), (-310, 401), (310, 401)] {
        let changes = json!({"nonce": format!("{}", 1000 + skew), "skew": skew});
        let sent = Sent::wanted("hmac", "{}", &changes);
        assert_eq!(signed.send(&sent).await.status, expected, "{skew}");
    }
    let nobody = Sent::wanted("hmac", "{}", &json!({"nonce": "1", "key_id": "nobody"}));
    let other = json!({"nonce": "1", "secret": "another secret of the same length as ours"});
    let forged = Sent::wanted("hmac", "{}", &other);
    let (nobody, forged) = (signed.send(&nobody).await, signed.send(&forged).await);
    assert_eq!(nobody.status, 401);
    assert_eq!(nobody.json()["detail"], forged.json()["detail"]);
    assert_eq!(nobody.values("www-authenticate"), forged.values("www-authenticate"));
    let stated = Sent::wanted("sigv4", "{}", &json!({"nonce": "9", "stated": true}));
    assert_eq!(signed.send(&stated).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_gateway_itself_answers_takes_a_signature_once() {
    let signed = Signed::start().await;
    let changes = json!({
        "nonce": "1", "method": "GET", "url": format!("http://{HOST}/.tollgate/limits?x=1"),
    });
    for scheme in SCHEMES {
        let sent = Sent { method: "GET", ..Sent::wanted(scheme, "", &changes) };
        let answer = signed.send(&sent).await;
        assert_eq!(answer.status, 200, "{scheme}: {answer:?}");
        assert_eq!(answer.json()["tenant"], "acme", "{scheme}");
        assert_eq!(problem(&signed.send(&sent).await), "401 replayed-signature", "{scheme}");
    }
    assert_eq!(signed.gateway.upstream.count(), 0);
    signed.gateway.never_trapped().await.unwrap();
}

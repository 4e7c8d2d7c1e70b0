//! Signs requests as RFC 9421 says, by HMAC.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tollgate_signatures::{Key, KeyAlgorithm};

use super::{Judge, Sent};

pub(crate) const NOW: u64 = 1_700_000_000;
pub(crate) const SECRET: &str = "the secret that acme and the gateway share";

pub(crate) fn judge(spec: &Value) -> Judge {
    let ed25519 = Key::public(KeyAlgorithm::Ed25519, include_str!("../data/ed25519.pem")).unwrap();
    Judge::new(json!({"http_signature": spec}), NOW)
        .with_key("acme", Key::secret(SECRET).unwrap())
        .with_key("public", ed25519)
}

pub(crate) fn get() -> Sent {
    Sent::new("GET", "https://api.example.com/a?b=1&c=2&c=3")
        .with("x-a", "1")
        .with("x-b", "first")
        .with("x-b", "second")
        .with("x-dict", "a=1, b=2;x;y=\"z\", c, d=(1 2)")
}

pub(crate) const REQUIRED: [(&str, &str); 4] = [
    ("\"@method\"", "GET"),
    ("\"@authority\"", "api.example.com"),
    ("\"@path\"", "/a"),
    ("\"@query\"", "?b=1&c=2&c=3"),
];

/// Signs these components, of which the signer knows these values.
pub(crate) fn signed(sent: Sent, components: &[(&str, &str)], parameters: &str) -> Sent {
    let (input, signature) = pair(components, parameters);
    sent.with("signature-input", format!("s={input}")).with("signature", format!("s={signature}"))
}

pub(crate) fn pair(components: &[(&str, &str)], parameters: &str) -> (String, String) {
    let ids: Vec<_> = components.iter().map(|(id, _)| *id).collect();
    let input = format!("({}){parameters}", ids.join(" "));
    let lines: Vec<_> = components.iter().map(|(id, value)| format!("{id}: {value}\n")).collect();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{}\"@signature-params\": {input}", lines.concat()).as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    (input, format!(":{signature}:"))
}

pub(crate) const PARAMETERS: &str = ";created=1700000000;keyid=\"acme\"";

/// A request that holds.
pub(crate) fn plain() -> Sent {
    signed(get(), &REQUIRED, PARAMETERS)
}

/// With one component more.
pub(crate) fn covering(id: &str, value: &str) -> Sent {
    signed(get(), &[&REQUIRED[..], &[(id, value)]].concat(), PARAMETERS)
}

pub(crate) fn with_parameters(parameters: &str) -> Sent {
    signed(get(), &REQUIRED, parameters)
}

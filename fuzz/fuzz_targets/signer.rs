//! Somebody who has the keys, so that what a signature lets pass is fuzzed too.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

pub(crate) const AUTHORITY: &str = "a.example";

/// 2015-08-30, 12:36.
pub(crate) const NOW: u64 = 1_440_938_160;

const DATE: &str = "20150830T123600Z";
const DAY: &str = "20150830";
const SECRET: &[u8] = b"01234567890123456789012345678901";

/// Signs each request with another nonce: each signature is good once.
#[derive(Default)]
pub(crate) struct Signer {
    nonce: u64,
}

/// What a signature adds to a request.
#[derive(Default)]
pub(crate) struct Signed {
    pub(crate) target: Option<Vec<u8>>,
    pub(crate) lines: Vec<(&'static str, String)>,
}

impl Signer {
    pub(crate) fn sign(
        &mut self,
        how: u8,
        method: &[u8],
        path: &[u8],
        body: &[u8],
    ) -> Option<Signed> {
        self.nonce += 1;
        match how % 8 {
            0 | 4 => Some(self.hmac(method, path, body)),
            1 | 5 => Some(self.presigned(how, method, path, body)),
            2 => Some(self.message(method, path, body)),
            3 => Some(token(body)),
            6 => Some(self.in_headers(method, path, body)),
            _ => None,
        }
    }

    /// As RFC 9421 says, of all that has to be covered.
    fn message(&self, method: &[u8], path: &[u8], body: &[u8]) -> Signed {
        let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)));
        let covered = "(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\")";
        let input = format!("{covered};created={NOW};keyid=\"r\";nonce=\"{}\"", self.nonce);
        let (path, query) = split(path);
        let text = [
            b"\"@method\": ",
            method,
            format!("\n\"@authority\": {AUTHORITY}\n\"@path\": ").as_bytes(),
            path,
            b"\n\"@query\": ?",
            query,
            format!("\n\"content-digest\": {digest}\n\"@signature-params\": {input}").as_bytes(),
        ]
        .concat();
        let signature = format!("s=:{}:", STANDARD.encode(mac(SECRET, &text)));
        let lines = vec![
            ("content-digest", digest),
            ("signature-input", format!("s={input}")),
            ("signature", signature),
        ];
        Signed { target: None, lines }
    }

    /// As the documentation of tollgate-signatures says.
    fn hmac(&self, method: &[u8], path: &[u8], body: &[u8]) -> Signed {
        let nonce = self.nonce;
        let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)));
        let (path, query) = split(path);
        let mut parameters: Vec<&[u8]> = query.split(|byte| *byte == b'&').collect();
        parameters.sort_by_key(|parameter| parameter.split(|byte| *byte == b'=').next());
        let head = format!("HMAC-SHA256\nh\n{NOW}\n{nonce}\n");
        let text = [
            head.as_bytes(),
            method,
            format!("\n{AUTHORITY}\n").as_bytes(),
            path,
            b"\n",
            &parameters.join(&b'&'),
            format!("\n\n{digest}\n").as_bytes(),
        ]
        .concat();
        let mac = STANDARD.encode(mac(SECRET, &text));
        let credential =
            format!("HMAC-SHA256 keyId=\"h\",created={NOW},nonce=\"{nonce}\",signature=\"{mac}\"");
        let lines = vec![("authorization", credential), ("content-digest", digest)];
        Signed { target: None, lines }
    }

    /// A presigned URL whose own parameters are `n` and `z`.
    fn presigned(&self, how: u8, method: &[u8], path: &[u8], body: &[u8]) -> Signed {
        let scope = format!("{DAY}/r/s/aws4_request");
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F{}&X-Amz-Date={DATE}\
             &X-Amz-Expires=60&X-Amz-SignedHeaders=host&n={}&z={}",
            scope.replace('/', "%2F"),
            self.nonce,
            hex(path),
        );
        let canonical = format!("/s/7\n{query}\nhost:{AUTHORITY}\n\nhost");
        let mac = sigv4(&scope, method, &canonical, body);
        let signature = format!("X-Amz-Signature={mac}");
        // Parameters may come in any order.
        let target = match how / 4 % 3 {
            0 => format!("/s/7?{query}&{signature}"),
            1 => format!("/s/7?{signature}&{query}"),
            _ => format!("/s/7?{}", query.replace("&n=", &format!("&{signature}&n="))),
        };
        Signed { target: Some(target.into_bytes()), lines: Vec::new() }
    }

    /// The same in a line of the request.
    fn in_headers(&self, method: &[u8], path: &[u8], body: &[u8]) -> Signed {
        let scope = format!("{DAY}/r/s/aws4_request");
        let query = format!("n={}&z={}", self.nonce, hex(path));
        let digest = hex(&Sha256::digest(body));
        let names = "host;x-amz-content-sha256;x-amz-date";
        let canonical = format!(
            "/s/7\n{query}\nhost:{AUTHORITY}\nx-amz-content-sha256:{digest}\nx-amz-date:{DATE}\n\n{names}"
        );
        let mac = sigv4(&scope, method, &canonical, body);
        let credential = format!(
            "AWS4-HMAC-SHA256 Credential=A/{scope}, SignedHeaders={names}, Signature={mac}"
        );
        let lines = vec![
            ("authorization", credential),
            ("x-amz-date", DATE.to_owned()),
            ("x-amz-content-sha256", digest),
        ];
        Signed { target: Some(format!("/s/7?{query}").into_bytes()), lines }
    }
}

/// The signature of a request, of which `canonical` is all between the method
/// and the hash of the body.
fn sigv4(scope: &str, method: &[u8], canonical: &str, body: &[u8]) -> String {
    let method = String::from_utf8_lossy(method);
    let canonical = format!("{method}\n{canonical}\n{}", hex(&Sha256::digest(body)));
    let text = format!(
        "AWS4-HMAC-SHA256\n{DATE}\n{scope}\n{}",
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    let first = mac(&[b"AWS4", SECRET].concat(), DAY.as_bytes());
    let key = ["r", "s", "aws4_request"].iter().fold(first, |key, part| mac(&key, part.as_bytes()));
    hex(&mac(&key, text.as_bytes()))
}

/// A JSON Web Token that says, besides what it has to, whatever the issuer likes.
fn token(more: &[u8]) -> Signed {
    let claims = format!(
        r#"{{"iss":"https://id.example","aud":"api","sub":"ann","exp":{},{}}}"#,
        NOW + 60,
        String::from_utf8_lossy(more)
    );
    let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let message = format!("{}.{}", encode(br#"{"alg":"HS256"}"#), encode(claims.as_bytes()));
    let mac = encode(&mac(b"secretsecretsecretsecretsecretsecret", message.as_bytes()));
    Signed { target: None, lines: vec![("authorization", format!("Bearer {message}.{mac}"))] }
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let at = path.iter().position(|byte| *byte == b'?').unwrap_or(path.len());
    (&path[..at], path.get(at + 1..).unwrap_or_default())
}

fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.chain_update(text).finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

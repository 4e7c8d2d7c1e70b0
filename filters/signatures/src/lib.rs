//! Whether a request is signed by somebody we know.
//!
//! Three ways of signing requests are verified, each where its spec allows it:
//!
//! | scheme | carried by | keys |
//! |---|---|---|
//! | Tollgate's own HMAC, described below | `Authorization: HMAC-SHA256 …` | secrets |
//! | AWS Signature Version 4 | `Authorization: AWS4-HMAC-SHA256 …`, or a presigned URL | secrets |
//! | HTTP Message Signatures (RFC 9421) | `Signature-Input` and `Signature` | secrets; Ed25519, P-256, P-384 and RSA keys |
//!
//! A [`Verifier`] is compiled once from a [`SignatureSpec`] and judges each
//! [`Request`] by its head. What it returns says what the body has to be: a
//! [`BodyCheck`], which takes the body piece by piece. A body that no digest
//! covers has to be empty, so a signature never stands for bytes that nobody
//! signed. A [`ReplayGuard`] admits each signature once.
//!
//! Nothing here reads a clock or draws a random number, and every input is
//! bounded. Of the sides that could disagree about a request, all read the same:
//! paths have one spelling ([`CanonicalPath`](tollgate_core::CanonicalPath)), a
//! request with two signatures is refused, and the algorithm is the key's.
//!
//! # The HMAC scheme
//!
//! ```text
//! authorization: HMAC-SHA256 keyId="acme-1",created=1700000000,nonce="5f2c9a",
//!                headers="content-type",signature="BASE64"
//! content-digest: sha-256=:BASE64:
//! ```
//!
//! `keyId`, `created` (seconds since 1970) and `signature` must be there, each
//! once; `nonce` and `headers` may be missing. `signature` is the HMAC-SHA256,
//! in base64, of these lines, each ended by a line feed, the last one too:
//!
//! | line | for example |
//! |---|---|
//! | the name of the scheme | `HMAC-SHA256` |
//! | `keyId` | `acme-1` |
//! | `created` | `1700000000` |
//! | `nonce`; empty if there is none | `5f2c9a` |
//! | the method | `POST` |
//! | the host in lower case, with its port if it is not the scheme's | `orders.example.com` |
//! | the path, as it is sent | `/orders` |
//! | the query without `?`: its parts, as they are sent, sorted by name; parts of one name stay in order | `a=2&a=1&dry_run=true` |
//! | each header of `headers`, in that order: name in lower case, colon, value without blanks at its ends | `content-type:application/json` |
//! | nothing | |
//! | the SHA-256 of the body as `content-digest` has it (RFC 9530); without a body that of no bytes, and the field may be missing | `sha-256=:…:` |
//!
//! In a shell, with openssl:
//!
//! ```sh
//! key_id=acme-1
//! secret='the secret that acme and the gateway share'
//! created=1700000000 # $(date +%s)
//! nonce=5f2c9a       # $(openssl rand -hex 16)
//! body='{"item": 7}'
//!
//! digest="sha-256=:$(printf %s "$body" | openssl dgst -sha256 -binary | openssl base64 -A):"
//! signature=$(
//!   printf '%s\n' HMAC-SHA256 "$key_id" "$created" "$nonce" \
//!     POST orders.example.com /orders 'a=2&a=1&dry_run=true' \
//!     content-type:application/json '' "$digest" |
//!     openssl dgst -sha256 -hmac "$secret" -binary | openssl base64 -A
//! )
//!
//! curl 'https://orders.example.com/orders?dry_run=true&a=2&a=1' \
//!   -H 'content-type: application/json' \
//!   -H "content-digest: $digest" \
//!   -H "authorization: HMAC-SHA256 keyId=\"$key_id\",created=$created,nonce=\"$nonce\",headers=\"content-type\",signature=\"$signature\"" \
//!   --data-raw "$body"
//! ```
//!
//! With these values the signature is `gwlybxKkxBNCTrAP9tA2BjjpPJig6YLA5KTPYnHUW8w=`.
//!
//! It is close to what Kong and APISIX call `hmac-auth`, which follow a draft of
//! HTTP signatures, and differs where that has been a weakness:
//!
//! - Method, host, path, query, time and body are always covered. There, the
//!   caller lists what is covered and leaves out what the operator does not
//!   enforce, and the body is looked at only where the operator has said so.
//! - The query is sorted by name, so a proxy that reorders parameters breaks
//!   nothing, and parts of one name stay in order, so nobody can exchange which of
//!   them comes last.
//! - A covered header that stands in two lines is refused: who reads the
//!   request after us could take the other one.
//! - The time stands beside the signature, not in `Date`, which browsers do not
//!   let their callers set, and can be joined by a nonce.
//! - The algorithm is the key's; there is no parameter to choose it by.
//!
//! # AWS signatures
//!
//! `host`, `x-amz-date`, every other `x-amz-` header and, by default,
//! `content-type` must be signed. A body is covered by its SHA-256, which
//! `x-amz-content-sha256` may state; where it does not, the body has to be there
//! first ([`Refused::AwaitsBody`]). `UNSIGNED-PAYLOAD` and presigned URLs are
//! accepted only where the spec says so, signatures chunk by chunk never.
//!
//! # HTTP Message Signatures
//!
//! `created` and `keyid` are required. All derived components of requests are
//! known, and of the parameters of components `bs`, `key` and `name`; a
//! signature that covers anything else (`sf`, `tr`, `req`, `@status`) is
//! refused, since what it says cannot be checked. `content-digest` must be
//! covered by every request with a body.

mod body;
mod compile;
mod credential;
mod digest;
mod fields;
mod headers;
mod hmac;
mod http_signature;
mod key;
mod limits;
mod material;
mod refused;
mod replay;
mod request;
mod sigv4;
mod spec;
mod text;
mod time;
mod verified;
mod verifier;

pub use crate::body::{BodyCheck, BodyDigest, BodyMismatch};
pub use crate::compile::InvalidSignatures;
pub use crate::key::{InvalidKey, Key, KeyAlgorithm};
pub use crate::refused::Refused;
#[doc(hidden)]
pub use crate::replay::fuzz_slot;
pub use crate::replay::{ReplayGuard, Replayed};
pub use crate::request::{NO_BODY, Request};
pub use crate::spec::{HmacSpec, HttpSignatureSpec, SigV4Spec, SigV4Style, SignatureSpec};
pub use crate::verified::{Keys, Scheme, Verified};
pub use crate::verifier::Verifier;

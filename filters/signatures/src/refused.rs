use tollgate_core::AmbiguousPath;

use crate::limits::{
    COVERED_MAX, CREDENTIAL_BYTES_MAX, KEY_ID_BYTES_MAX, NONCE_BYTES_MAX, PARAMETERS_MAX,
    SIGNATURES_MAX, SIGNED_BYTES_MAX,
};

/// Why a request's signature is not accepted. The texts are what callers read,
/// so none tells what would have been right.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum Refused {
    // What carries the signature.
    #[error("the request carries no signature")]
    Missing,
    #[error("the request carries signatures of more than one kind; send one")]
    Ambiguous,
    #[error("the header {name} stands more than once")]
    Duplicate { name: String },
    #[error("the header {name} has a control character")]
    ControlCharacter { name: String },
    #[error("the signature's fields are longer than {CREDENTIAL_BYTES_MAX} bytes")]
    CredentialTooLong,
    #[error("{field} is malformed: expected {expected}")]
    Malformed { field: &'static str, expected: &'static str },

    // What is signed.
    #[error("the method is not a token")]
    Method,
    #[error("the scheme is neither http nor https")]
    WebScheme,
    #[error("the authority is missing or not a host with an optional port")]
    Authority,
    #[error(transparent)]
    Path(#[from] AmbiguousPath),
    #[error("the query has more than {PARAMETERS_MAX} parameters")]
    TooManyParameters,
    #[error("what is signed is longer than {SIGNED_BYTES_MAX} bytes")]
    SignedTooLong,
    #[error("the signature covers more than {COVERED_MAX} components")]
    CoversTooMany,
    #[error("the signature covers {component} twice")]
    CoveredTwice { component: String },
    #[error("the signature covers {component}, which the request does not have")]
    Absent { component: String },
    #[error("the signature covers {component}, which is not supported here")]
    Unsupported { component: String },
    #[error("the signature does not cover {component}")]
    NotCovered { component: String },

    // When, and how often.
    #[error("the signature was made in the future; set the clock right")]
    TooEarly,
    #[error("the signature has expired; set the clock right, or sign again")]
    Expired,
    #[error("the signature has no nonce; add one that is never used again")]
    NoNonce,
    #[error(
        "the nonce is not 1 to {NONCE_BYTES_MAX} visible ASCII characters without `\"`, `,` and `\\`"
    )]
    Nonce,

    // By whom.
    #[error(
        "the key's id is not 1 to {KEY_ID_BYTES_MAX} visible ASCII characters without `\"`, `,` and `\\`"
    )]
    KeyId,
    #[error("the key is not known")]
    UnknownKey,
    #[error("the key is for another algorithm")]
    Algorithm,
    #[error("the signature does not hold")]
    Mismatch,

    // The body.
    #[error("content-digest is not a list of digests, or has neither sha-256 nor sha-512")]
    ContentDigest,
    #[error("the signature covers the body, which has not arrived")]
    AwaitsBody,

    // AWS Signature Version 4.
    #[error("the credential's scope is not DATE/{region}/{service}/aws4_request")]
    Scope { region: String, service: String },
    #[error("x-amz-date is not a time of the credential's day")]
    AmzDate,
    #[error("presigned URLs are not accepted here")]
    Presigned,
    #[error("X-Amz-Expires is not 1 to {seconds_max} seconds")]
    AmzExpires { seconds_max: u32 },
    #[error("x-amz-content-sha256 is not a SHA-256 in lower-case hexadecimal digits")]
    PayloadHash,
    #[error("payloads that are not signed are not accepted here; sign the SHA-256 of the body")]
    UnsignedPayload,
    #[error(
        "payloads signed chunk by chunk (STREAMING-…) are not accepted here; sign the SHA-256 of \
         the whole body"
    )]
    StreamingPayload,
    #[error("the session token is not that of the key")]
    SessionToken,

    // RFC 9421.
    #[error("none of the signatures has the label and the tag that are asked for here")]
    NoSuchSignature,
    #[error("the request carries more than {SIGNATURES_MAX} signatures")]
    TooManySignatures,
    #[error("the signature has no {parameter}")]
    NoParameter { parameter: &'static str },
}

/// As much of a name as fits into a text that people read.
pub(crate) fn shown(name: impl AsRef<[u8]>) -> String {
    const BYTES_MAX: usize = 64;
    let name = name.as_ref();
    let start = name.get(..BYTES_MAX).unwrap_or(name).escape_ascii().to_string();
    if name.len() <= BYTES_MAX { start } else { start + "…" }
}

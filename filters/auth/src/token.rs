use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::claims::Claims;
use crate::jwk::KEY_ID_BYTES_MAX;
use crate::kept::KEPT_BYTES_MAX;
use crate::signature::Signed;
use crate::{Algorithm, json};

/// A JSON Web Token, taken apart but not yet believed (RFC 7519; RFC 7515,
/// section 7.1: compact serialisation only).
pub(crate) struct Token<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<String>,
    /// What it says it is, as [`media_type`] writes it.
    pub(crate) kind: Option<String>,
    pub(crate) claims: Claims,
    message: &'a [u8],
    signature: Vec<u8>,
}

/// Why a token is not accepted. The texts are what callers read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidToken {
    #[error("the token is longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    #[error("the token is empty or has characters in it that no token has")]
    Characters,
    #[error("whoever issued the token says that it is not active")]
    Inactive,
    #[error("the token is not three parts in base64url")]
    Malformed,
    #[error("the token's header is not a JSON object with each member once")]
    Header,
    #[error("the token's claims are not a JSON object with each member once")]
    Claims,
    #[error("the token's algorithm is none of those accepted")]
    Algorithm,
    #[error("the token's header names critical extensions, and none is known")]
    Critical,
    #[error("the token's kid is not a string of at most {KEY_ID_BYTES_MAX} bytes")]
    KeyId,
    #[error("the token's typ is none of those accepted")]
    Type,
    #[error("the token is an ID token, which is for the client alone")]
    IdToken,
    #[error("the token's issuer is none of those accepted here")]
    Issuer,
    #[error("the token is meant for another audience")]
    Audience,
    #[error("the token's exp is missing or not a time")]
    NoExpiry,
    #[error("the token's nbf or iat is not a time")]
    Time,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYet,
    #[error("the token's sub is missing or not an id")]
    Subject,
    #[error("the token's tenant is not an id")]
    Tenant,
    #[error("the token's tier is not an id")]
    Tier,
    #[error("the token's scopes are not a list of scopes")]
    Scopes,
    #[error("the token's groups are not a list of ids")]
    Groups,
    #[error("the token's claims that are kept are longer than {KEPT_BYTES_MAX} bytes")]
    Kept,
    #[error("the token was signed with none of the issuer's keys")]
    NoKey,
    #[error("the token's signature does not hold")]
    Signature,
}

/// Longer ones would not fit into the headers of most servers.
pub(crate) const TOKEN_BYTES_MAX: usize = 16 * 1024;

// === impl Token ===

impl<'a> Token<'a> {
    /// Takes a token apart. Nothing in the header is obeyed: it says by which
    /// algorithm and key the signer claims to have signed, and whether that is
    /// possible is for the key to say (RFC 8725, section 3.1).
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, InvalidToken> {
        if TOKEN_BYTES_MAX < bytes.len() {
            return Err(InvalidToken::TooLong);
        }
        let (message, signature) = split(bytes).ok_or(InvalidToken::Malformed)?;
        let (header, claims) = split(message).ok_or(InvalidToken::Malformed)?;
        let [header, claims, signature] = [decode(header)?, decode(claims)?, decode(signature)?];
        let header = json::object(&header).ok_or(InvalidToken::Header)?;
        no_critical_extensions(&header)?;
        let claims = json::object(&claims).map(Claims).ok_or(InvalidToken::Claims)?;
        Ok(Self {
            algorithm: algorithm(&header)?,
            key_id: key_id(&header)?,
            kind: kind(&header)?,
            claims,
            message,
            signature,
        })
    }

    pub(crate) fn signed(&self) -> Signed<'_> {
        let Self { algorithm, message, signature, .. } = self;
        Signed { algorithm: *algorithm, message, signature }
    }
}

/// Splits at the last dot; a further one is then no base64url.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = bytes.iter().rposition(|&b| b == b'.')?;
    let (before, from) = bytes.split_at_checked(dot)?;
    Some((before, from.get(1..)?))
}

/// Strict: no padding, no blanks, no bits left over that could be changed
/// without changing what is read.
fn decode(part: &[u8]) -> Result<Vec<u8>, InvalidToken> {
    BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidToken::Malformed)
}

// === the header ===
//
// `jwk`, `jku`, `x5u` and `x5c` would let the caller bring the key along: they
// are not even looked at.

/// Whoever does not know an extension that the signer calls critical must not
/// accept the token (RFC 7515, section 4.1.11), and we know none.
fn no_critical_extensions(header: &Map<String, Value>) -> Result<(), InvalidToken> {
    if header.contains_key("crit") { Err(InvalidToken::Critical) } else { Ok(()) }
}

fn kind(header: &Map<String, Value>) -> Result<Option<String>, InvalidToken> {
    let kind = header.get("typ").map(|kind| kind.as_str().ok_or(InvalidToken::Type));
    Ok(kind.transpose()?.map(media_type))
}

fn key_id(header: &Map<String, Value>) -> Result<Option<String>, InvalidToken> {
    match header.get("kid") {
        None => Ok(None),
        Some(Value::String(id)) if id.len() <= KEY_ID_BYTES_MAX => Ok(Some(id.clone())),
        Some(_) => Err(InvalidToken::KeyId),
    }
}

fn algorithm(header: &Map<String, Value>) -> Result<Algorithm, InvalidToken> {
    let name = header.get("alg").and_then(Value::as_str);
    name.and_then(Algorithm::named).ok_or(InvalidToken::Algorithm)
}

/// A type in the form in which types are compared (RFC 7515, section 4.1.9): in
/// lower case, without the `application/` that may stand before it.
pub(crate) fn media_type(written: &str) -> String {
    let lower = written.to_ascii_lowercase();
    lower.strip_prefix("application/").map(str::to_owned).unwrap_or(lower)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(bytes: Vec<u8>) {
            let _ = Token::parse(&bytes);
        }

        /// Past base64 and JSON, where random bytes never get.
        #[test]
        fn no_parts_cause_a_panic(header in r#"\{"(alg|kid|typ|crit)":("HS256"|"a"|[0-9]|\[\])\}"#, claims in ".*") {
            let encode = |part: &str| BASE64_URL_SAFE_NO_PAD.encode(part);
            let _ = Token::parse(format!("{}.{}.", encode(&header), encode(&claims)).as_bytes());
        }
    }
}

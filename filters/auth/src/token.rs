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
    #[error("the token's typ is neither JWT nor at+jwt")]
    Type,
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
const TOKEN_BYTES_MAX: usize = 16 * 1024;

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
        let (algorithm, key_id) = read_header(&header)?;
        let claims = json::object(&claims).map(Claims).ok_or(InvalidToken::Claims)?;
        Ok(Self { algorithm, key_id, claims, message, signature })
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

/// `jwk`, `jku`, `x5u` and `x5c` would let the caller bring the key along:
/// they are not even looked at.
fn read_header(header: &Map<String, Value>) -> Result<(Algorithm, Option<String>), InvalidToken> {
    if header.contains_key("crit") {
        return Err(InvalidToken::Critical);
    }
    if !header.get("typ").is_none_or(is_access_token) {
        return Err(InvalidToken::Type);
    }
    let key_id = match header.get("kid") {
        None => None,
        Some(Value::String(id)) if id.len() <= KEY_ID_BYTES_MAX => Some(id.clone()),
        Some(_) => return Err(InvalidToken::KeyId),
    };
    let name = header.get("alg").and_then(Value::as_str);
    let algorithm = name.and_then(Algorithm::named).ok_or(InvalidToken::Algorithm)?;
    Ok((algorithm, key_id))
}

/// A token made for something else (`dpop+jwt`, `logout+jwt`) must not pass for
/// an access token (RFC 8725, section 3.11).
fn is_access_token(kind: &Value) -> bool {
    let Some(kind) = kind.as_str() else { return false };
    let kind = kind.to_ascii_lowercase();
    matches!(kind.strip_prefix("application/").unwrap_or(&kind), "jwt" | "at+jwt")
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

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value};
use tollgate_core::{ClaimPath, Groups, Scopes, Timestamp};

use crate::InvalidToken;
use crate::name::{is_id, is_scope};

/// What a token says (RFC 7519, section 4), read without believing it.
pub(crate) struct Claims(pub(crate) Map<String, Value>);

/// When a token holds: from the first moment on, up to the second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Validity {
    from: Timestamp,
    until: Timestamp,
}

// === impl Claims ===

impl Claims {
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.0.get("iss").and_then(Value::as_str)
    }

    /// Whether one of `audiences` stands in `aud`, a string or a list of them.
    pub(crate) fn is_meant_for(&self, audiences: &[String]) -> bool {
        let ours = |name: &Value| audiences.iter().any(|audience| name == audience);
        match self.0.get("aud") {
            Some(Value::Array(names)) => {
                names.iter().all(Value::is_string) && names.iter().any(ours)
            }
            Some(name) => ours(name),
            None => false,
        }
    }

    /// Whether only an ID token says what this one does: hashes of what was
    /// issued with it (`OpenID` Connect Core, sections 3.1.3.6 and 3.3.2.11).
    pub(crate) fn are_of_id_token(&self) -> bool {
        ["at_hash", "c_hash", "s_hash"].iter().any(|name| self.0.contains_key(*name))
    }

    /// When the token holds, if clocks differ by `skew` at most.
    pub(crate) fn validity(&self, skew: Duration) -> Result<Validity, InvalidToken> {
        let expiry = self.0.get("exp").and_then(moment).ok_or(InvalidToken::NoExpiry)?;
        let mut from = Timestamp::EPOCH;
        for name in ["nbf", "iat"] {
            if let Some(claim) = self.0.get(name) {
                from = from.max(moment(claim).ok_or(InvalidToken::Time)?.minus(skew));
            }
        }
        Ok(Validity { from, until: expiry.plus(skew) })
    }

    /// When the token was issued, in seconds; 0 if it does not say.
    pub(crate) fn issued_at(&self) -> u32 {
        let issued = self.0.get("iat").and_then(moment).map_or(0, Timestamp::as_seconds);
        u32::try_from(issued).unwrap_or(u32::MAX)
    }

    /// The token's own name, if it has one.
    pub(crate) fn token_id(&self) -> Option<&str> {
        self.0.get("jti").and_then(Value::as_str)
    }

    /// The moment that a claim names, if there is such a claim.
    pub(crate) fn moment(&self, name: &str) -> Result<Option<Timestamp>, InvalidToken> {
        let claim = self.0.get(name);
        claim.map(|claim| moment(claim).ok_or(InvalidToken::Time)).transpose()
    }

    /// The id at a path; nothing if there is no such claim.
    pub(crate) fn id(
        &self,
        path: &ClaimPath,
        invalid: InvalidToken,
    ) -> Result<Option<Rc<str>>, InvalidToken> {
        match path.find(&self.0) {
            None => Ok(None),
            Some(Value::String(id)) if is_id(id) => Ok(Some(id.as_str().into())),
            Some(_) => Err(invalid),
        }
    }

    /// The scopes at a path.
    pub(crate) fn scopes(&self, path: &ClaimPath) -> Result<Scopes, InvalidToken> {
        let words = match path.find(&self.0) {
            Some(Value::String(list)) => {
                Some(list.split(' ').filter(|word| !word.is_empty()).collect())
            }
            claim => list(claim),
        };
        let words = words.filter(|words| words.iter().all(|word| is_scope(word)));
        Ok(words.ok_or(InvalidToken::Scopes)?.into_iter().collect())
    }

    /// The groups at a path.
    pub(crate) fn groups(&self, path: &ClaimPath) -> Result<Groups, InvalidToken> {
        let names = match path.find(&self.0) {
            Some(Value::String(group)) => Some(vec![group.as_str()]),
            claim => list(claim),
        };
        let names = names.filter(|names| names.iter().all(|name| is_id(name)));
        Ok(names.ok_or(InvalidToken::Groups)?.into_iter().collect())
    }
}

/// A list of texts, if a claim is one; without a claim, an empty one.
fn list(claim: Option<&Value>) -> Option<Vec<&str>> {
    match claim {
        None => Some(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(Value::as_str).collect(),
        Some(_) => None,
    }
}

/// A number of seconds since the epoch (RFC 7519, section 2: `NumericDate`). The
/// far future is as good as never.
fn moment(claim: &Value) -> Option<Timestamp> {
    if let Some(seconds) = claim.as_u64() {
        return Some(Timestamp::from_seconds(seconds));
    }
    let seconds = claim.as_f64().filter(|seconds| 0.0 <= *seconds)?;
    Some(Timestamp::EPOCH.plus(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)))
}

// === impl Validity ===

impl Validity {
    pub(crate) fn new(from: Timestamp, until: Timestamp) -> Self {
        Self { from, until }
    }

    pub(crate) fn check(self, now: Timestamp) -> Result<(), InvalidToken> {
        if self.until <= now {
            return Err(InvalidToken::Expired);
        }
        if now < self.from {
            return Err(InvalidToken::NotYet);
        }
        Ok(())
    }

    /// Whether a quarter of it is left at most.
    pub(crate) fn is_ending(self, now: Timestamp) -> bool {
        let quarter = self.until.since(self.from).checked_div(4).unwrap_or_default();
        self.until.since(now) <= quarter
    }

    pub(crate) fn is_to_come(self, now: Timestamp) -> bool {
        now < self.from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_seconds_however_written() {
        for (claim, expected) in [
            ("0", Some(0)),
            ("1.5", Some(1_500_000_000)),
            ("1e3", Some(1_000_000_000_000)),
            ("-0.0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("1e300", Some(u64::MAX)),
            ("-1", None),
            ("-0.1", None),
            ("\"1\"", None),
            ("null", None),
            ("true", None),
            ("[1]", None),
        ] {
            let claim: Value = serde_json::from_str(claim).unwrap();
            assert_eq!(moment(&claim).map(Timestamp::as_nanos), expected, "{claim}");
        }
    }
}

//! What an identity provider said about a token (RFC 7662, section 2.2).

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What the answer says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Told {
    /// It is good.
    Active(Terms),
    /// It is not, and why is nobody's business.
    Inactive,
}

/// Those members that limit what an active token is good for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Terms {
    /// When it ends, since 1970.
    pub(crate) expires: Option<Duration>,
    /// When it begins, since 1970.
    pub(crate) begins: Option<Duration>,
    /// Who issued it.
    pub(crate) issuer: Option<String>,
    /// For whom it is.
    pub(crate) audiences: Vec<String>,
}

/// Why bytes are no answer. Then nothing is known about the token.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum Malformed {
    #[error("it is not JSON: {0}")]
    Json(String),
    #[error("it is not a JSON object")]
    NotAnObject,
    #[error("`active` is missing")]
    NoActive,
    #[error("`active` is not true or false")]
    Active,
    #[error("`{0}` is not a time in seconds")]
    Time(&'static str),
    #[error("`iss` is not a string")]
    Issuer,
    #[error("`aud` is not a string or a list of strings")]
    Audience,
}

/// Reads an answer whole, also the members that are of no interest here: they
/// are passed on as they came, so they must be well-formed and not too deep.
pub(crate) fn read(body: &[u8]) -> Result<Told, Malformed> {
    let Members(members) = serde_json::from_slice(body).map_err(|error| {
        // An array or a string is JSON, but of the wrong kind.
        if error.is_data() && !error.to_string().starts_with("member") {
            Malformed::NotAnObject
        } else {
            Malformed::Json(error.to_string())
        }
    })?;
    match members.get("active") {
        Some(Value::Bool(true)) => terms(&members).map(Told::Active),
        Some(Value::Bool(false)) => Ok(Told::Inactive),
        // Some write "true". A string that is not empty is true to many, "false" included.
        Some(_) => Err(Malformed::Active),
        None => Err(Malformed::NoActive),
    }
}

fn terms(members: &BTreeMap<String, Value>) -> Result<Terms, Malformed> {
    Ok(Terms {
        expires: time(members, "exp")?,
        begins: time(members, "nbf")?,
        issuer: match present(members, "iss") {
            None => None,
            Some(Value::String(issuer)) => Some(issuer.clone()),
            Some(_) => return Err(Malformed::Issuer),
        },
        audiences: audiences(present(members, "aud"))?,
    })
}

/// Some providers write null for what they do not know.
fn present<'a>(members: &'a BTreeMap<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !value.is_null())
}

/// Seconds since 1970, with or without a fraction (RFC 7519, section 2:
/// `NumericDate`). What lies before 1970 was over then, what lies beyond all
/// reckoning never is.
fn time(
    members: &BTreeMap<String, Value>,
    name: &'static str,
) -> Result<Option<Duration>, Malformed> {
    let Some(value) = present(members, name) else { return Ok(None) };
    let seconds = value.as_f64().ok_or(Malformed::Time(name))?;
    Ok(Some(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)))
}

fn audiences(value: Option<&Value>) -> Result<Vec<String>, Malformed> {
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or(Malformed::Audience);
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(text).collect(),
        Some(one) => Ok(vec![text(one)?]),
    }
}

/// The members of an object, in which each name stands once. Where one stands
/// twice, two readers could understand two things.
struct Members(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Collect).map(Self)
    }
}

struct Collect;

impl<'de> Visitor<'de> for Collect {
    type Value = BTreeMap<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value()?;
            if members.contains_key(&name) {
                return Err(A::Error::custom(format_args!("member {name:?} stands twice")));
            }
            members.insert(name, value);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_limits_a_token_is_read() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (body, expected) in [
            (r#"{"active":true}"#, Terms::default()),
            (
                r#" {"active" : true, "exp": 10, "nbf": 5, "iss": "i", "aud": "a"} "#,
                Terms {
                    expires: seconds(10),
                    begins: seconds(5),
                    issuer: Some("i".to_owned()),
                    audiences: vec!["a".to_owned()],
                },
            ),
            (
                r#"{"active":true,"aud":["a","b"],"exp":1.5}"#,
                Terms {
                    expires: Some(Duration::from_millis(1_500)),
                    audiences: vec!["a".to_owned(), "b".to_owned()],
                    ..Terms::default()
                },
            ),
            (r#"{"active":true,"exp":-1}"#, Terms { expires: seconds(0), ..Terms::default() }),
            (
                r#"{"active":true,"exp":1e300}"#,
                Terms { expires: Some(Duration::MAX), ..Terms::default() },
            ),
            (r#"{"active":true,"exp":null,"nbf":null,"iss":null,"aud":null}"#, Terms::default()),
            (r#"{"active":true,"sub":"s","x":{"active":false,"active":1}}"#, Terms::default()),
        ] {
            assert_eq!(read(body.as_bytes()), Ok(Told::Active(expected)), "{body}");
        }
        for body in [r#"{"active":false}"#, r#"{"exp":"never","active":false}"#] {
            assert_eq!(read(body.as_bytes()), Ok(Told::Inactive), "{body}");
        }
    }

    #[test]
    fn what_is_no_answer_says_why() {
        let deep = format!(r#"{{"active":true,"x":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
        for (body, expected) in [
            ("", "it is not JSON: EOF while parsing a value at line 1 column 0"),
            ("<html>", "it is not JSON: expected value at line 1 column 1"),
            (r#"{"active":true}}"#, "it is not JSON: trailing characters at line 1 column 16"),
            (&deep, "it is not JSON: recursion limit exceeded at line 1 column 146"),
            (
                r#"{"active":false,"active":true}"#,
                r#"it is not JSON: member "active" stands twice at line 1 column 30"#,
            ),
            (r#"[{"active":true}]"#, "it is not a JSON object"),
            ("true", "it is not a JSON object"),
            ("null", "it is not a JSON object"),
            ("{}", "`active` is missing"),
            (r#"{"Active":true}"#, "`active` is missing"),
            (r#"{"active":"true"}"#, "`active` is not true or false"),
            (r#"{"active":1}"#, "`active` is not true or false"),
            (r#"{"active":null}"#, "`active` is not true or false"),
            (r#"{"active":[true]}"#, "`active` is not true or false"),
            (r#"{"active":true,"exp":"10"}"#, "`exp` is not a time in seconds"),
            (r#"{"active":true,"nbf":true}"#, "`nbf` is not a time in seconds"),
            (r#"{"active":true,"iss":1}"#, "`iss` is not a string"),
            (r#"{"active":true,"aud":1}"#, "`aud` is not a string or a list of strings"),
            (r#"{"active":true,"aud":["a",1]}"#, "`aud` is not a string or a list of strings"),
        ] {
            let told = read(body.as_bytes()).map_err(|malformed| malformed.to_string());
            assert_eq!(told, Err(expected.to_owned()), "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_active_without_the_word_true(body in "[ -~]{0,60}") {
            if matches!(read(body.as_bytes()), Ok(Told::Active(_))) {
                prop_assert!(body.contains("true"), "{body}");
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&body);
        }
    }
}

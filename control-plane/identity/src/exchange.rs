//! The question for a token (RFC 8693, section 2.1).

use serde::Deserialize;

/// About whom a token is wanted, and for whom.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Exchange {
    pub(crate) subject: Principal,
    pub(crate) audience: String,
}

/// A caller, as a gateway has recognised it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Principal {
    pub(crate) method: String,
    pub(crate) subject: String,
    #[serde(default)]
    pub(crate) tenant: Option<String>,
    #[serde(default)]
    pub(crate) tier: Option<String>,
    pub(crate) scopes: Vec<String>,
    #[serde(default)]
    pub(crate) groups: Vec<String>,
}

/// Why a form is no such question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum InvalidExchange {
    /// This is missing, or stands twice (RFC 6749, section 3.2).
    Parameter(&'static str),
    /// Something else is wanted.
    GrantType,
    /// It names nobody.
    Subject,
    /// No tokens are made for backends of this name (RFC 8693, section 2.2.2).
    Target,
}

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const SUBJECT_TYPE: &str = "urn:tollgate:token-type:principal";

// === impl Exchange ===

impl Exchange {
    pub(crate) fn read(form: &[u8]) -> Result<Self, InvalidExchange> {
        if only(form, "grant_type")? != GRANT_TYPE {
            return Err(InvalidExchange::GrantType);
        }
        if only(form, "subject_token_type")? != SUBJECT_TYPE {
            return Err(InvalidExchange::Subject);
        }
        let subject = serde_json::from_str(&only(form, "subject_token")?).ok();
        let subject = subject.filter(|subject: &Principal| !subject.subject.is_empty());
        let subject = subject.ok_or(InvalidExchange::Subject)?;
        Ok(Self { subject, audience: only(form, "audience")? })
    }
}

fn only(form: &[u8], name: &'static str) -> Result<String, InvalidExchange> {
    let mut values = form_urlencoded::parse(form).filter(|(found, _)| found == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Ok(value.into_owned()),
        _ => Err(InvalidExchange::Parameter(name)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(changes: &[(&str, Option<&str>)]) -> String {
        let mut pairs = vec![
            ("grant_type", Some(GRANT_TYPE)),
            ("subject_token_type", Some(SUBJECT_TYPE)),
            ("subject_token", Some(r#"{"method":"api_key","subject":"k1","scopes":[]}"#)),
            ("audience", Some("orders")),
        ];
        for (name, value) in changes {
            pairs.iter_mut().filter(|(found, _)| found == name).for_each(|pair| pair.1 = *value);
        }
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in pairs {
            form.extend_pairs(value.map(|value| (name, value)));
        }
        form.finish()
    }

    #[test]
    fn whoever_is_meant_is_read_and_everything_else_is_refused() {
        let read = |changes: &[_]| Exchange::read(form(changes).as_bytes());
        let Exchange { subject, audience } = read(&[]).unwrap();
        assert_eq!((subject.subject.as_str(), audience.as_str()), ("k1", "orders"));
        for (name, value, expected) in [
            ("grant_type", None, InvalidExchange::Parameter("grant_type")),
            ("grant_type", Some("client_credentials"), InvalidExchange::GrantType),
            ("subject_token_type", Some("x"), InvalidExchange::Subject),
            ("subject_token", None, InvalidExchange::Parameter("subject_token")),
            ("subject_token", Some("{}"), InvalidExchange::Subject),
            (
                "subject_token",
                Some(r#"{"method":"m","subject":"","scopes":[]}"#),
                InvalidExchange::Subject,
            ),
            (
                "subject_token",
                Some(r#"{"method":"m","subject":"s","scopes":[],"admin":true}"#),
                InvalidExchange::Subject,
            ),
            ("audience", None, InvalidExchange::Parameter("audience")),
        ] {
            assert_eq!(read(&[(name, value)]), Err(expected), "{name} {value:?}");
        }
        let twice = format!("{}&audience=invoices", form(&[]));
        let expected = Err(InvalidExchange::Parameter("audience"));
        assert_eq!(Exchange::read(twice.as_bytes()), expected);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(form in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Exchange::read(&form);
        }

        #[test]
        fn any_subject_is_read_or_refused(subject in r#"[\[\]{}",:a-z]{0,60}"#) {
            let _ = Exchange::read(form(&[("subject_token", Some(&subject))]).as_bytes());
        }
    }
}

use std::time::Duration;

use tollgate_core::Answer;

use crate::ask::Unanswered;
use crate::ask::said::members;

/// A token that was made for a backend (RFC 8693, section 2.2.1).
pub(crate) struct Minted {
    pub(crate) token: String,
    /// For how long it holds from now on.
    pub(crate) lifetime: Duration,
}

/// Longer ones do not fit into a head with others.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// So that no clock overflows.
const LIFETIME_MAX: Duration = Duration::from_hours(24);

// === impl Minted ===

impl Minted {
    /// Reads an answer strictly: what is not certain is no answer.
    pub(crate) fn read(answer: &Answer) -> Result<Self, Unanswered> {
        let said = members(answer)?;
        let token = said.get("access_token").and_then(serde_json::Value::as_str);
        let token = token.filter(|token| is_token(token)).ok_or(Unanswered::Unreadable)?;
        let seconds = said.get("expires_in").and_then(serde_json::Value::as_u64);
        let lifetime = Duration::from_secs(seconds.ok_or(Unanswered::Unreadable)?);
        Ok(Self { token: token.to_owned(), lifetime: lifetime.min(LIFETIME_MAX) })
    }
}

/// Three parts in base64url (RFC 7515, section 7.1).
fn is_token(token: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    let mut parts = token.split('.');
    token.len() <= TOKEN_BYTES_MAX
        && parts.clone().count() == 3
        && parts.all(|part| !part.is_empty() && part.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> Option<(String, u64)> {
        let headers = [(":status", "200")].into_iter().collect();
        let minted = Minted::read(&Answer { headers, body: body.as_bytes().to_vec() });
        minted.ok().map(|Minted { token, lifetime }| (token, lifetime.as_secs()))
    }

    #[test]
    fn a_token_is_read_with_its_lifetime() {
        for (body, expected) in [
            (r#"{"access_token":"a.b.c","expires_in":300}"#, Some(300)),
            (r#"{"access_token":"a.b.c","expires_in":300,"token_type":"N_A"}"#, Some(300)),
            (r#"{"access_token":"a.b.c","expires_in":18446744073709551615}"#, Some(86_400)),
            (r#"{"access_token":"a.b.c","expires_in":0}"#, Some(0)),
            (r#"{"access_token":"a.b.c","expires_in":-1}"#, None),
            (r#"{"access_token":"a.b.c"}"#, None),
            (r#"{"access_token":"a.b","expires_in":300}"#, None),
            (r#"{"access_token":"a..c","expires_in":300}"#, None),
            (r#"{"access_token":"a.b.c\r\nx: y","expires_in":300}"#, None),
            (r#"{"access_token":7,"expires_in":300}"#, None),
            (r#"{"access_token":"a.b.c","access_token":"a.b.d","expires_in":300}"#, None),
            (r#"{"expires_in":300}"#, None),
            ("", None),
        ] {
            let expected = expected.map(|seconds| ("a.b.c".to_owned(), seconds));
            assert_eq!(read(body), expected, "{body}");
        }
    }

    #[test]
    fn a_token_fits_into_a_head() {
        let of = |bytes: usize| format!("a.{}.c", "b".repeat(bytes - 4));
        let read = |bytes| read(&format!(r#"{{"access_token":"{}","expires_in":1}}"#, of(bytes)));
        assert!(read(TOKEN_BYTES_MAX).is_some());
        assert!(read(TOKEN_BYTES_MAX + 1).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(body in r#"[\{\}",:a-c._0-9 expires_in access_token]{0,80}"#) {
            let _ = read(&body);
        }
    }
}

use std::time::Duration;

use serde_json::{Map, Value};
use tollgate_core::{Answer, Headers};

use crate::ask::Unanswered;
use crate::claims::Claims;
use crate::json;

/// What an answer says about a credential (RFC 7662, section 2.2).
pub(crate) enum Said {
    Active {
        claims: Claims,
        /// How long the answer may be believed, if it says so.
        max_age: Option<Duration>,
    },
    Inactive {
        max_age: Option<Duration>,
    },
}

/// No provider has more to say of a token.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

// === impl Said ===

impl Said {
    /// Reads an answer strictly: what is not certain is no answer.
    pub(crate) fn read(answer: &Answer) -> Result<Self, Unanswered> {
        let members = members(answer)?;
        let max_age = max_age(&answer.headers);
        match members.get("active") {
            Some(Value::Bool(true)) => Ok(Self::Active { claims: Claims(members), max_age }),
            Some(Value::Bool(false)) => Ok(Self::Inactive { max_age }),
            _ => Err(Unanswered::Unreadable),
        }
    }
}

/// The members of the object that an answer is.
pub(super) fn members(answer: &Answer) -> Result<Map<String, Value>, Unanswered> {
    match answer.status() {
        200 if ANSWER_BYTES_MAX < answer.body.len() => Err(Unanswered::Unreadable),
        200 => json::object(&answer.body).ok_or(Unanswered::Unreadable),
        0 => Err(Unanswered::Broken),
        // Of us, not of the credential (RFC 7662, section 2.3).
        401 | 403 => Err(Unanswered::Unwelcome),
        status => Err(Unanswered::Status { status, wait: wait(status, &answer.headers) }),
    }
}

/// How long we are asked to wait, in seconds (RFC 9110, section 10.2.3). Dates
/// are as good as nothing: our clock may not be theirs.
fn wait(status: u16, headers: &Headers) -> u64 {
    if matches!(status, 429 | 503) { seconds(headers.get("retry-after")).unwrap_or(0) } else { 0 }
}

/// RFC 9111, section 5.2.2.1. Only this: what may be stored is for caches that
/// do not know what they store, and how long an answer is believed is configured.
fn max_age(headers: &Headers) -> Option<Duration> {
    let value = str::from_utf8(headers.get("cache-control")?).ok()?;
    let ages = value.split(',').filter_map(|directive| {
        let (name, age) = directive.trim().split_once('=')?;
        name.eq_ignore_ascii_case("max-age").then(|| seconds(Some(age.as_bytes())).unwrap_or(0))
    });
    ages.min().map(Duration::from_secs)
}

/// Digits, and nothing but.
fn seconds(value: Option<&[u8]>) -> Option<u64> {
    let digits = value?.trim_ascii();
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
        Answer { headers: headers.iter().copied().collect(), body: body.into() }
    }

    fn read(headers: &[(&str, &str)], body: &str) -> String {
        match Said::read(&answer(headers, body)) {
            Ok(Said::Active { max_age, .. }) => format!("active {max_age:?}"),
            Ok(Said::Inactive { .. }) => "inactive".to_owned(),
            Err(unanswered) => format!("{unanswered:?}"),
        }
    }

    #[test]
    fn only_true_is_true() {
        let deep = format!(r#"{{"active":true,"x":{}0{}}}"#, "[".repeat(70), "]".repeat(70));
        for (body, expected) in [
            (r#"{"active":true}"#, "active None"),
            (r#" {"sub":"a","active":true} "#, "active None"),
            (r#"{"active":false}"#, "inactive"),
            (r#"{"active":false,"sub":"a"}"#, "inactive"),
            (r#"{"active":"true"}"#, "Unreadable"),
            (r#"{"active":1}"#, "Unreadable"),
            (r#"{"active":null}"#, "Unreadable"),
            (r#"{"Active":true}"#, "Unreadable"),
            (r#"{"active":true,"active":false}"#, "Unreadable"),
            (r#"{"active":true,"active":true}"#, "Unreadable"),
            (r#"{"active":true,"sub":"a","sub":"b"}"#, "Unreadable"),
            (r#"{"active":true}{}"#, "Unreadable"),
            (r#"[{"active":true}]"#, "Unreadable"),
            (r#"{"active":true"#, "Unreadable"),
            ("{}", "Unreadable"),
            ("true", "Unreadable"),
            ("", "Unreadable"),
            ("<html>active: true</html>", "Unreadable"),
            (&deep, "Unreadable"),
        ] {
            assert_eq!(read(&[(":status", "200")], body), expected, "{body}");
        }
    }

    #[test]
    fn longer_answers_are_none() {
        const ACTIVE: &str = r#"{"active":true}"#;
        let active = |bytes: usize| " ".repeat(bytes.saturating_sub(ACTIVE.len())) + ACTIVE;
        assert_eq!(read(&[(":status", "200")], &active(ANSWER_BYTES_MAX)), "active None");
        assert_eq!(read(&[(":status", "200")], &active(ANSWER_BYTES_MAX + 1)), "Unreadable");
    }

    #[test]
    fn only_200_is_an_answer() {
        for (status, expected) in [
            ("0", "Broken"),
            ("", "Broken"),
            ("201", "Status { status: 201, wait: 0 }"),
            ("204", "Status { status: 204, wait: 0 }"),
            ("302", "Status { status: 302, wait: 0 }"),
            ("401", "Unwelcome"),
            ("403", "Unwelcome"),
            ("404", "Status { status: 404, wait: 0 }"),
            ("429", "Status { status: 429, wait: 7 }"),
            ("500", "Status { status: 500, wait: 0 }"),
            ("503", "Status { status: 503, wait: 7 }"),
        ] {
            let headers = [(":status", status), ("retry-after", "7")];
            assert_eq!(read(&headers, r#"{"active":true}"#), expected, "{status}");
        }
        assert_eq!(read(&[], r#"{"active":true}"#), "Broken");
        for (retry_after, wait) in
            [("x", 0), ("-1", 0), ("+1", 0), ("", 0), ("Tue, 24 Nov 2026 10:01:30 GMT", 0)]
        {
            let headers = [(":status", "429"), ("retry-after", retry_after)];
            let expected = format!("Status {{ status: 429, wait: {wait} }}");
            assert_eq!(read(&headers, ""), expected, "{retry_after}");
        }
    }

    #[test]
    fn an_age_is_read_among_other_directives() {
        for (value, expected) in [
            ("max-age=5", "active Some(5s)"),
            ("no-store, MAX-AGE=7", "active Some(7s)"),
            ("max-age=9,max-age=3", "active Some(3s)"),
            ("s-maxage=9", "active None"),
            ("no-store", "active None"),
            ("max-age", "active None"),
            ("max-age=-1", "active Some(0ns)"),
            ("max-age=\"5\"", "active Some(0ns)"),
        ] {
            let headers = [(":status", "200"), ("cache-control", value)];
            assert_eq!(read(&headers, r#"{"active":true}"#), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(body: Vec<u8>, age in ".*", status in "200|429|[0-9]{0,4}") {
            let headers =
                [(":status", &*status), ("cache-control", &*age), ("retry-after", &*age)];
            let _ = Said::read(&answer(&headers, body));
        }

        /// Whatever else stands in an answer.
        #[test]
        fn nothing_but_true_is_active(active in r#"(true|false|null|1|"true"|\[true\]|\{\})"#) {
            let body = format!(r#"{{"sub":"a","active":{active}}}"#);
            let said = Said::read(&answer(&[(":status", "200")], body));
            prop_assert_eq!(matches!(said, Ok(Said::Active { .. })), active == "true");
        }
    }
}

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{Response, StatusCode};
use http_body_util::Full;

use crate::Answer;
use crate::exchange::InvalidExchange;
use crate::mint::Minted;
use crate::question::InvalidQuestion;

/// What callers are sent.
pub(crate) type Reply = Response<Full<Bytes>>;

/// Why a request is not even asked about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// The caller does not know the secret. Nothing else is said.
    Unauthorized,
    /// There is nothing under this path.
    NotFound,
    /// Tokens stand in bodies, never in addresses.
    Method,
    /// Not a form.
    MediaType,
    /// No token is this long.
    TooLarge,
    /// The body did not come, or not to its end.
    Body,
    /// The form makes no sense.
    Question(InvalidQuestion),
    /// Nor does the one that asks for a token.
    Exchange(InvalidExchange),
    /// The system gives no random bytes.
    NoRandomBytes,
}

/// Says it as RFC 7662, section 2.2 does. How long it may be remembered stands
/// in `cache-control`, in whole seconds: less is sometimes lost, never gained.
pub(crate) fn answer(answer: Answer, now: Instant) -> Reply {
    match answer {
        Answer::Active { claims, expires_at } => told(claims, expires_at, now),
        Answer::Inactive { expires_at } => {
            told(Bytes::from_static(br#"{"active":false}"#), expires_at, now)
        }
        Answer::Unavailable { retry_after } => unavailable(retry_after),
    }
}

fn told(body: Bytes, expires_at: Instant, now: Instant) -> Reply {
    let seconds = expires_at.saturating_duration_since(now).as_secs();
    let mut reply = json(StatusCode::OK, body);
    let directives = HeaderValue::try_from(format!("private, max-age={seconds}"));
    set(&mut reply, CACHE_CONTROL, directives.unwrap_or(HeaderValue::from_static("no-store")));
    reply
}

/// Who is told to wait waits long enough, so a fraction is a whole second.
fn unavailable(retry_after: Duration) -> Reply {
    let seconds = retry_after.as_secs().saturating_add(u64::from(retry_after.subsec_nanos() != 0));
    let body = Bytes::from_static(br#"{"error":"temporarily_unavailable"}"#);
    let mut reply = json(StatusCode::SERVICE_UNAVAILABLE, body);
    set(&mut reply, RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    reply
}

/// Errors look as those of OAuth do (RFC 6749, section 5.2).
pub(crate) fn refusal(refusal: Refusal) -> Reply {
    let (status, error, description) = match refusal {
        Refusal::Unauthorized => (401, "invalid_client", "the bearer secret is missing or wrong"),
        Refusal::NotFound => {
            (404, "invalid_request", "no such source; POST /introspect/NAME or /token")
        }
        Refusal::Method => (405, "invalid_request", "the method is not POST"),
        Refusal::MediaType => {
            (415, "invalid_request", "the body is not application/x-www-form-urlencoded")
        }
        Refusal::TooLarge => (413, "invalid_request", "the body is larger than 65536 bytes"),
        Refusal::Body => (400, "invalid_request", "the body is not complete"),
        Refusal::Question(InvalidQuestion::NoToken) => (400, "invalid_request", "token is missing"),
        Refusal::Question(InvalidQuestion::Twice) => {
            (400, "invalid_request", "token stands more than once")
        }
        Refusal::Exchange(InvalidExchange::Parameter(name)) => {
            return json(StatusCode::BAD_REQUEST, not_once(name).into());
        }
        Refusal::Exchange(InvalidExchange::GrantType) => {
            (400, "unsupported_grant_type", "the grant type is not token exchange")
        }
        Refusal::Exchange(InvalidExchange::Subject) => {
            (400, "invalid_request", "the subject token is no principal")
        }
        Refusal::Exchange(InvalidExchange::Target) => {
            (400, "invalid_target", "no tokens are made for this audience")
        }
        Refusal::NoRandomBytes => (503, "temporarily_unavailable", "there are no random bytes"),
    };
    let body = format!(r#"{{"error":"{error}","error_description":"{description}"}}"#);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut reply = json(status, body.into());
    match refusal {
        Refusal::Unauthorized => {
            set(&mut reply, WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Refusal::Method => set(&mut reply, ALLOW, HeaderValue::from_static("POST")),
        _ => {}
    }
    reply
}

fn not_once(name: &str) -> String {
    format!(r#"{{"error":"invalid_request","error_description":"{name} is not there once"}}"#)
}

/// Hands a token out (RFC 8693, section 2.2.1). It is for the backend, not for
/// whoever asked.
pub(crate) fn minted(Minted { token, ttl }: &Minted) -> Reply {
    let body = serde_json::json!({
        "access_token": token,
        "issued_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_type": "N_A",
        "expires_in": ttl.as_secs(),
    });
    json(StatusCode::OK, body.to_string().into())
}

/// The public keys. A backend learns of a new one within a minute.
pub(crate) fn key_set(keys: Bytes) -> Reply {
    let mut reply = json(StatusCode::OK, keys);
    set(&mut reply, CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    set(&mut reply, CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    reply
}

/// Where there is nothing to be read.
pub(crate) fn nothing_here() -> Reply {
    json(StatusCode::NOT_FOUND, Bytes::from_static(br#"{"error":"not_found"}"#))
}

/// Where something can be read, and nothing else done.
pub(crate) fn only_to_be_read() -> Reply {
    let body = Bytes::from_static(br#"{"error":"method_not_allowed"}"#);
    let mut reply = json(StatusCode::METHOD_NOT_ALLOWED, body);
    set(&mut reply, ALLOW, HeaderValue::from_static("GET, HEAD"));
    reply
}

fn json(status: StatusCode, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    set(&mut reply, CONTENT_TYPE, HeaderValue::from_static("application/json"));
    set(&mut reply, CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

fn set(reply: &mut Reply, name: HeaderName, value: HeaderValue) {
    reply.headers_mut().insert(name, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_to_wait_is_told_whole_seconds_that_are_enough() {
        for (millis, expected) in [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2"), (300_000, "300")]
        {
            let wait = Duration::from_millis(millis);
            let reply = answer(Answer::Unavailable { retry_after: wait }, crate::testing::start());
            assert_eq!(reply.headers()[RETRY_AFTER], expected, "{wait:?}");
        }
    }

    #[test]
    fn whoever_may_remember_is_told_whole_seconds_that_are_not_too_many() {
        let now = crate::testing::start();
        for (millis, expected) in [(0, "0"), (999, "0"), (1_000, "1"), (29_999, "29")] {
            let expires_at = crate::clock::after(now, Duration::from_millis(millis));
            let reply = answer(Answer::Inactive { expires_at }, now);
            let expected = format!("private, max-age={expected}");
            assert_eq!(reply.headers()[CACHE_CONTROL], expected, "{millis} ms");
        }
    }
}

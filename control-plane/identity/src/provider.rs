use std::error::Error;
use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use form_urlencoded::Serializer;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap,
    HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use tokio::time::timeout;

use crate::Secret;
use crate::connector::Connector;
use crate::introspection::{self, Malformed, Told};
use crate::spec::CLAIMS_BYTES_MAX;

/// Asks an identity provider.
pub(crate) struct Provider {
    client: Client<Connector, Full<Bytes>>,
    url: Uri,
    authorization: HeaderValue,
}

/// An answer, and what it says.
pub(crate) struct Spoken {
    pub(crate) body: Bytes,
    pub(crate) told: Told,
}

/// Why a provider gave no answer. Then nothing is known about the token.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum ProviderFailed {
    #[error("{0}")]
    Unreachable(String),
    #[error("no answer came in {} ms", .0.as_millis())]
    TooLate(Duration),
    #[error("the answer is {0}, a redirect, which is not followed; write the url it leads to")]
    Redirect(u16),
    #[error("the answer is {0}: the provider does not accept our client_id and client_secret")]
    Unauthorized(u16),
    #[error("the answer is 429: the provider wants no calls for {} s", .0.as_secs())]
    Limited(Duration),
    #[error("the answer is {0}, not 200")]
    Status(u16),
    #[error("the answer is larger than {CLAIMS_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the answer's content-type is {0:?}, not application/json")]
    ContentType(String),
    #[error("the answer is compressed, which nobody asked for")]
    Compressed,
    #[error("the answer is none: {0}")]
    Malformed(#[from] Malformed),
}

#[cfg(test)]
mod tests;

/// A pause whose length is not told, and the shortest one.
const PAUSE_MIN: Duration = Duration::from_secs(1);

// === impl Provider ===

impl Provider {
    pub(crate) fn new(connector: Connector, url: Uri, client_id: &str, secret: &Secret) -> Self {
        let client = crate::connector::client(connector);
        Self { client, url, authorization: basic(client_id, secret) }
    }

    /// Asks about one token, and waits no longer than this.
    pub(crate) async fn ask(
        &self,
        token: &str,
        within: Duration,
    ) -> Result<Spoken, ProviderFailed> {
        let asked = timeout(within, self.exchange(token)).await;
        asked.map_err(|_| ProviderFailed::TooLate(within))?
    }

    async fn exchange(&self, token: &str) -> Result<Spoken, ProviderFailed> {
        let response = self.client.request(self.request(token)).await;
        let response = response.map_err(|error| ProviderFailed::Unreachable(reason(&error)))?;
        let (head, body) = response.into_parts();
        check(head.status.as_u16(), &head.headers)?;
        let body = whole(body).await?;
        let told = introspection::read(&body)?;
        Ok(Spoken { body, told })
    }

    /// RFC 7662, section 2.1.
    fn request(&self, token: &str) -> Request<Full<Bytes>> {
        let form = Serializer::new(String::new())
            .append_pair("token", token)
            .append_pair("token_type_hint", "access_token")
            .finish();
        let mut request = Request::new(Full::new(Bytes::from(form)));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.url.clone();
        let headers = request.headers_mut();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, HeaderValue::from_static("tollgate"));
        headers.insert(AUTHORIZATION, self.authorization.clone());
        request
    }
}

/// RFC 6749, section 2.3.1: both are form-encoded before they are put together,
/// so that a colon in the name is no end of it.
fn basic(client_id: &str, secret: &Secret) -> HeaderValue {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(client_id), encoded(secret.expose()));
    let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)));
    // Base64 is always fit for a header.
    let mut value = value.unwrap_or(HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    value
}

fn check(status: u16, headers: &HeaderMap) -> Result<(), ProviderFailed> {
    match status {
        200 => {}
        300..=399 => return Err(ProviderFailed::Redirect(status)),
        401 | 403 => return Err(ProviderFailed::Unauthorized(status)),
        429 => return Err(ProviderFailed::Limited(pause(headers))),
        _ => return Err(ProviderFailed::Status(status)),
    }
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(ProviderFailed::Compressed);
    }
    let kind = text(headers, &CONTENT_TYPE);
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(ProviderFailed::ContentType(essence.chars().take(64).collect()));
    }
    Ok(())
}

/// Seconds or a date (RFC 9110, section 10.2.3). The date is by the provider's
/// clock, so it is compared with what that clock showed.
fn pause(headers: &HeaderMap) -> Duration {
    let value = text(headers, &RETRY_AFTER).trim();
    let until = || {
        let [until, now] = [value, text(headers, &DATE).trim()].map(httpdate::parse_http_date);
        until.ok()?.duration_since(now.ok()?).ok()
    };
    let pause = value.parse().ok().map(Duration::from_secs).or_else(until);
    pause.unwrap_or_default().max(PAUSE_MIN)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn whole(body: Incoming) -> Result<Bytes, ProviderFailed> {
    let body = Limited::new(body, CLAIMS_BYTES_MAX).collect().await;
    match body {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ProviderFailed::TooLarge),
        Err(error) => Err(ProviderFailed::Unreachable(reason(error.as_ref()))),
    }
}

/// In the words of whoever knows best: the innermost error.
fn reason(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    // Its number says nothing to anyone.
    let text = match innermost.downcast_ref::<io::Error>() {
        Some(io) => io.to_string().split(" (os error").next().unwrap_or_default().to_lowercase(),
        None => innermost.to_string(),
    };
    crate::report::one_line(&text)
}

// === impl ProviderFailed ===

impl ProviderFailed {
    /// Whether the provider lives nevertheless, and only this question was
    /// wrong: nobody may keep others out by asking what it does not like.
    pub(crate) fn is_about_the_token(&self) -> bool {
        matches!(self, Self::Status(400 | 413 | 414 | 422))
    }
}

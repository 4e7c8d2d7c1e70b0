use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use http::{Method, Request};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::exchange::{Exchange, InvalidExchange};
use crate::reply::{self, Refusal, Reply};
use crate::{Front, Secret, question};

/// Speaks for a [`Front`]: `POST /introspect/NAME` asks the source of that name
/// about a token (RFC 7662), and `POST /token` has one made for a backend
/// (RFC 8693). Callers prove themselves by a bearer secret.
#[derive(Clone)]
pub struct IntrospectionService {
    fronts: watch::Receiver<Arc<Front>>,
    /// A hash, so that how long a comparison takes tells nothing.
    secret: [u8; 32],
}

/// Why a service was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidService {
    #[error("secret: {0} bytes are too few; use at least 16 random ones")]
    Secret(usize),
    #[error("secret: cannot stand in a header; use visible ASCII characters")]
    Characters,
}

/// Where tokens for backends are asked for.
const TOKEN_PATH: &str = "/token";

/// Below it a secret can be tried out.
const SECRET_BYTES_MIN: usize = 16;

/// The longest token, with every byte of it escaped, and then some.
const BODY_BYTES_MAX: usize = 64 << 10;

/// A body comes with its head or right after it.
const BODY_WITHIN: Duration = Duration::from_secs(5);

// === impl IntrospectionService ===

impl IntrospectionService {
    /// Answers callers that know the secret.
    pub fn new(front: Arc<Front>, secret: &Secret) -> Result<Self, InvalidService> {
        // The last value stays although nobody can send another.
        Self::following(watch::channel(front).1, secret)
    }

    /// Likewise, with the newest front for each question. Answers that are under
    /// way are those of the front that was asked.
    pub fn following(
        fronts: watch::Receiver<Arc<Front>>,
        secret: &Secret,
    ) -> Result<Self, InvalidService> {
        let bytes = secret.expose().as_bytes();
        if bytes.len() < SECRET_BYTES_MIN {
            return Err(InvalidService::Secret(bytes.len()));
        }
        if !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(InvalidService::Characters);
        }
        Ok(Self { fronts, secret: Sha256::digest(bytes).into() })
    }

    /// Answers one request.
    pub async fn reply<B>(&self, request: Request<B>) -> Reply
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let front = self.fronts.borrow().clone();
        self.judge(request, &front).await.unwrap_or_else(reply::refusal)
    }

    async fn judge<B>(&self, request: Request<B>, front: &Front) -> Result<Reply, Refusal>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let (head, body) = request.into_parts();
        if !self.is_known(&head.headers) {
            return Err(Refusal::Unauthorized);
        }
        let source = match head.uri.path() {
            TOKEN_PATH => None,
            path => Some(path.strip_prefix("/introspect/").ok_or(Refusal::NotFound)?),
        };
        if head.method != Method::POST {
            return Err(Refusal::Method);
        }
        if !is_form(&head.headers) {
            return Err(Refusal::MediaType);
        }
        let form = whole(body).await?;
        match source {
            Some(source) => introspect(source, &form, front).await,
            None => mint(&form, front),
        }
    }

    /// RFC 6750, section 2.1; the scheme is in any case (RFC 9110, section 11.1).
    fn is_known(&self, headers: &HeaderMap) -> bool {
        let mut lines = headers.get_all(AUTHORIZATION).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return false };
        let Some((scheme, secret)) = line.as_bytes().split_at_checked(7) else { return false };
        let hash: [u8; 32] = Sha256::digest(secret).into();
        scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(hash.ct_eq(&self.secret))
    }
}

async fn introspect(source: &str, form: &[u8], front: &Front) -> Result<Reply, Refusal> {
    let token = question::token(form).map_err(Refusal::Question)?;
    let answer = front.introspect(source, &token).await.ok_or(Refusal::NotFound)?;
    Ok(reply::answer(answer, front.clock().now()))
}

fn mint(form: &[u8], front: &Front) -> Result<Reply, Refusal> {
    let mint = front.mint().ok_or(Refusal::NotFound)?;
    let Exchange { subject, audience } = Exchange::read(form).map_err(Refusal::Exchange)?;
    if !mint.serves(&audience) {
        return Err(Refusal::Exchange(InvalidExchange::Target));
    }
    let mut name = [0; 16];
    getrandom::fill(&mut name).map_err(|_| Refusal::NoRandomBytes)?;
    Ok(reply::minted(&mint.mint(&subject, &audience, (front.clock().since_1970(), name))))
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

async fn whole<B>(body: B) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    match timeout(BODY_WITHIN, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge),
        Ok(Err(_)) | Err(_) => Err(Refusal::Body),
    }
}

impl hyper::service::Service<Request<Incoming>> for IntrospectionService {
    type Response = Reply;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { Ok(this.reply(request).await) })
    }
}

impl fmt::Debug for IntrospectionService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionService").finish_non_exhaustive()
    }
}

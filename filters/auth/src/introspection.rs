use std::rc::Rc;
use std::time::Duration;

use tollgate_core::{ClaimPath, Principal, Timestamp};

use crate::ask::{Endpoint, InvalidEndpoint};
use crate::claims::{Claims, Validity};
use crate::name::is_method_name;
use crate::tenants::{API_KEY, Tenants};
use crate::wanted::{InvalidClaims, Wanted};
use crate::{EndpointSpec, IntrospectionSpec, InvalidToken};

/// Who is asked about opaque tokens or API keys, and what its answers have to say.
pub(crate) struct Introspection {
    /// `introspection.NAME` or `api_key`, as routes and logs call it.
    pub(crate) method: Rc<str>,
    pub(crate) endpoint: Endpoint,
    claims: Wanted,
    ttl: Duration,
    issuer: Option<String>,
    audiences: Vec<String>,
}

/// Why a source of what opaque tokens say was refused. The texts go on from its
/// path, `introspection.NAME`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidIntrospection {
    #[error(": is not a name for a provider; use letters, digits, `-` and `_`")]
    Name,
    #[error(".{0}")]
    Endpoint(#[from] InvalidEndpoint),
    #[error(".claims.{0}")]
    Claims(#[from] InvalidClaims),
    #[error(
        ".ttl_seconds: {0} is more than {TTL_SECONDS_MAX}; a token that is revoked would work that \
         much longer"
    )]
    Ttl(u32),
    #[error(".issuer: is empty; give the exact value of `iss`, or leave it out")]
    EmptyIssuer,
    #[error(".audiences[{index}]: is empty; give the exact value of `aud`")]
    EmptyAudience { index: usize },
}

const TTL_SECONDS_MAX: u32 = 300;

/// How long an API key is believed in, if its answer does not say.
const KEY_TTL: Duration = Duration::from_secs(30);

/// Those who waited for an answer are judged right after it, however short it
/// may be believed.
const AT_ONCE: Duration = Duration::from_millis(250);

/// How far the provider's clock may be behind.
const SKEW: Duration = Duration::from_secs(30);

/// What an answer about a credential comes to.
pub(crate) enum Found {
    /// It is this caller's, for as long as it says.
    Caller(Principal, Validity),
    Refused(InvalidToken),
    /// The answer is none.
    Unreadable,
}

// === impl Introspection ===

impl Introspection {
    pub(crate) fn compile(
        name: &str,
        spec: IntrospectionSpec,
    ) -> Result<Self, InvalidIntrospection> {
        let IntrospectionSpec { claims, ttl_seconds, issuer, audiences, .. } = &spec;
        if !is_method_name(name) {
            return Err(InvalidIntrospection::Name);
        }
        if TTL_SECONDS_MAX < *ttl_seconds {
            return Err(InvalidIntrospection::Ttl(*ttl_seconds));
        }
        if issuer.as_ref().is_some_and(String::is_empty) {
            return Err(InvalidIntrospection::EmptyIssuer);
        }
        if let Some(index) = audiences.iter().position(String::is_empty) {
            return Err(InvalidIntrospection::EmptyAudience { index });
        }
        Ok(Self {
            method: format!("introspection.{name}").into(),
            claims: Wanted::compile(claims.clone())?.or_client(),
            ttl: Duration::from_secs((*ttl_seconds).into()),
            issuer: issuer.clone(),
            audiences: audiences.clone(),
            endpoint: Endpoint::compile(endpoint(spec))?,
        })
    }

    /// Who is asked about API keys, in the terms of our own store.
    pub(crate) fn of_api_keys(spec: EndpointSpec) -> Result<Self, InvalidEndpoint> {
        Ok(Self {
            method: API_KEY.into(),
            claims: Wanted::of_api_keys(),
            ttl: KEY_TTL,
            issuer: None,
            audiences: Vec::new(),
            endpoint: Endpoint::compile(spec)?,
        })
    }

    /// Whose credential it is, if that can be told from what an answer says.
    /// `spread` is any number, as for [`believed`].
    pub(crate) fn read(
        &self,
        claims: &Claims,
        max_age: Option<Duration>,
        tenants: &Tenants,
        (now, spread): (Timestamp, u64),
    ) -> Found {
        let (Ok(expiry), Ok(from)) = (claims.moment("exp"), claims.moment("nbf")) else {
            return Found::Unreadable;
        };
        match self.principal(claims, tenants) {
            _ if expiry.is_some_and(|expiry| expiry <= now) => {
                Found::Refused(InvalidToken::Expired)
            }
            _ if from.is_some_and(|from| now.plus(SKEW) < from) => {
                Found::Refused(InvalidToken::NotYet)
            }
            Err(fault) => Found::Refused(fault),
            Ok(principal) => {
                let ttl = max_age.map_or(self.ttl, |age| age.min(self.ttl));
                Found::Caller(principal, believed(ttl, expiry, (now, spread)))
            }
        }
    }

    fn principal(&self, claims: &Claims, tenants: &Tenants) -> Result<Principal, InvalidToken> {
        // Only a bearer token may come without further proof (RFC 7662, section 2.2).
        let kind = claims.0.get("token_type");
        if kind.is_some_and(|kind| !kind.as_str().is_some_and(is_bearer)) {
            return Err(InvalidToken::Type);
        }
        if self.issuer.as_ref().is_some_and(|issuer| claims.issuer() != Some(issuer)) {
            return Err(InvalidToken::Issuer);
        }
        if !self.audiences.is_empty() && !claims.is_meant_for(&self.audiences) {
            return Err(InvalidToken::Audience);
        }
        self.claims.principal(&self.method, claims, tenants)
    }

    /// Whether a claim is kept.
    pub(crate) fn keeps(&self, claim: &ClaimPath) -> bool {
        self.claims.keeps(claim)
    }
}

fn is_bearer(kind: &str) -> bool {
    kind.eq_ignore_ascii_case("bearer")
}

/// For how long an answer is believed that may be for `ttl`, about something
/// that ends by itself at `expiry`. `spread` is any number: as it is, that is up
/// to a tenth shorter, so that not all are asked about again at once.
pub(crate) fn believed(
    ttl: Duration,
    expiry: Option<Timestamp>,
    (now, spread): (Timestamp, u64),
) -> Validity {
    let until = now.plus(shortened(ttl, spread).max(AT_ONCE));
    Validity::new(now, expiry.map_or(until, |expiry| expiry.min(until)))
}

/// By nothing up to a tenth.
fn shortened(ttl: Duration, spread: u64) -> Duration {
    let thousandths = u32::try_from(spread.wrapping_rem(101)).unwrap_or(0);
    let part = ttl.checked_div(1000).unwrap_or_default();
    ttl.saturating_sub(part.saturating_mul(thousandths))
}

fn endpoint(spec: IntrospectionSpec) -> EndpointSpec {
    let IntrospectionSpec { cluster, path, authority, authorization, timeout_milliseconds, .. } =
        spec;
    EndpointSpec { cluster, path, authority, authorization, timeout_milliseconds }
}

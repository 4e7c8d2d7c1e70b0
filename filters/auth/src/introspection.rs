use std::rc::Rc;
use std::time::Duration;

use crate::ask::{Endpoint, InvalidEndpoint};
use crate::claim_path::ClaimPath;
use crate::name::is_method_name;
use crate::wanted::{InvalidClaims, Wanted};
use crate::{EndpointSpec, IntrospectionSpec};

/// Who is asked about opaque tokens, and what its answers have to say.
pub(crate) struct Introspection {
    /// `introspection.NAME`, as routes and logs call it.
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

    /// Whether a claim is kept.
    pub(crate) fn keeps(&self, claim: &ClaimPath) -> bool {
        self.claims.keeps(claim)
    }
}

fn endpoint(spec: IntrospectionSpec) -> EndpointSpec {
    let IntrospectionSpec { cluster, path, authority, authorization, timeout_milliseconds, .. } =
        spec;
    EndpointSpec { cluster, path, authority, authorization, timeout_milliseconds }
}

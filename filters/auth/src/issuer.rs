use std::rc::Rc;
use std::time::Duration;

use tollgate_core::{ClaimPath, Principal, Timestamp};

use crate::ask::{Endpoint, InvalidEndpoint};
use crate::claims::Validity;
use crate::jwks::{InvalidKeySet, KeySet};
use crate::name::is_method_name;
use crate::tenants::Tenants;
use crate::token::{Token, media_type};
use crate::wanted::{InvalidClaims, Wanted};
use crate::{Algorithm, EndpointSpec, InvalidToken, IssuerSpec};

/// An issuer of tokens, and what its tokens have to say.
pub(crate) struct Issuer {
    /// `jwt.NAME`, as routes and logs call it.
    pub(crate) method: Rc<str>,
    /// What stands in `iss`.
    pub(crate) iss: String,
    audiences: Vec<String>,
    /// As [`media_type`] writes them. Empty: the usual ones, or none.
    types: Vec<String>,
    claims: Wanted,
    skew: Duration,
    keys: Keys,
}

/// Where the keys of an issuer are.
enum Keys {
    /// None while they could not be fetched.
    Here(Option<KeySet>),
    At(Published),
}

/// The place where an issuer publishes its keys, and which of them are for us.
#[derive(Clone)]
pub(crate) struct Published {
    pub(crate) endpoint: Endpoint,
    pub(crate) algorithms: Vec<Algorithm>,
}

/// Why an issuer was refused. The texts go on from its path, `jwt.NAME`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidIssuer {
    #[error(": is not a name for an issuer; use letters, digits, `-` and `_`")]
    Name,
    #[error(".issuer: is empty; give the exact value of the `iss` claim")]
    NoIssuer,
    #[error(
        ".audiences: is empty; name at least one, or tokens for any other service would be accepted"
    )]
    NoAudience,
    #[error(".audiences[{index}]: is empty; give the exact value of the `aud` claim")]
    EmptyAudience { index: usize },
    #[error(
        ".algorithms: {secret} uses a shared secret and {public} a public key; give each kind an \
         issuer of its own"
    )]
    MixedAlgorithms { secret: Algorithm, public: Algorithm },
    #[error(".types[{index}]: {kind:?} is not the type of a token; write one such as at+jwt")]
    Type { index: usize, kind: String },
    #[error(".claims.{0}")]
    Claims(#[from] InvalidClaims),
    #[error(".clock_skew_seconds: {seconds} is more than {SKEW_SECONDS_MAX}; set the clocks right")]
    ClockSkew { seconds: u32 },
    #[error(".{0}")]
    Keys(InvalidKeySet),
    #[error(".jwks_endpoint: stands beside `jwks`; keep one of them")]
    TwoPlaces,
    #[error(".jwks_endpoint.{0}")]
    Endpoint(InvalidEndpoint),
    #[error(
        ".algorithms: {0} uses a shared secret, and whoever could fetch it could sign; give it in \
         `jwks`"
    )]
    PublishedSecret(Algorithm),
}

/// More would keep tokens alive that their issuer has ended.
const SKEW_SECONDS_MAX: u32 = 60;

// === impl Issuer ===

impl Issuer {
    pub(crate) fn compile(name: &str, spec: IssuerSpec) -> Result<Self, InvalidIssuer> {
        let IssuerSpec {
            issuer,
            audiences,
            jwks,
            jwks_endpoint,
            algorithms,
            types,
            claims,
            clock_skew_seconds,
        } = spec;
        if !is_method_name(name) {
            return Err(InvalidIssuer::Name);
        }
        if issuer.is_empty() {
            return Err(InvalidIssuer::NoIssuer);
        }
        check_audiences(&audiences)?;
        check_algorithms(&algorithms)?;
        if SKEW_SECONDS_MAX < clock_skew_seconds {
            return Err(InvalidIssuer::ClockSkew { seconds: clock_skew_seconds });
        }
        let keys = match (jwks, jwks_endpoint) {
            (Some(_), Some(_)) => return Err(InvalidIssuer::TwoPlaces),
            (None, Some(endpoint)) => Keys::At(Published::compile(endpoint, algorithms)?),
            (jwks, None) => {
                let keys = jwks.map(|jwks| KeySet::compile(&jwks, &algorithms)).transpose();
                Keys::Here(keys.map_err(InvalidIssuer::Keys)?)
            }
        };
        Ok(Self {
            method: format!("jwt.{name}").into(),
            iss: issuer,
            audiences,
            types: compile_types(types)?,
            claims: Wanted::compile(claims)?,
            skew: Duration::from_secs(clock_skew_seconds.into()),
            keys,
        })
    }

    /// Whom the token names and until when, if it is genuine: everything is
    /// checked here that costs less than its signature.
    pub(crate) fn read(
        &self,
        token: &Token<'_>,
        tenants: &Tenants,
        now: Timestamp,
    ) -> Result<(Principal, Validity), InvalidToken> {
        if !self.accepts_type(token.kind.as_deref()) {
            return Err(InvalidToken::Type);
        }
        if token.claims.are_of_id_token() {
            return Err(InvalidToken::IdToken);
        }
        if !token.claims.is_meant_for(&self.audiences) {
            return Err(InvalidToken::Audience);
        }
        let validity = token.claims.validity(self.skew)?;
        validity.check(now)?;
        let principal = self.claims.principal(&self.method, &token.claims, tenants)?;
        Ok((principal, validity))
    }

    /// A token made for something else (`dpop+jwt`, `logout+jwt`) must not pass
    /// for an access token (RFC 8725, section 3.11).
    fn accepts_type(&self, kind: Option<&str>) -> bool {
        if self.types.is_empty() {
            return kind.is_none_or(|kind| matches!(kind, "jwt" | "at+jwt"));
        }
        kind.is_some_and(|kind| self.types.iter().any(|accepted| accepted == kind))
    }

    /// Whether a claim is kept.
    pub(crate) fn keeps(&self, claim: &ClaimPath) -> bool {
        self.claims.keeps(claim)
    }

    /// The keys that are written down, if they are.
    pub(crate) fn keys(&self) -> Option<&KeySet> {
        match &self.keys {
            Keys::Here(keys) => keys.as_ref(),
            Keys::At(_) => None,
        }
    }

    /// Where its keys are fetched, if they are.
    pub(crate) fn published(&self) -> Option<&Published> {
        match &self.keys {
            Keys::Here(_) => None,
            Keys::At(published) => Some(published),
        }
    }
}

// === impl Published ===

impl Published {
    fn compile(endpoint: EndpointSpec, algorithms: Vec<Algorithm>) -> Result<Self, InvalidIssuer> {
        if let Some(secret) = algorithms.iter().find(|one| one.is_symmetric()) {
            return Err(InvalidIssuer::PublishedSecret(*secret));
        }
        let endpoint = Endpoint::compile(endpoint).map_err(InvalidIssuer::Endpoint)?;
        Ok(Self { endpoint, algorithms })
    }
}

fn check_audiences(audiences: &[String]) -> Result<(), InvalidIssuer> {
    if audiences.is_empty() {
        return Err(InvalidIssuer::NoAudience);
    }
    match audiences.iter().position(String::is_empty) {
        Some(index) => Err(InvalidIssuer::EmptyAudience { index }),
        None => Ok(()),
    }
}

fn compile_types(types: Vec<String>) -> Result<Vec<String>, InvalidIssuer> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+/".contains(&b);
    match types.iter().position(|kind| kind.is_empty() || !kind.bytes().all(is_plain)) {
        None => Ok(types.iter().map(|kind| media_type(kind)).collect()),
        Some(index) => {
            let kind = types.into_iter().nth(index).unwrap_or_default();
            Err(InvalidIssuer::Type { index, kind })
        }
    }
}

fn check_algorithms(algorithms: &[Algorithm]) -> Result<(), InvalidIssuer> {
    let first = |symmetric| algorithms.iter().find(|one| one.is_symmetric() == symmetric);
    match (first(true), first(false)) {
        (Some(&secret), Some(&public)) => Err(InvalidIssuer::MixedAlgorithms { secret, public }),
        _ => Ok(()),
    }
}

//! Who is calling, and may they.
//!
//! A caller is recognised by a JSON Web Token, by an opaque token, by an API key,
//! by the signature of its request or by the verified certificate of its
//! connection. Which of them an operation accepts, and which scopes it asks for,
//! is its [`Access`]; an [`Authenticator`] holds the issuers, the keys and the
//! tenants, asks providers about the rest, and remembers what it has found out.
//!
//! Whatever cannot be decided is refused: a token of an issuer without keys, or
//! of a provider that does not answer, is answered 503, never admitted.

mod access;
mod algorithm;
mod allow;
mod api_key;
mod ask;
mod authenticator;
mod backend_token;
mod cache;
mod carrier;
mod challenge;
mod claims;
mod condition;
mod denials;
mod facts;
mod fetched;
mod filter;
mod formula;
mod identity;
mod introspection;
mod issuer;
mod json;
mod jwk;
mod jwks;
mod kept;
mod key_filter;
mod methods;
mod mtls;
mod name;
mod pool;
pub mod problem;
mod signature;
mod signatures;
mod spec;
mod tenants;
mod token;
mod wanted;

pub use crate::access::{Access, InvalidAccess};
pub use crate::allow::InvalidAllow;
pub use crate::api_key::{API_KEY_REGEX, ApiKey};
pub use crate::ask::InvalidEndpoint;
pub use crate::authenticator::{Authenticator, Caller, Stop};
pub use crate::carrier::InvalidApiKeySource;

pub use crate::condition::InvalidCondition;
pub use crate::facts::Facts;
pub use crate::filter::{AuthFilter, AuthFilterSpec, InvalidAuthFilter, PRINCIPAL};
pub use crate::formula::{Formula, InvalidFormula};
pub use crate::identity::InvalidIdentity;
pub use crate::introspection::InvalidIntrospection;
pub use crate::issuer::InvalidIssuer;
pub use crate::jwk::InvalidKey;
pub use crate::jwks::InvalidKeySet;
pub use crate::key_filter::{InvalidKeyFilter, KeyFilter, KeyFingerprint, UnbuildableKeyFilter};
pub use crate::mtls::{CertificateNameSpec, InvalidMtls, InvalidPattern, Match, MtlsSpec, Pattern};
pub use crate::name::{is_id, is_scope};
pub use crate::signatures::{
    InvalidSigning, InvalidSigningKey, SchemeSpec, SigningKeySpec, SigningKeysSpec,
};
pub use crate::spec::{
    AcceptedSpec, AccessSpec, Algorithm, AllowSpec, AnonymousSpec, ApiKeyPlacesSpec,
    ApiKeySourceSpec, ApiKeySpec, AuthSpec, BackendTokenSpec, ClaimsSpec, EndpointSpec,
    IdentitySpec, IntrospectionSpec, IssuerSpec, KeySpec, ScalarSpec, ScopesSpec, Secret,
    TenantSpec, TokenHeaderSpec,
};
pub use crate::tenants::InvalidTenant;
pub use crate::token::InvalidToken;
pub use crate::wanted::InvalidClaims;
pub use tollgate_core::InvalidClaimPath;
pub use tollgate_sync::{SyncSpec, WhenStale};

/// Takes a token apart, for the fuzzer.
#[doc(hidden)]
pub fn fuzz_token(bytes: &[u8]) {
    let _ = token::Token::parse(bytes);
}

/// Reads what an endpoint answers that publishes keys, for the fuzzer; whether
/// there are any for us.
#[doc(hidden)]
pub fn fuzz_keys(answer: &tollgate_core::Answer) -> bool {
    fetched::fuzz(answer)
}

/// Reads an answer about a credential, for the fuzzer; whether it is active.
#[doc(hidden)]
pub fn fuzz_answer(answer: &tollgate_core::Answer) -> bool {
    ask::fuzz(answer)
}

use std::collections::BTreeMap;
use std::rc::Rc;

use tollgate_core::{Principal, Seed};
use tollgate_signatures::SignatureSpec;

use crate::ask::{Endpoint, InvalidEndpoint, Whom};
use crate::backend_token::BackendTokens;
use crate::carrier::{Carriers, InvalidApiKeySource};
use crate::condition::Language;
use crate::introspection::{Introspection, InvalidIntrospection};
use crate::issuer::{InvalidIssuer, Issuer};
use crate::mtls::{InvalidMtls, Mtls};
use crate::name::{AN_ID, is_id};
use crate::signatures::{InvalidSigning, Signatures};
use crate::tenants::{InvalidTenant, Tenants};
use crate::{AnonymousSpec, IdentitySpec, IntrospectionSpec, IssuerSpec};

/// Whom the gateway can recognise.
pub(crate) struct Identity {
    pub(crate) carriers: Carriers,
    /// In the order of their names.
    pub(crate) issuers: Vec<Issuer>,
    /// In the order of their names.
    pub(crate) introspection: Vec<Introspection>,
    pub(crate) mtls: Option<Mtls>,
    /// None if requests are not signed.
    pub(crate) signatures: Option<Signatures>,
    pub(crate) tenants: Tenants,
    /// Who is asked about API keys that no tenant has.
    pub(crate) lookup: Option<Introspection>,
    /// How backends are told by a token who is calling.
    pub(crate) backend_tokens: Option<BackendTokens>,
    /// Whoever shows nothing, where that is enough.
    pub(crate) anonymous: Rc<Principal>,
    /// What the conditions of operations are written in.
    pub(crate) language: Language,
}

/// Why an identity configuration was refused. The texts begin with the path
/// below `identity`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidIdentity {
    /// An issuer of tokens.
    #[error("jwt.{name}{source}")]
    Issuer {
        /// The issuer's name.
        name: String,
        /// What is wrong with it.
        source: InvalidIssuer,
    },

    /// A provider that is asked about opaque tokens.
    #[error("introspection.{name}{source}")]
    Introspection {
        /// The provider's name.
        name: String,
        /// What is wrong with it.
        source: InvalidIntrospection,
    },

    /// A place where API keys stand.
    #[error(transparent)]
    ApiKeySource(#[from] InvalidApiKeySource),

    /// What certificates say.
    #[error(transparent)]
    Mtls(#[from] InvalidMtls),
    /// Who is asked about API keys.
    #[error("api_key.lookup.{0}")]
    Lookup(InvalidEndpoint),
    /// Who makes tokens for backends.
    #[error("backend_token.mint.{0}")]
    Mint(InvalidEndpoint),
    /// How and with what requests are signed.
    #[error(transparent)]
    Signing(#[from] InvalidSigning),

    /// A tenant.
    #[error(transparent)]
    Tenant(#[from] InvalidTenant),

    /// The tier of whoever shows nothing.
    #[error("anonymous.tier: {0:?} is not an id; {AN_ID}")]
    AnonymousTier(String),
}

// === impl Identity ===

impl Identity {
    pub(crate) fn compile(spec: IdentitySpec, seed: Seed) -> Result<Self, InvalidIdentity> {
        let IdentitySpec {
            jwt,
            introspection,
            api_key,
            mtls,
            hmac,
            sigv4,
            http_signature,
            signing_keys,
            tenants,
            anonymous,
            backend_token,
            sync: _,
        } = spec;
        let AnonymousSpec { tier } = anonymous;
        let signing = SignatureSpec { hmac, sigv4, http_signature };
        if let Some(tier) = tier.as_ref().filter(|tier| !is_id(tier)) {
            return Err(InvalidIdentity::AnonymousTier(tier.clone()));
        }
        let tenants = Tenants::compile(tenants)?;
        let signatures = Signatures::compile(signing, signing_keys, &tenants, seed)?;
        let lookup = api_key.as_ref().and_then(|keys| keys.lookup.clone());
        Ok(Self {
            carriers: Carriers::compile(!(jwt.is_empty() && introspection.is_empty()), api_key)?,
            issuers: issuers(jwt)?,
            introspection: providers(introspection)?,
            lookup: lookup
                .map(Introspection::of_api_keys)
                .transpose()
                .map_err(InvalidIdentity::Lookup)?,
            mtls: mtls.map(Mtls::compile).transpose()?,
            signatures,
            tenants,
            backend_tokens: backend_token
                .map(BackendTokens::compile)
                .transpose()
                .map_err(InvalidIdentity::Mint)?,
            anonymous: Principal::anonymous(tier.map(Rc::from)).into(),
            language: Language::default(),
        })
    }

    /// Who is asked about a caller, and how what it says is read.
    pub(crate) fn asked(&self, whom: Whom) -> Option<&Introspection> {
        match whom {
            Whom::Provider(place) => self.introspection.get(place),
            Whom::Lookup => self.lookup.as_ref(),
            Whom::SigningKeys | Whom::Mint => None,
        }
    }

    /// Where questions go.
    pub(crate) fn endpoint(&self, whom: Whom) -> Option<&Endpoint> {
        match whom {
            Whom::SigningKeys => self.signatures.as_ref()?.lookup.as_ref(),
            Whom::Mint => self.backend_tokens.as_ref()?.mint.as_ref(),
            whom => self.asked(whom).map(|asked| &asked.endpoint),
        }
    }
}

fn issuers(specs: BTreeMap<String, IssuerSpec>) -> Result<Vec<Issuer>, InvalidIdentity> {
    let compile = |(name, spec): (String, _)| {
        Issuer::compile(&name, spec).map_err(|source| InvalidIdentity::Issuer { name, source })
    };
    specs.into_iter().map(compile).collect()
}

fn providers(
    specs: BTreeMap<String, IntrospectionSpec>,
) -> Result<Vec<Introspection>, InvalidIdentity> {
    let compile = |(name, spec): (String, _)| {
        let compiled = Introspection::compile(&name, spec);
        compiled.map_err(|source| InvalidIdentity::Introspection { name, source })
    };
    specs.into_iter().map(compile).collect()
}

use std::rc::Rc;

use tollgate_core::Principal;

use crate::carrier::{Carriers, InvalidApiKeySource};
use crate::condition::Language;
use crate::issuer::{InvalidIssuer, Issuer};
use crate::name::{AN_ID, is_id};
use crate::tenants::{InvalidTenant, Tenants};
use crate::{AnonymousSpec, IdentitySpec};

/// Whom the gateway can recognise.
pub(crate) struct Identity {
    pub(crate) carriers: Carriers,
    /// In the order of their names.
    pub(crate) issuers: Vec<Issuer>,
    pub(crate) tenants: Tenants,
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

    /// A place where API keys stand.
    #[error(transparent)]
    ApiKeySource(#[from] InvalidApiKeySource),

    /// A tenant.
    #[error(transparent)]
    Tenant(#[from] InvalidTenant),

    /// The tier of whoever shows nothing.
    #[error("anonymous.tier: {0:?} is not an id; {AN_ID}")]
    AnonymousTier(String),
}

// === impl Identity ===

impl Identity {
    pub(crate) fn compile(spec: IdentitySpec) -> Result<Self, InvalidIdentity> {
        let IdentitySpec { jwt, api_key, tenants, anonymous, sync: _ } = spec;
        let AnonymousSpec { tier } = anonymous;
        if let Some(tier) = tier.as_ref().filter(|tier| !is_id(tier)) {
            return Err(InvalidIdentity::AnonymousTier(tier.clone()));
        }
        let carriers = Carriers::compile(!jwt.is_empty(), api_key)?;
        let mut issuers = Vec::new();
        for (name, spec) in jwt {
            match Issuer::compile(&name, spec) {
                Ok(issuer) => issuers.push(issuer),
                Err(source) => return Err(InvalidIdentity::Issuer { name, source }),
            }
        }
        let anonymous = Principal::anonymous(tier.map(Rc::from)).into();
        let (tenants, language) = (Tenants::compile(tenants)?, Language::default());
        Ok(Self { carriers, issuers, tenants, anonymous, language })
    }
}

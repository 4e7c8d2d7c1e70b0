use crate::IdentitySpec;
use crate::carrier::{Carriers, InvalidApiKeySource};
use crate::issuer::{InvalidIssuer, Issuer};
use crate::tenants::{InvalidTenant, Tenants};

/// Whom the gateway can recognise.
pub(crate) struct Identity {
    pub(crate) carriers: Carriers,
    /// In the order of their names.
    pub(crate) issuers: Vec<Issuer>,
    pub(crate) tenants: Tenants,
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
}

// === impl Identity ===

impl Identity {
    pub(crate) fn compile(spec: IdentitySpec) -> Result<Self, InvalidIdentity> {
        let IdentitySpec { jwt, api_key, tenants } = spec;
        let carriers = Carriers::compile(!jwt.is_empty(), api_key)?;
        let mut issuers = Vec::new();
        for (name, spec) in jwt {
            match Issuer::compile(&name, spec) {
                Ok(issuer) => issuers.push(issuer),
                Err(source) => return Err(InvalidIdentity::Issuer { name, source }),
            }
        }
        Ok(Self { carriers, issuers, tenants: Tenants::compile(tenants)? })
    }
}

use serde::Deserialize;
use serde_json::Value;
use tollgate_core::Timestamp;
use tollgate_signatures::KeyAlgorithm;

use crate::claims::Claims;
use crate::tenants::Tenants;
use crate::{SchemeSpec, SigningKeySpec};

/// What whoever keeps signing keys says of one that is active. There may be more.
#[derive(Deserialize)]
pub(crate) struct Told {
    /// The key's id.
    sub: String,
    scheme: SchemeSpec,
    tenant: String,
    tier: Option<String>,
    /// Divided by blanks.
    scope: String,
    algorithm: KeyAlgorithm,
    secret: Option<String>,
    public_key: Option<String>,
    /// In seconds.
    exp: Option<u64>,
}

// === impl Told ===

impl Told {
    /// None if it is not said as it has to be.
    pub(crate) fn read(claims: &Claims) -> Option<Self> {
        serde_json::from_value(Value::Object(claims.0.clone())).ok()
    }

    pub(crate) fn id(&self) -> &str {
        &self.sub
    }

    /// When it ends by itself.
    pub(crate) fn expiry(&self) -> Option<Timestamp> {
        self.exp.map(Timestamp::from_seconds)
    }

    /// How many bytes it was told in.
    pub(crate) fn bytes(&self) -> usize {
        let Self { sub, tenant, tier, scope, secret, public_key, .. } = self;
        let texts = [Some(sub), Some(tenant), tier.as_ref(), Some(scope)];
        let texts = texts.into_iter().chain([secret.as_ref(), public_key.as_ref()]);
        texts.flatten().map(String::len).sum()
    }

    /// As if it were written down. The tier that is written down decides, as it
    /// does for API keys.
    pub(crate) fn into_spec(self, tenants: &Tenants) -> (String, SigningKeySpec) {
        let Self { sub, scheme, tenant, tier, scope, algorithm, secret, public_key, exp: _ } = self;
        let tier = tenants.tier(&tenant).map(|tier| tier.as_ref().to_owned()).or(tier);
        let scopes = scope.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned);
        let scopes = scopes.collect();
        (sub, SigningKeySpec { scheme, tenant, tier, scopes, algorithm, secret, public_key })
    }
}

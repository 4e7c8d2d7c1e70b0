use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tollgate_identity::{Front, InvalidSource, Mint, MintSpec, Secret, SourceSpec};
use tollgate_model::{BackendToken, Gateway, Introspection};
use tollgate_xds::{Deployment, IdentityFront, SyncAt};

use crate::load::Fault;

/// Makes the front that a configuration asks for out of the one before it.
pub(crate) struct Fronts {
    newest: watch::Sender<Arc<Front>>,
    /// What gateways are told of it.
    deployed: IdentityFront,
    /// Where they learn who has been revoked, if there is a store.
    sync: Option<SyncAt>,
    /// Where limits are dealt among them.
    limits: Option<SyncAt>,
}

// === impl Fronts ===

impl Fronts {
    pub(crate) fn new(
        newest: watch::Sender<Arc<Front>>,
        deployed: IdentityFront,
        at: SyncAt,
        has_store: bool,
    ) -> Self {
        Self { newest, deployed, sync: has_store.then_some(at), limits: Some(at) }
    }

    /// What gateways are told of the machine, with the path of their module.
    pub(crate) fn deployment(&self, module: String) -> Deployment {
        let Self { sync, limits, .. } = *self;
        Deployment { module, identity: Some(self.deployed.clone()), sync, limits }
    }

    /// Whether anybody can be revoked.
    pub(crate) fn has_store(&self) -> bool {
        self.sync.is_some()
    }

    /// The next front. Nobody asks it before it [replaces](Self::replace) the newest.
    pub(crate) fn next(&self, gateway: &Gateway) -> Result<Front, Vec<Fault>> {
        let newest = self.newest.borrow().clone();
        let mint = gateway.backend_token.as_ref().map(mint).transpose().map_err(|one| vec![one])?;
        let next = newest.followed_by(specs(gateway));
        let next = next.map_err(|faults| -> Vec<Fault> {
            faults.into_iter().map(|fault| placed(fault, gateway)).collect()
        })?;
        Ok(next.minting(mint))
    }

    pub(crate) fn replace(&self, front: Front) {
        self.newest.send_replace(Arc::new(front));
    }
}

fn specs(gateway: &Gateway) -> BTreeMap<String, SourceSpec> {
    gateway.introspection.iter().map(|(name, one)| (name.clone(), spec(one))).collect()
}

fn spec(source: &Introspection) -> SourceSpec {
    let Introspection { url, client_id, client_secret, ttl, negative_ttl, timeout, .. } = source;
    let secret = client_secret.as_ref().map_or("", |secret| secret.expose());
    SourceSpec {
        ttl: *ttl,
        negative_ttl: *negative_ttl,
        timeout: *timeout,
        issuer: source.issuer.clone(),
        audiences: source.audiences.clone(),
        ca: source.ca.clone(),
        ..SourceSpec::new(url, client_id, Secret::new(secret))
    }
}

fn mint(token: &BackendToken) -> Result<Mint, Fault> {
    let BackendToken { issuer, ttl, audiences, keys, .. } = token;
    Mint::compile(MintSpec {
        issuer: issuer.clone(),
        audiences: audiences.clone(),
        ttl: *ttl,
        keys: keys.iter().map(|key| Secret::new(key.expose())).collect(),
    })
    .map_err(Fault::BackendToken)
}

/// Says where the provider was written. Its faults begin with its name.
fn placed(fault: InvalidSource, gateway: &Gateway) -> Fault {
    let text = fault.to_string();
    let name = text.split(['.', ':']).next().unwrap_or_default();
    let place = gateway.places.get(&format!("identity.introspection.{name}"));
    let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
    Fault::Source { place, fault }
}

#[cfg(test)]
impl Fronts {
    /// Of nobody.
    pub(crate) fn empty() -> Self {
        let spec = tollgate_identity::FrontSpec::new([].into());
        let clock = Arc::new(tollgate_identity::SystemClock);
        let front = Front::compile(spec, None, clock).unwrap();
        let deployed = IdentityFront {
            address: ([127, 0, 0, 1], 18_002).into(),
            authorization: tollgate_auth::Secret::default(),
            has_store: false,
        };
        Self::new(
            watch::channel(Arc::new(front)).0,
            deployed,
            SyncAt::Address(([127, 0, 0, 1], 18_000).into()),
            false,
        )
    }
}

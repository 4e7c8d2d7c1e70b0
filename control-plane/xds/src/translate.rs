use tollgate_model::Gateway;

use crate::{Deployment, Snapshot};

/// Says in Envoy's terms what a gateway should do.
pub fn translate(gateway: &Gateway, deployment: &Deployment) -> Snapshot {
    let _ = (gateway, deployment);
    Snapshot::default()
}

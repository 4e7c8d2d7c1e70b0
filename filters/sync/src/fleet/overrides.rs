use prost::Message as _;
use tollgate_core::{Host, Timestamp};

use crate::deal::{OVERRIDES_MAX, Override, Overrides};

/// What one tenant gets instead of what is configured.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Overriding {
    /// The tenant's id.
    pub tenant: String,
    /// Its tier, whatever its callers' credentials say.
    pub tier: Option<String>,
    /// How many times its limits are what is configured, in millionths.
    pub factor: Option<u32>,
    /// How many times instead, and until when.
    pub uplift: Option<(u32, Timestamp)>,
}

const KEY: &[u8] = b"tollgate.fleet.overrides";

pub(crate) fn load(host: &mut dyn Host) -> Option<Vec<Overriding>> {
    let bytes = host.load(KEY).ok()?.0?;
    let overrides = Overrides::decode(&*bytes).ok()?;
    Some(overrides.list.into_iter().take(OVERRIDES_MAX).map(Overriding::from).collect())
}

pub(crate) fn store(overrides: &Overrides, host: &mut dyn Host) -> Option<()> {
    let (_, version) = host.load(KEY).ok()?;
    host.store(KEY, &overrides.encode_to_vec(), version).ok()?.then_some(())
}

// === impl Overriding ===

impl From<Override> for Overriding {
    fn from(told: Override) -> Self {
        let Override { tenant, tier, factor, uplift, uplift_until } = told;
        let until = Timestamp::from_seconds(uplift_until);
        Self {
            tenant,
            tier: Some(tier).filter(|tier| !tier.is_empty()),
            factor: Some(factor).filter(|factor| *factor != 0),
            uplift: (uplift != 0).then_some((uplift, until)),
        }
    }
}

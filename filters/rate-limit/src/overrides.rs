use std::collections::BTreeMap;
use std::rc::Rc;

use tollgate_core::{Principal, Timestamp};
use tollgate_sync::Overriding;

use crate::gcra::Scale;

/// What single tenants get instead of what is configured, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Overrides {
    pub(crate) uplifts: Uplifts,
    factors: BTreeMap<Rc<str>, Scale>,
    tiers: BTreeMap<Rc<str>, String>,
}

/// Tenants whose rates are lifted for a while, by their ids.
pub type Uplifts = BTreeMap<Rc<str>, Uplift>;

/// How a tenant's rates are lifted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Uplift {
    /// What they are multiplied by.
    pub factor: Scale,
    /// Until when.
    pub until: Timestamp,
}

// === impl Overrides ===

impl Overrides {
    pub(crate) fn of(list: Vec<Overriding>) -> Self {
        let mut overrides = Self::default();
        for Overriding { tenant, tier, factor, uplift } in list {
            let tenant: Rc<str> = tenant.into();
            let uplift = uplift.map(|(factor, until)| Uplift { factor: Scale(factor), until });
            overrides.uplifts.extend(uplift.map(|uplift| (Rc::clone(&tenant), uplift)));
            overrides.factors.extend(factor.map(|factor| (Rc::clone(&tenant), Scale(factor))));
            overrides.tiers.extend(tier.map(|tier| (tenant, tier)));
        }
        overrides
    }

    /// What a caller's rates are multiplied by.
    pub(crate) fn factor(&self, caller: Option<&Principal>, now: Timestamp) -> Scale {
        // Nearly always there are none.
        if self.uplifts.is_empty() && self.factors.is_empty() {
            return Scale::ONE;
        }
        let Some(tenant) = caller.and_then(|caller| caller.tenant.as_ref()) else {
            return Scale::ONE;
        };
        let uplift = self.uplifts.get(tenant).filter(|uplift| now < uplift.until);
        let factor = uplift.map(|uplift| uplift.factor);
        factor.or_else(|| self.factors.get(tenant).copied()).unwrap_or(Scale::ONE)
    }

    /// The tier whose limits apply to a caller in place of its own.
    pub(crate) fn tier(&self, caller: Option<&Principal>) -> Option<&str> {
        let tenant = caller.and_then(|caller| caller.tenant.as_ref())?;
        self.tiers.get(tenant).map(String::as_str)
    }
}

use std::collections::BTreeMap;

use tollgate_core::{ClaimPath, Principal};

use crate::limit::{InvalidLimits, Limit, Limits};
use crate::spec::AllowancesSpec;

/// What tenants get as a whole, over all their routes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowances {
    tiers: BTreeMap<String, Limits>,
    tenants: BTreeMap<String, Limits>,
}

/// Why the allowances were refused. The text begins with the section.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAllowances {
    /// The limits of one tier.
    #[error("tiers.{tier}.limits{fault}")]
    Tier {
        /// The tier's name.
        tier: String,
        /// What is wrong.
        fault: InvalidLimits,
    },

    /// The limits of one tenant.
    #[error("tenants.{tenant}.limits{fault}")]
    Tenant {
        /// The tenant's id.
        tenant: String,
        /// What is wrong.
        fault: InvalidLimits,
    },

    /// No route is known here, and so nothing that an expression may ask for.
    #[error(
        "{section}.{name}.limits[{index}].cost.expression: is worked out on routes and APIs only; \
         write the limit there, or let a header tell the cost"
    )]
    Expression {
        /// `tiers` or `tenants`.
        section: &'static str,
        /// The name of the tier, or the id of the tenant.
        name: String,
        /// The place of the limit.
        index: usize,
    },
}

// === impl Allowances ===

impl Allowances {
    pub(crate) fn compile(spec: AllowancesSpec) -> Result<Self, InvalidAllowances> {
        let AllowancesSpec { tiers, tenants } = spec;
        let tiers = tiers.into_iter().map(|(tier, spec)| match Limits::of_tier(&tier, spec) {
            Ok(limits) => without_expressions("tiers", tier, limits),
            Err(fault) => Err(InvalidAllowances::Tier { tier, fault }),
        });
        let tiers = tiers.collect::<Result<_, _>>()?;
        let tenants =
            tenants.into_iter().map(|(tenant, spec)| match Limits::of_tenant(&tenant, spec) {
                Ok(limits) => without_expressions("tenants", tenant, limits),
                Err(fault) => Err(InvalidAllowances::Tenant { tenant, fault }),
            });
        Ok(Self { tiers, tenants: tenants.collect::<Result<_, _>>()? })
    }

    /// The claims that are counted by, each after its place.
    pub(crate) fn claims(&self) -> impl Iterator<Item = (String, &ClaimPath)> {
        let sections = [("tiers", &self.tiers), ("tenants", &self.tenants)];
        sections.into_iter().flat_map(|(section, all)| {
            all.iter().flat_map(move |(name, limits)| {
                let claims = limits.claims();
                claims.map(move |(place, claim)| (format!("{section}.{name}.limits{place}"), claim))
            })
        })
    }

    /// The limits of a caller as a whole: of its tier or of the one that an
    /// operator says instead, but for those in whose place its tenant has others,
    /// and of its tenant. A tier that is not configured has none, and does not
    /// take the place of one that has.
    pub(crate) fn of<'a>(
        &'a self,
        caller: Option<&Principal>,
        instead: Option<&str>,
    ) -> impl Iterator<Item = &'a Limit> + Clone + use<'a> {
        let its_own = || self.tiers.get(caller?.tier.as_deref()?);
        let tier = instead.and_then(|tier| self.tiers.get(tier)).or_else(its_own);
        let own = caller.and_then(|caller| self.tenants.get(caller.tenant.as_deref()?));
        let replaced = move |limit: &&Limit| {
            own.is_some_and(|own| own.all().any(|other| other.counts_as(limit)))
        };
        let tier = tier.into_iter().flat_map(Limits::all).filter(move |limit| !replaced(limit));
        tier.chain(own.into_iter().flat_map(Limits::all))
    }
}

fn without_expressions(
    section: &'static str,
    name: String,
    limits: Limits,
) -> Result<(String, Limits), InvalidAllowances> {
    let expression = limits.expressions().next().map(|(index, _)| index);
    match expression {
        Some(index) => Err(InvalidAllowances::Expression { section, name, index }),
        None => Ok((name, limits)),
    }
}

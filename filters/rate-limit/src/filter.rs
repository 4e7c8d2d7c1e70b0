use serde::{Deserialize, Serialize};
use tollgate_core::{
    Cx, Edits, Filter, Host, Principal, Reply, RequestHead, Seed, Verdict, property,
};

use crate::caller::Caller;
use crate::limit::{InvalidLimits, Limits};
use crate::limiter::{InvalidTiers, RateLimiter};
use crate::spec::{LimitSpec, TiersSpec};

/// The rate limiter as a module of its own. It reads who is calling from what
/// the auth module left, and counts everybody as anonymous without it.
#[derive(Clone, Debug)]
pub struct RateLimitFilter {
    limits: Limits,
    limiter: RateLimiter,
    by_route: bool,
}

/// The configuration of the module.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitFilterSpec {
    /// Limits on every request. A route is known by its name in Envoy.
    #[serde(default)]
    pub limits: Vec<LimitSpec>,

    /// Limits on each tenant, by the name of its tier.
    #[serde(default)]
    pub tiers: TiersSpec,
}

/// Why the configuration was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRateLimitFilter {
    /// The limits on every request.
    #[error("limits{0}")]
    Limits(InvalidLimits),

    /// The tiers.
    #[error("tiers.{0}")]
    Tiers(InvalidTiers),
}

// === impl RateLimitFilter ===

impl Filter for RateLimitFilter {
    const NAME: &'static str = "rate-limit";
    type Spec = RateLimitFilterSpec;
    type Error = InvalidRateLimitFilter;

    fn compile(spec: Self::Spec, seed: Seed) -> Result<Self, Self::Error> {
        let RateLimitFilterSpec { limits, tiers } = spec;
        let limits = Limits::compile(limits).map_err(InvalidRateLimitFilter::Limits)?;
        let limiter = RateLimiter::compile(tiers, seed).map_err(InvalidRateLimitFilter::Tiers)?;
        let by_route = limits.count_by_route();
        Ok(Self { limits, limiter, by_route })
    }

    fn prepare(&mut self, host: &mut dyn Host) {
        self.limiter.prepare(host);
    }

    fn on_request(&mut self, _: &RequestHead<'_>, cx: &mut Cx<'_>) -> Verdict {
        match self.check(cx) {
            Ok(edits) => Verdict::Continue(edits),
            Err(reply) => Verdict::Reply(reply),
        }
    }
}

impl RateLimitFilter {
    fn check(&mut self, cx: &mut Cx<'_>) -> Result<Edits, Reply> {
        let principal = Principal::of_stream(cx.host)?;
        let route = if self.by_route { cx.host.property(property::ROUTE_NAME) } else { None };
        let route = String::from_utf8_lossy(route.as_deref().unwrap_or_default());
        let caller = Caller { api: "", route: &route, principal: principal.as_ref() };
        let response = self.limiter.check(&self.limits, &caller, cx)?;
        Ok(Edits { request: Vec::new(), response })
    }
}

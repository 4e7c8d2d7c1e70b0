use std::time::Duration;

use serde::{Deserialize, Serialize};
use tollgate_core::{
    Cx, Edits, Filter, Headers, Host, Principal, Reply, RequestHead, Seed, Ticket, Verdict,
    property,
};

use crate::allowances::InvalidAllowances;
use crate::caller::Caller;
use crate::limit::{InvalidLimits, Limits};
use crate::limiter::{Admitted, Applied, RateLimiter};
use crate::spec::{AllowancesSpec, LimitSpec, TellingSpec, TiersSpec};

/// The rate limiter as a module of its own. It reads who is calling from what
/// the auth module left, and counts everybody as anonymous without it.
#[derive(Debug)]
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

    /// Limits on one tenant, by its id, in place of those of its tier.
    #[serde(default)]
    pub tenants: TiersSpec,

    /// What callers are told.
    #[serde(default)]
    pub telling: TellingSpec,
}

/// Why the configuration was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRateLimitFilter {
    /// The limits on every request.
    #[error("limits{0}")]
    Limits(InvalidLimits),

    /// The tiers and tenants.
    #[error(transparent)]
    Allowances(#[from] InvalidAllowances),

    /// Expressions are worked out by the whole gateway.
    #[error(
        "limits[{0}].cost.expression: this module works out no expressions; let a header tell the \
         cost, or use the gateway module"
    )]
    Expression(usize),
}

// === impl RateLimitFilter ===

impl Filter for RateLimitFilter {
    const NAME: &'static str = "rate-limit";
    type Spec = RateLimitFilterSpec;
    type Error = InvalidRateLimitFilter;

    fn compile(spec: Self::Spec, seed: Seed) -> Result<Self, Self::Error> {
        let RateLimitFilterSpec { limits, tiers, tenants, telling } = spec;
        let limits = Limits::compile(limits).map_err(InvalidRateLimitFilter::Limits)?;
        if let Some((index, _)) = limits.expressions().next() {
            return Err(InvalidRateLimitFilter::Expression(index));
        }
        let limiter = RateLimiter::compile(AllowancesSpec { tiers, tenants }, &telling, seed)?;
        let by_route = limits.count_by_route();
        Ok(Self { limits, limiter, by_route })
    }

    fn prepare(&mut self, host: &mut dyn Host) {
        self.limiter.prepare(host);
    }

    fn tick_period(&self) -> Option<Duration> {
        Some(RateLimiter::TICK_PERIOD)
    }

    fn on_tick(&mut self, cx: &mut Cx<'_>) {
        self.limiter.on_tick(cx);
    }

    fn on_request(&mut self, head: &RequestHead<'_>, cx: &mut Cx<'_>) -> Verdict {
        match self.check(*head, cx) {
            Ok(Admitted { response, ticket }) => {
                let hears_response = ticket.is_some();
                let request = Vec::new();
                Verdict::Continue(Edits { request, response, ticket, hears_response })
            }
            Err(reply) => Verdict::Reply(reply),
        }
    }

    fn on_response(&mut self, ticket: Ticket, headers: &Headers, cx: &mut Cx<'_>) {
        self.limiter.on_response(ticket, headers, cx);
    }

    fn on_end(&mut self, ticket: Ticket, cx: &mut Cx<'_>) {
        self.limiter.on_end(ticket, cx);
    }

    fn on_close(&mut self, cx: &mut Cx<'_>) {
        self.limiter.on_close(cx);
    }
}

impl RateLimitFilter {
    fn check(&mut self, head: RequestHead<'_>, cx: &mut Cx<'_>) -> Result<Admitted, Reply> {
        let principal = Principal::of_stream(cx.host)?;
        let route = if self.by_route { cx.host.property(property::ROUTE_NAME) } else { None };
        let route = String::from_utf8_lossy(route.as_deref().unwrap_or_default());
        let (principal, headers) = (principal.as_ref(), head.headers);
        let caller = Caller { api: "", route: &route, principal, headers };
        // Compiled without any expression.
        let applied = Applied { limits: &self.limits, worth: &|_| None };
        self.limiter.check(&[applied], &caller, cx)
    }
}

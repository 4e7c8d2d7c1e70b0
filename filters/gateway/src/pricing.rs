use tollgate_auth::{Access, Authenticator, Facts, Formula, InvalidFormula};
use tollgate_core::Principal;
use tollgate_rate_limit::Limits;

/// What requests cost by the expressions of some limits.
#[derive(Default)]
pub struct Pricing(Box<[(usize, Formula)]>);

/// Why limits ask for what cannot be had. The text continues the path of the
/// list: `[0].cost.expression: …`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidPricing {
    #[error("[{index}].cost.expression: {fault}")]
    Expression { index: usize, fault: InvalidFormula },
    #[error("{place}: {fault}")]
    Claim { place: String, fault: InvalidFormula },
}

// === impl Pricing ===

impl Pricing {
    /// Checks the expressions of limits, and the claims that they count by.
    pub fn compile(
        limits: &Limits,
        path_parameters: &[&str],
        access: &Access,
    ) -> Result<Self, InvalidPricing> {
        for (place, claim) in limits.claims() {
            access.keeps(claim).map_err(|fault| InvalidPricing::Claim { place, fault })?;
        }
        Self::of(limits, path_parameters, access)
    }

    /// Checks the expressions of limits that hold for several operations: they
    /// ask for the request alone. What callers lack by which such a limit counts,
    /// they share a count for; what all of them lack is a fault.
    pub(crate) fn of_requests(
        limits: &Limits,
        (whoever, authenticator): (&Access, &Authenticator),
    ) -> Result<Self, InvalidPricing> {
        for (place, claim) in limits.claims() {
            authenticator.keeps(claim).map_err(|fault| InvalidPricing::Claim { place, fault })?;
        }
        Self::of(limits, &[], whoever)
    }

    fn of(
        limits: &Limits,
        path_parameters: &[&str],
        access: &Access,
    ) -> Result<Self, InvalidPricing> {
        let formulas = limits.expressions().map(|(index, text)| {
            let formula = access.formula(text, path_parameters);
            let formula = formula.map_err(|fault| InvalidPricing::Expression { index, fault })?;
            Ok((index, formula))
        });
        formulas.collect::<Result<_, _>>().map(Self)
    }

    /// What a request costs by the expression of one limit.
    pub(crate) fn worth(
        &self,
        index: usize,
        caller: Option<&Principal>,
        facts: &Facts<'_>,
    ) -> Option<u64> {
        let found = self.0.iter().find(|(place, _)| *place == index);
        found.and_then(|(_, formula)| formula.value(caller, facts))
    }
}

use cel::common::types::CelInt;
use tollgate_core::{ClaimPath, Principal};

use crate::access::kept_by;
use crate::condition::{Expression, InvalidCondition, Kind, Language, Names};
use crate::identity::Identity;
use crate::{Access, Authenticator, Facts};

/// A number that is worked out for a caller and a request, in the language of
/// conditions.
pub struct Formula(Expression);

/// Why a formula was refused. The texts go on from the path of what holds it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidFormula {
    #[error(transparent)]
    Expression(#[from] InvalidCondition),
    #[error("gives {0} rather than a number; write one, or make one of text by int(text)")]
    NotANumber(Kind),
    #[error(
        "asks for the principal, and nobody is recognised with `auth: none`; name a method in \
         `auth`, or ask for the request alone"
    )]
    AboutNobody,
    #[error(
        "no issuer that the route accepts keeps the claim {claim:?}; add it to `claims.keep` of \
         {remedy}"
    )]
    NotKept { claim: String, remedy: String },
    #[error("no issuer keeps the claim {claim:?}; add it to `claims.keep` of {remedy}")]
    KeptByNobody { claim: String, remedy: String },
}

// === impl Formula ===

impl Formula {
    pub(crate) fn compile(
        text: &str,
        names: Names<'_>,
        language: &Language,
    ) -> Result<Self, InvalidFormula> {
        match Expression::compile(text, names, language)? {
            (expression, Kind::Number | Kind::Anything) => Ok(Self(expression)),
            (_, kind) => Err(InvalidFormula::NotANumber(kind)),
        }
    }

    /// Whether callers of an operation can have all that it asks for.
    pub fn suits(&self, access: &Access) -> Result<(), InvalidFormula> {
        if access.is_open() && self.0.is_about_somebody() {
            return Err(InvalidFormula::AboutNobody);
        }
        self.0.claims().try_for_each(|claim| access.keeps(claim))
    }

    /// The number; nothing if there is none from 0 on.
    pub fn value(&self, caller: Option<&Principal>, facts: &Facts<'_>) -> Option<u64> {
        let number = self.0.evaluate(caller, facts, |value| {
            value.downcast_ref::<CelInt>().map(|number| *number.inner())
        });
        u64::try_from(number.ok()?).ok()
    }
}

impl Access {
    /// Whether some issuer that is accepted keeps a claim.
    pub fn keeps(&self, claim: &ClaimPath) -> Result<(), InvalidFormula> {
        self.kept(claim).map_err(|remedy| {
            let claim = claim.to_string();
            InvalidFormula::NotKept { claim, remedy }
        })
    }
}

impl Authenticator {
    /// Whether any issuer keeps a claim, whichever route accepts it.
    pub fn keeps(&self, claim: &ClaimPath) -> Result<(), InvalidFormula> {
        let Identity { issuers, introspection, .. } = &**self.identity();
        kept_by(claim, issuers.iter(), introspection.iter()).map_err(|names| {
            let remedy = names.unwrap_or_else(|| "an issuer".to_owned());
            InvalidFormula::KeptByNobody { claim: claim.to_string(), remedy }
        })
    }
}

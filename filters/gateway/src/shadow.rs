use tollgate_auth::{Access, Stop};
use tollgate_core::{Host, Reply, property};
use tollgate_rate_limit::Admitted;

use crate::spec::StageSpec;

/// Which stages of an operation are judged and reported, and refuse nobody.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Shadow {
    auth: bool,
    allow: bool,
    limits: bool,
}

/// Why such stages were refused. The texts begin with the field's name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidShadow {
    #[error("shadow[{index}]: stands twice; remove one")]
    Twice { index: usize },
    #[error("shadow[{index}]: `auth: none` refuses nobody; remove it")]
    NoAuth { index: usize },
    #[error("shadow[{index}]: nothing is asked for in `allow`; remove it")]
    NoAllow { index: usize },
    #[error(
        "shadow: `allow` is about who is calling, so it cannot refuse while `auth` does not; add \
         allow"
    )]
    AllowAlone,
}

// === impl Shadow ===

impl Shadow {
    /// Checks the stages against what the operation asks of callers.
    pub fn compile(stages: &[StageSpec], access: &Access) -> Result<Self, InvalidShadow> {
        let mut shadow = Self::default();
        for (index, stage) in stages.iter().enumerate() {
            let (is_shadowed, refuses, nothing) = match stage {
                StageSpec::Auth => {
                    (&mut shadow.auth, !access.is_open(), InvalidShadow::NoAuth { index })
                }
                StageSpec::Allow => {
                    (&mut shadow.allow, !access.allows_all(), InvalidShadow::NoAllow { index })
                }
                // A tier may have some, whatever the route has.
                StageSpec::Limits => (&mut shadow.limits, true, InvalidShadow::Twice { index }),
            };
            if !refuses {
                return Err(nothing);
            }
            if std::mem::replace(is_shadowed, true) {
                return Err(InvalidShadow::Twice { index });
            }
        }
        if shadow.auth && !shadow.allow && !access.allows_all() {
            return Err(InvalidShadow::AllowAlone);
        }
        Ok(shadow)
    }

    /// What authentication found; nobody, and that without a refusal, where it
    /// is only reported. Who has to be waited for is waited for all the same.
    pub(crate) fn auth<T>(
        self,
        verdict: Result<T, Stop>,
        host: &mut dyn Host,
    ) -> Result<Option<T>, Stop> {
        match verdict {
            Err(Stop::Refused(reply)) if self.auth => {
                report(&reply, host);
                Ok(None)
            }
            verdict => verdict.map(Some),
        }
    }

    /// Whether the caller may go on.
    pub(crate) fn allow(
        self,
        verdict: Result<(), Reply>,
        host: &mut dyn Host,
    ) -> Result<(), Reply> {
        match verdict {
            Err(reply) if self.allow => {
                report(&reply, host);
                Ok(())
            }
            verdict => verdict,
        }
    }
}

impl Shadow {
    /// What becomes of a request after it was counted: where that is only
    /// reported, it passes, and its caller is told of no limit.
    pub(crate) fn limits(
        self,
        verdict: Result<Admitted, Reply>,
        host: &mut dyn Host,
    ) -> Result<Admitted, Reply> {
        match verdict {
            Err(reply) if self.limits => {
                report(&reply, host);
                Ok(Admitted::default())
            }
            Ok(admitted) if self.limits => Ok(Admitted { response: Vec::new(), ..admitted }),
            verdict => verdict,
        }
    }
}

/// For the access log: a request ends in one refusal, so there is one.
fn report(reply: &Reply, host: &mut dyn Host) {
    host.set_property(property::SHADOW, reply.details().as_bytes());
}

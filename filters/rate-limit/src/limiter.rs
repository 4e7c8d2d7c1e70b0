use std::collections::BTreeMap;

use tollgate_core::{Address, Cx, Edit, Host, Principal, Reply, Seed};

use crate::answer::{Fields, counters_unavailable, rate_limited, unknown};
use crate::caller::Caller;
use crate::count::{self, Count, NotTaken, Reading, Taken};
use crate::gcra::Decision;
use crate::limit::{InvalidLimits, Limit, Limits};
use crate::spec::{OnFailure, TiersSpec};

/// What the tenants of each tier get, and everybody's counts.
#[derive(Clone, Debug)]
pub struct RateLimiter {
    tiers: BTreeMap<String, Limits>,
    /// The same for all workers of an Envoy, since they share the counts.
    seed: Seed,
    fields: Fields,
}

/// Why the tiers were refused. The text begins with the tier's name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTiers {
    /// The limits of one of them.
    #[error("{tier}.limits{fault}")]
    Limits {
        /// The tier's name.
        tier: String,
        /// What is wrong.
        fault: InvalidLimits,
    },
}

/// A request that ends here, together with what it was added to already.
struct Refused<'a> {
    reply: Reply,
    taken: Vec<Taken<'a>>,
}

// === impl RateLimiter ===

impl RateLimiter {
    /// Checks the tiers.
    pub fn compile(tiers: TiersSpec, seed: Seed) -> Result<Self, InvalidTiers> {
        let tiers = tiers.into_iter().map(|(tier, spec)| match Limits::of_tier(&tier, spec) {
            Ok(limits) => Ok((tier, limits)),
            Err(fault) => Err(InvalidTiers::Limits { tier, fault }),
        });
        Ok(Self { tiers: tiers.collect::<Result<_, _>>()?, seed, fields: Fields::default() })
    }

    /// Makes room for the counts. Has to run once before any worker checks a
    /// request; later runs find everything in place.
    pub fn prepare(&self, host: &mut dyn Host) {
        // Without the room, limits do what they say about failures.
        let _ = count::prepare(host);
    }

    /// Admits a request, and says what to tell the caller about what is left,
    /// or refuses it.
    ///
    /// All limits are read before any is written, so that a request that one
    /// limit refuses costs nothing in the others. Where another worker takes the
    /// last of an allowance in between, what was taken is given back.
    pub fn check(
        &self,
        limits: &Limits,
        caller: &Caller<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Vec<Edit>, Reply> {
        let limits = self.tier(caller.principal).chain(limits.iter());
        let readings = self.read(limits.clone(), caller, cx)?;
        if let Some(reply) = refusal(limits.clone(), readings.iter()) {
            for mut reading in readings {
                reading.repair(cx);
            }
            return Err(reply);
        }
        match take(&limits, readings, cx) {
            Ok(taken) => Ok(self.fields.admitted(&taken, cx.now)),
            Err(Refused { reply, taken }) => {
                for taken in taken {
                    taken.give_back(cx);
                }
                Err(reply)
            }
        }
    }

    /// The limits of the caller's tier. A tier that is not configured has none.
    fn tier(&self, principal: Option<&Principal>) -> impl Iterator<Item = &Limit> + Clone {
        let name = principal.and_then(|principal| principal.tier.as_deref());
        name.and_then(|name| self.tiers.get(name)).into_iter().flat_map(Limits::iter)
    }

    /// How the caller's counts stand. A caller of whom a limit does not know
    /// what it counts by is refused, not lumped in with the others: one shared
    /// count would let any of them starve all the rest.
    fn read<'a>(
        &self,
        limits: impl Iterator<Item = &'a Limit> + Clone,
        caller: &Caller<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Vec<Reading<'a>>, Reply> {
        let by_address = limits.clone().any(|limit| caller.is_counted_by_address(limit));
        let address = if by_address { Address::of_caller(cx.host) } else { None };
        let mut readings = Vec::new();
        for limit in limits {
            let who = caller.key(limit, address.as_ref(), self.seed).map_err(unknown)?;
            match Count::new(limit, who).read(cx) {
                Ok(reading) => readings.push(reading),
                Err(count) => on_failure(count.limit)?,
            }
        }
        Ok(readings)
    }
}

fn take<'a>(
    limits: &(impl Iterator<Item = &'a Limit> + Clone),
    readings: Vec<Reading<'a>>,
    cx: &mut Cx<'_>,
) -> Result<Vec<Taken<'a>>, Refused<'a>> {
    let mut taken = Vec::with_capacity(readings.len());
    for reading in readings {
        let outcome = match reading.take(cx) {
            Ok(one) => {
                taken.push(one);
                continue;
            }
            Err(NotTaken::Refused(reading)) => {
                refusal(limits.clone(), [&reading]).map_or(Ok(()), Err)
            }
            Err(NotTaken::Unavailable(count)) => on_failure(count.limit),
        };
        if let Err(reply) = outcome {
            return Err(Refused { reply, taken });
        }
    }
    Ok(taken)
}

/// The answer of the limit with the longest wait, if any refuses.
fn refusal<'r, 'a: 'r>(
    limits: impl Iterator<Item = &'a Limit>,
    readings: impl IntoIterator<Item = &'r Reading<'a>>,
) -> Option<Reply> {
    let refusing = readings.into_iter().filter_map(|reading| match reading.decision {
        Decision::Admit(_) => None,
        Decision::Refuse { wait, .. } => Some((reading.count.limit, wait)),
    });
    let (tightest, wait) = refusing.max_by_key(|(_, wait)| *wait)?;
    Some(rate_limited(limits, tightest, wait))
}

fn on_failure(limit: &Limit) -> Result<(), Reply> {
    match limit.on_failure {
        OnFailure::Admit => Ok(()),
        OnFailure::Refuse => Err(counters_unavailable()),
    }
}

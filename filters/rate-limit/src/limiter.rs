mod check;

use std::time::Duration;

use tollgate_core::{
    ClaimPath, Cx, Edit, GrpcAnswer, GrpcCallId, Headers, Host, Principal, Reply, Seed, Ticket,
    Timestamp,
};
use tollgate_sync::{Enforced, Fleet, FleetSpec};

use self::check::take_all;
pub(crate) use self::check::{Due, Taken};
use crate::account::{self, Account, Windows};
use crate::allowances::{Allowances, InvalidAllowances};
use crate::answer::{Teller, counters_unavailable, unknown, unpriced};
use crate::caller::{Caller, Known};
use crate::fleet::{self, Alone};
use crate::gcra::Scale;
use crate::lease::Leases;
use crate::limit::{Limit, Limits};
use crate::meter::Remainder;
use crate::overrides::Overrides;
pub use crate::overrides::{Uplift, Uplifts};
use crate::settlement::{Reserved, Settlements};
use crate::spec::{AllowancesSpec, TellingSpec};

/// What callers get, and everybody's counts.
#[derive(Debug)]
pub struct RateLimiter {
    allowances: Allowances,
    overrides: Overrides,
    /// The other Envoys; none where this one counts for itself.
    fleet: Option<Fleet>,
    leases: Leases,
    settlements: Settlements,
    teller: Teller,
    /// The same for all workers of an Envoy, since they share the counts.
    seed: Seed,
}

/// Limits that apply to a request, and what its expressions are worth.
#[derive(Clone, Copy)]
pub struct Applied<'a> {
    /// The limits.
    pub limits: &'a Limits,
    /// What the expression of the limit at a place gives for the request;
    /// nothing if it is no number from 0 on.
    pub worth: &'a dyn Fn(usize) -> Option<u64>,
}

/// What becomes of a request that is admitted.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Admitted {
    /// What its caller is told about what is left.
    pub response: Vec<Edit>,
    /// By what its end has to be told to the limiter.
    pub ticket: Option<Ticket>,
}

/// How a caller's count of one limit stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// The limit's name in the fields.
    pub name: String,
    /// How many requests it admits in one period or window.
    pub requests: u64,
    /// The period: `second` to `hour`, or `day`, `month` or `total`.
    pub per: &'static str,
    /// How many requests are left.
    pub left: u64,
    /// How many of them were saved.
    pub saved: Option<u64>,
    /// Until there are more; never, if they are for good.
    pub grows_in: Option<Duration>,
}

// === impl RateLimiter ===

impl RateLimiter {
    /// Checks what tenants get.
    pub fn compile(
        allowances: AllowancesSpec,
        telling: &TellingSpec,
        seed: Seed,
    ) -> Result<Self, InvalidAllowances> {
        Ok(Self {
            allowances: Allowances::compile(allowances)?,
            overrides: Overrides::default(),
            fleet: None,
            leases: Leases::default(),
            settlements: Settlements::default(),
            teller: Teller::new(telling, seed),
            seed,
        })
    }

    /// The claims that tiers and tenants are counted by, each after its place:
    /// `tiers.pro.limits[0].by`.
    pub fn claims(&self) -> impl Iterator<Item = (String, &ClaimPath)> {
        self.allowances.claims()
    }

    /// Makes room for the counts. Has to run once before any worker checks a
    /// request; later runs find everything in place.
    pub fn prepare(&mut self, host: &mut dyn Host) {
        // Without the room, limits do what they say about failures.
        let _ = account::prepare(host);
        if let Some(fleet) = &mut self.fleet {
            fleet.prepare(host);
        }
    }

    /// Shares the limits with other Envoys.
    #[must_use]
    pub fn in_fleet(self, spec: FleetSpec) -> Self {
        Self { fleet: Some(Fleet::new(spec, self.seed)), ..self }
    }

    /// How often [`RateLimiter::on_tick`] is to run.
    pub const TICK_PERIOD: Duration = Duration::from_millis(100);

    /// Gives back what this worker holds and did not spend, and keeps up with
    /// the other Envoys.
    pub fn on_tick(&mut self, cx: &mut Cx<'_>) {
        self.leases.give_back_idle(cx);
        let Some(fleet) = &mut self.fleet else { return };
        fleet.on_tick(&mut Windows, cx);
        if let Some(overrides) = fleet.take_overrides() {
            self.overrides = Overrides::of(overrides);
        }
    }

    /// Learns what the control plane answered.
    pub fn on_grpc_answer(&mut self, id: GrpcCallId, answer: &GrpcAnswer, cx: &mut Cx<'_>) {
        if let Some(fleet) = &mut self.fleet {
            fleet.on_answer((id, answer), &mut Windows, cx);
        }
    }

    /// Gives back all that this worker holds: there will be no more requests.
    pub fn on_close(&mut self, cx: &mut Cx<'_>) {
        self.leases.give_back_all(cx);
    }

    /// Lifts the rates of some tenants, and of no others any longer. Windows of
    /// the calendar are what was agreed upon, and stay.
    pub fn lift(&mut self, uplifts: Uplifts) {
        self.overrides.uplifts = uplifts;
    }

    /// Admits a request, and says what to tell the caller about what is left,
    /// or refuses it.
    ///
    /// All limits are asked before anything is taken, so that a request that one
    /// limit refuses costs nothing in the others. Where another worker takes the
    /// last of an allowance in between, what was taken is given back.
    pub fn check(
        &mut self,
        applied: &[Applied<'_>],
        caller: &Caller<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Admitted, Reply> {
        let factor = self.overrides.factor(caller.principal, cx.now);
        let Self { allowances, overrides, fleet, leases, settlements, teller, seed } = self;
        let limits = all(allowances, applied, (caller.principal, overrides.tier(caller.principal)));
        let due = due(limits, (caller, factor, *seed), fleet.as_mut(), cx)?;
        let taken = take_all(due, leases, teller, cx)?;
        let reserved = taken.iter().filter_map(reserved).collect();
        Ok(Admitted {
            response: teller.admitted(&taken, cx.now),
            ticket: settlements.open(reserved),
        })
    }

    /// How a caller's counts stand, without counting anything: of some limits, or
    /// of those that the caller has as a whole. Those that cannot be read, or are
    /// of what is not known of the request, are left out.
    pub fn standing(
        &mut self,
        limits: Option<&Limits>,
        caller: &Caller<'_>,
        cx: &mut Cx<'_>,
    ) -> Vec<Standing> {
        let factor = self.overrides.factor(caller.principal, cx.now);
        let Self { allowances, overrides, fleet, leases, seed, .. } = self;
        let tier = overrides.tier(caller.principal);
        let whole = limits.is_none().then(|| allowances.of(caller.principal, tier));
        let limits = limits.into_iter().flat_map(Limits::all).chain(whole.into_iter().flatten());
        let known = caller.look_up(limits.clone(), cx.host);
        let standing = limits.filter_map(|limit| {
            let account = account(limit, &known, (factor, *seed), fleet.as_mut(), cx.now).ok()?;
            let state = account.state(cx).ok()?;
            let Remainder { tokens, grows_in } = account.meter.remainder(state, cx.now);
            let left = tokens.saturating_add(leases.held(account.who, cx.now));
            Some(Standing {
                name: limit.name.trim_matches('"').to_owned(),
                requests: limit.lifted(factor),
                per: limit.per.name(),
                left,
                saved: account.meter.saved(left),
                grows_in,
            })
        });
        standing.collect()
    }

    /// Learns the head of the response to a request.
    pub fn on_response(&mut self, ticket: Ticket, headers: &Headers, cx: &mut Cx<'_>) {
        self.settlements.on_response(ticket, headers, cx);
    }

    /// Learns that an exchange is over.
    pub fn on_end(&mut self, ticket: Ticket, cx: &mut Cx<'_>) {
        self.settlements.on_end(ticket, cx);
    }
}

type Worth<'a> = Option<(&'a dyn Fn(usize) -> Option<u64>, usize)>;

/// The caller's limits as a whole, and those that apply to the request, each
/// with its expression.
fn all<'a>(
    allowances: &'a Allowances,
    applied: &'a [Applied<'a>],
    (principal, instead): (Option<&Principal>, Option<&str>),
) -> impl Iterator<Item = (&'a Limit, Worth<'a>)> + Clone + use<'a> {
    let whole = allowances.of(principal, instead).map(|limit| (limit, None));
    let further = applied.iter().flat_map(|applied| {
        let limits = applied.limits.all().enumerate();
        limits.map(|(index, limit)| (limit, Some((applied.worth, index))))
    });
    whole.chain(further)
}

/// What a request would take of each account. A caller of whom a limit does not
/// know what it counts by is refused, not lumped in with the others: one shared
/// count would let any of them starve all the rest.
fn due<'a>(
    limits: impl Iterator<Item = (&'a Limit, Worth<'a>)> + Clone,
    (caller, factor, seed): (&Caller<'_>, Scale, Seed),
    mut fleet: Option<&mut Fleet>,
    cx: &mut Cx<'_>,
) -> Result<Vec<Due<'a>>, Reply> {
    let known = caller.look_up(limits.clone().map(|(limit, _)| limit), cx.host);
    let mut due = Vec::new();
    for (limit, worth) in limits {
        let worth = || worth.and_then(|(worth, index)| worth(index));
        let cost = limit.cost.of_request(caller.headers, worth).map_err(unpriced)?;
        let account = account(limit, &known, (factor, seed), fleet.as_deref_mut(), cx.now)?;
        if let Some(fleet) = fleet.as_deref_mut()
            && let Some(span) = account.meter.span(cost)
        {
            fleet.asked(account.who, span, || known.name(limit));
        }
        due.push(Due { limit, factor, account, cost });
    }
    Ok(due)
}

fn account(
    limit: &Limit,
    known: &Known<'_>,
    (factor, seed): (Scale, Seed),
    fleet: Option<&mut Fleet>,
    now: Timestamp,
) -> Result<Account, Reply> {
    let who = known.key(limit, seed).map_err(unknown)?;
    let enforced = match fleet {
        Some(fleet) => fleet::enforced(limit, who, || known.name(limit), fleet, now)
            .map_err(|Alone| counters_unavailable())?,
        None => Enforced::WHOLE,
    };
    let meter = match factor {
        Scale::ONE => limit.meter.clone(),
        factor => limit.meter.scaled(factor),
    };
    let meter = match Scale(enforced.share) {
        Scale::ONE => meter,
        share => meter.shared(share),
    };
    Ok(Account { who, meter, saves: limit.saves, enforced })
}

fn reserved(taken: &Taken<'_>) -> Option<Reserved> {
    let Taken { due: Due { limit, account, cost, .. }, spent } = taken;
    let after = limit.cost.after()?.clone();
    Some(Reserved { account: account.clone(), after, tokens: *cost, taken: spent.taken })
}

mod check;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tollgate_core::{
    ClaimPath, Cx, Edit, Headers, Host, Principal, Reply, Seed, Ticket, Timestamp,
};

use self::check::take_all;
pub(crate) use self::check::{Due, Taken};
use crate::account::{self, Account};
use crate::allowances::{Allowances, InvalidAllowances};
use crate::answer::{Teller, unknown, unpriced};
use crate::caller::{Caller, Known};
use crate::gcra::Scale;
use crate::lease::{self, Leases};
use crate::limit::{Limit, Limits};
use crate::meter::Remainder;
use crate::settlement::{Reserved, Settlements};
use crate::spec::{AllowancesSpec, TellingSpec};

/// What callers get, and everybody's counts.
#[derive(Debug)]
pub struct RateLimiter {
    allowances: Allowances,
    uplifts: Uplifts,
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
            uplifts: Uplifts::new(),
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
    pub fn prepare(&self, host: &mut dyn Host) {
        // Without the room, limits do what they say about failures.
        let _ = account::prepare(host);
    }

    /// How often [`RateLimiter::on_tick`] is to run.
    pub const TICK_PERIOD: Duration = lease::SPAN;

    /// Gives back what this worker holds and did not spend.
    pub fn on_tick(&mut self, cx: &mut Cx<'_>) {
        self.leases.give_back_idle(cx);
    }

    /// Gives back all that this worker holds: there will be no more requests.
    pub fn on_close(&mut self, cx: &mut Cx<'_>) {
        self.leases.give_back_all(cx);
    }

    /// Lifts the rates of some tenants, and of no others any longer. Windows of
    /// the calendar are what was agreed upon, and stay.
    pub fn lift(&mut self, uplifts: Uplifts) {
        self.uplifts = uplifts;
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
        let factor = self.factor(caller.principal, cx.now);
        let Self { allowances, leases, settlements, teller, seed, .. } = self;
        let due = due(allowances, applied, (caller, factor, *seed), cx)?;
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
        &self,
        limits: Option<&Limits>,
        caller: &Caller<'_>,
        cx: &mut Cx<'_>,
    ) -> Vec<Standing> {
        let factor = self.factor(caller.principal, cx.now);
        let whole = limits.is_none().then(|| self.allowances.of(caller.principal));
        let limits = limits.into_iter().flat_map(Limits::all).chain(whole.into_iter().flatten());
        let known = caller.look_up(limits.clone(), cx.host);
        let standing = limits.filter_map(|limit| {
            let account = account(limit, &known, factor, self.seed).ok()?;
            let state = account.state(cx).ok()?;
            let Remainder { tokens, grows_in } = account.meter.remainder(state, cx.now);
            let left = tokens.saturating_add(self.leases.held(account.who, cx.now));
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

    fn factor(&self, principal: Option<&Principal>, now: Timestamp) -> Scale {
        // Nearly always there are none.
        if self.uplifts.is_empty() {
            return Scale::ONE;
        }
        let tenant = principal.and_then(|principal| principal.tenant.as_ref());
        let uplift = tenant.and_then(|tenant| self.uplifts.get(tenant));
        uplift.filter(|uplift| now < uplift.until).map_or(Scale::ONE, |uplift| uplift.factor)
    }
}

type Worth<'a> = Option<(&'a dyn Fn(usize) -> Option<u64>, usize)>;

/// The caller's limits as a whole, and those that apply to the request, each
/// with its expression.
fn all<'a>(
    allowances: &'a Allowances,
    applied: &'a [Applied<'a>],
    principal: Option<&Principal>,
) -> impl Iterator<Item = (&'a Limit, Worth<'a>)> + Clone {
    let whole = allowances.of(principal).map(|limit| (limit, None));
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
    allowances: &'a Allowances,
    applied: &'a [Applied<'a>],
    (caller, factor, seed): (&Caller<'_>, Scale, Seed),
    cx: &mut Cx<'_>,
) -> Result<Vec<Due<'a>>, Reply> {
    let limits = all(allowances, applied, caller.principal);
    let known = caller.look_up(limits.clone().map(|(limit, _)| limit), cx.host);
    let mut due = Vec::new();
    for (limit, worth) in limits {
        let worth = || worth.and_then(|(worth, index)| worth(index));
        let cost = limit.cost.of_request(caller.headers, worth).map_err(unpriced)?;
        let account = account(limit, &known, factor, seed)?;
        due.push(Due { limit, factor, account, cost });
    }
    Ok(due)
}

fn account(limit: &Limit, known: &Known<'_>, factor: Scale, seed: Seed) -> Result<Account, Reply> {
    let who = known.key(limit, seed).map_err(unknown)?;
    let meter = match factor {
        Scale::ONE => limit.meter.clone(),
        factor => limit.meter.scaled(factor),
    };
    Ok(Account { who, meter, saves: limit.saves })
}

fn reserved(taken: &Taken<'_>) -> Option<Reserved> {
    let Taken { due: Due { limit, account, cost, .. }, spent } = taken;
    let after = limit.cost.after()?.clone();
    Some(Reserved { account: account.clone(), after, tokens: *cost, taken: spent.taken })
}

//! Takes what a request costs of all its accounts, or of none.

use std::time::Duration;

use tollgate_core::{Cx, Reply};

use crate::account::{Account, NotTaken, Reading};
use crate::answer::{Refusing, Teller, counters_unavailable};
use crate::gcra::Scale;
use crate::lease::{Leases, Spent};
use crate::limit::Limit;
use crate::meter::Short;
use crate::spec::OnFailure;

/// What a request would take of one account.
pub(crate) struct Due<'a> {
    pub(crate) limit: &'a Limit,
    /// What the tenant's rates are multiplied by.
    pub(crate) factor: Scale,
    pub(crate) account: Account,
    pub(crate) cost: u64,
}

/// What a request has taken.
pub(crate) struct Taken<'a> {
    pub(crate) due: Due<'a>,
    pub(crate) spent: Spent,
}

/// How far it has come with one account.
enum Step<'a> {
    /// It was paid with what this worker holds.
    Spent(Taken<'a>),
    /// It has to be drawn.
    Read(Due<'a>, Reading),
    /// Nothing is counted: it costs nothing, or the limit would rather not know.
    Free(Due<'a>),
}

pub(crate) fn take_all<'a>(
    due: Vec<Due<'a>>,
    leases: &mut Leases,
    teller: &Teller,
    cx: &mut Cx<'_>,
) -> Result<Vec<Taken<'a>>, Reply> {
    let mut steps = Vec::with_capacity(due.len());
    for due in due {
        match ask(due, leases, cx) {
            Ok(step) => steps.push(step),
            Err(reply) => {
                undo(steps, leases, cx);
                return Err(reply);
            }
        }
    }
    if let Some(reply) = refusal(&steps, teller, cx) {
        undo(steps, leases, cx);
        return Err(reply);
    }
    draw(steps, leases, teller, cx)
}

/// Spends what is held, or finds out what is there.
fn ask<'a>(due: Due<'a>, leases: &mut Leases, cx: &mut Cx<'_>) -> Result<Step<'a>, Reply> {
    let Due { limit, account, cost, .. } = &due;
    if *cost == 0 {
        return Ok(Step::Free(due));
    }
    if let Some(spent) = leases.spend(account.who, *cost, cx.now) {
        return Ok(Step::Spent(Taken { due, spent }));
    }
    let wanted = leases.wanted(account, cx.now);
    leases.give_up(account.who, cx);
    match account.read((*cost, wanted), cx) {
        Ok(reading) => Ok(Step::Read(due, reading)),
        Err(_) => on_failure(limit).map(|()| Step::Free(due)),
    }
}

/// The answer of the limit with the longest wait, if any refuses.
fn refusal(steps: &[Step<'_>], teller: &Teller, cx: &Cx<'_>) -> Option<Reply> {
    let refusing = steps.iter().filter_map(|step| match step {
        Step::Read(due, Reading { outcome: Err(short), .. }) => Some((due, short)),
        _ => None,
    });
    let (due, short) = refusing.max_by_key(|(_, short)| short.wait.unwrap_or(Duration::MAX))?;
    let all = steps.iter().map(Step::due);
    Some(teller.refused(all, &Refusing { due, wait: short.wait }, cx.now))
}

fn draw<'a>(
    steps: Vec<Step<'a>>,
    leases: &mut Leases,
    teller: &Teller,
    cx: &mut Cx<'_>,
) -> Result<Vec<Taken<'a>>, Reply> {
    let mut taken = Vec::with_capacity(steps.len());
    let mut steps = steps.into_iter();
    while let Some(step) = steps.next() {
        let outcome = match step {
            Step::Free(_) => continue,
            Step::Spent(one) => Ok(Some(one)),
            Step::Read(due, reading) => draw_one(due, reading, leases, teller, cx),
        };
        match outcome {
            Ok(one) => taken.extend(one),
            Err(reply) => {
                undo(taken.into_iter().map(Step::Spent).chain(steps), leases, cx);
                return Err(reply);
            }
        }
    }
    Ok(taken)
}

fn draw_one<'a>(
    due: Due<'a>,
    reading: Reading,
    leases: &mut Leases,
    teller: &Teller,
    cx: &mut Cx<'_>,
) -> Result<Option<Taken<'a>>, Reply> {
    match due.account.take(reading, cx) {
        Ok(drawn) => {
            let held = drawn.tokens.saturating_sub(due.cost);
            leases.hold(&due.account, held, drawn, cx);
            Ok(Some(Taken { due, spent: Spent { taken: drawn.state, held } }))
        }
        Err(NotTaken::Short(Short { wait, .. })) => {
            Err(teller.refused([&due], &Refusing { due: &due, wait }, cx.now))
        }
        Err(NotTaken::Unavailable) => on_failure(due.limit).map(|()| None),
    }
}

/// Gives back what was taken, and corrects what a clock that was set back has
/// left behind.
fn undo<'a>(steps: impl IntoIterator<Item = Step<'a>>, leases: &mut Leases, cx: &mut Cx<'_>) {
    for step in steps {
        match step {
            Step::Free(_) => {}
            Step::Read(due, reading) => due.account.repair(reading, cx),
            Step::Spent(Taken { due: Due { account, cost, .. }, spent }) => {
                if !leases.unspend(account.who, cost, spent.taken) {
                    account.give_back(cost, spent.taken, cx);
                } else if spent.held == 0 {
                    // What was drawn for this request alone has no other use here.
                    leases.give_up(account.who, cx);
                }
            }
        }
    }
}

fn on_failure(limit: &Limit) -> Result<(), Reply> {
    match limit.on_failure {
        OnFailure::Admit => Ok(()),
        OnFailure::Refuse => Err(counters_unavailable()),
    }
}

// === impl Step ===

impl<'a> Step<'a> {
    fn due(&self) -> &Due<'a> {
        match self {
            Self::Spent(Taken { due, .. }) | Self::Read(due, _) | Self::Free(due) => due,
        }
    }
}

//! Requests whose cost is told by their responses.

use std::collections::BTreeMap;

use tollgate_core::{Cx, Headers, Ticket};

use crate::account::Account;
use crate::cost::After;
use crate::meter::State;

/// Every request under way whose cost is not known yet. Bounded by the requests
/// that a worker has under way, since each of them ends.
#[derive(Debug, Default)]
pub(crate) struct Settlements {
    open: BTreeMap<Ticket, Vec<Reserved>>,
    latest: u64,
}

/// What a request has taken until it is known what it costs.
#[derive(Debug)]
pub(crate) struct Reserved {
    pub(crate) account: Account,
    pub(crate) after: After,
    pub(crate) tokens: u64,
    /// What taking them left.
    pub(crate) taken: State,
}

// === impl Settlements ===

impl Settlements {
    /// Keeps what a request has reserved, if it has reserved anything.
    pub(crate) fn open(&mut self, reserved: Vec<Reserved>) -> Option<Ticket> {
        if reserved.is_empty() {
            return None;
        }
        self.latest = self.latest.wrapping_add(1);
        let ticket = Ticket(self.latest);
        self.open.insert(ticket, reserved);
        Some(ticket)
    }

    /// Settles what the head of the response tells.
    pub(crate) fn on_response(&mut self, ticket: Ticket, headers: &Headers, cx: &mut Cx<'_>) {
        let Some(reserved) = self.open.get_mut(&ticket) else { return };
        reserved.retain(|one| match one.after.of_response(headers) {
            Some(cost) => {
                one.settle(cost, cx);
                false
            }
            None => true,
        });
    }

    /// Settles the rest. What nobody tells costs what was reserved.
    pub(crate) fn on_end(&mut self, ticket: Ticket, cx: &mut Cx<'_>) {
        for one in self.open.remove(&ticket).unwrap_or_default() {
            if let Some(cost) = one.after.of_exchange(cx.host) {
                one.settle(cost, cx);
            }
        }
    }
}

// === impl Reserved ===

impl Reserved {
    fn settle(&self, cost: u64, cx: &mut Cx<'_>) {
        let Self { account, after: _, tokens, taken } = self;
        let more = cost.saturating_sub(*tokens);
        let fewer = tokens.saturating_sub(cost);
        if 0 < more {
            account.charge(more, cx);
        }
        if 0 < fewer {
            account.give_back(fewer, *taken, cx);
        }
    }
}

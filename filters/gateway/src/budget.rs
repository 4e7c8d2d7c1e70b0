//! How much callers may have under way, and which exchanges hold what.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::Duration;

use tollgate_auth::Authenticator;
use tollgate_core::{
    Cx, Headers, Host, Principal, Reply, RequestHead, Ticket, Timestamp, property,
};
use tollgate_tenant_budget::{BackendCapSpec, Budgets, Held, KindSpec, Ledger, Wanted};

use crate::contract::Contract;
use crate::operation::Operation;
use crate::spec::{StreamsSpec, UseSpec};

/// Exchanges that are under way, by the tickets under which the host follows them.
#[derive(Default)]
pub(crate) struct Following {
    open: HashMap<Ticket, Followed>,
    latest: u64,
    /// Streams that stay open, which have to be looked after.
    streams: BTreeMap<Ticket, Stream>,
    looked_at: Option<Timestamp>,
    overdue: Vec<Ticket>,
}

/// What is to be done when an exchange ends.
pub(crate) struct Followed {
    /// What the limiter follows it by.
    pub(crate) limits: Option<Ticket>,
    /// What it holds.
    pub(crate) held: Held,
}

/// A stream that stays open for as long as its caller may call.
pub(crate) struct Stream {
    contract: Rc<Contract>,
    /// The place of the operation in it.
    operation: usize,
    /// With the credential that the caller showed.
    headers: Headers,
    principal: Rc<Principal>,
}

/// How often it is looked whether the callers of streams may still call.
const PERIOD: Duration = Duration::from_secs(1);

// === impl Following ===

impl Following {
    pub(crate) fn follow(&mut self, followed: Followed, stream: Option<Stream>) -> Ticket {
        self.latest = self.latest.wrapping_add(1);
        let ticket = Ticket(self.latest);
        self.open.insert(ticket, followed);
        if let Some(stream) = stream {
            self.streams.insert(ticket, stream);
        }
        ticket
    }

    pub(crate) fn limits(&self, ticket: Ticket) -> Option<Ticket> {
        self.open.get(&ticket)?.limits
    }

    pub(crate) fn end(&mut self, ticket: Ticket) -> Option<Followed> {
        self.streams.remove(&ticket);
        self.open.remove(&ticket)
    }

    /// Once a second, finds the streams whose callers would be refused by now.
    pub(crate) fn look(&mut self, authenticator: &mut Authenticator, cx: &mut Cx<'_>) {
        let since = self.looked_at.map(|before| (before, cx.now.since(before)));
        if since.is_some_and(|(before, since)| before <= cx.now && since < PERIOD) {
            return;
        }
        self.looked_at = Some(cx.now);
        let mut may_stay = |stream: &Stream| {
            let Some(operation) = stream.contract.operations().get(stream.operation) else {
                return false;
            };
            let head = RequestHead { headers: &stream.headers };
            authenticator.still_accepts(&operation.access, &head, &stream.principal, cx)
        };
        let refused = self.streams.iter().filter(|(_, stream)| !may_stay(stream));
        self.overdue = refused.map(|(ticket, _)| *ticket).collect();
    }

    pub(crate) fn overdue(&mut self) -> Vec<Ticket> {
        std::mem::take(&mut self.overdue)
    }
}

// === impl Stream ===

impl Stream {
    /// Nobody in particular is never refused later.
    pub(crate) fn of(
        contract: &Rc<Contract>,
        operation: &Operation,
        headers: &Headers,
        principal: Option<&Rc<Principal>>,
    ) -> Option<Self> {
        let principal = principal.filter(|principal| !principal.is_anonymous())?;
        let place = contract.operations().iter().position(|one| std::ptr::eq(one, operation))?;
        Some(Self {
            contract: Rc::clone(contract),
            operation: place,
            headers: headers.clone(),
            principal: Rc::clone(principal),
        })
    }
}

/// What the requests of this virtual machine hold, whatever configuration let them
/// in. Elsewhere there are as many machines as anybody makes.
pub(crate) fn ledger() -> Rc<RefCell<Ledger>> {
    #[cfg(target_family = "wasm")]
    {
        thread_local! {
            static LEDGER: Rc<RefCell<Ledger>> = Rc::default();
        }
        LEDGER.with(Rc::clone)
    }
    #[cfg(not(target_family = "wasm"))]
    Rc::default()
}

/// Counts the connection of a request as that of its certificate's owner or, without
/// one, of whoever sends the first request on it.
pub(crate) fn connect(
    budgets: &mut Budgets,
    authenticator: &Authenticator,
    principal: Option<&Principal>,
    cx: &mut Cx<'_>,
) -> Result<(), Reply> {
    let Some(connection) = budgets.connection_of_nobody(cx.host) else { return Ok(()) };
    let owner = authenticator.owner(cx.host);
    let Some(owner) = owner.as_deref().or(principal) else { return Ok(()) };
    budgets.connect(connection, owner, cx)
}

/// Lets a request in that everything else has let in.
pub(crate) fn begin(
    budgets: &mut Budgets,
    (contract, operation): (&Contract, &Operation),
    principal: Option<&Principal>,
    kind: KindSpec,
    cx: &mut Cx<'_>,
) -> Result<Held, Reply> {
    let cluster = cluster(&operation.uses, cx.host);
    let name = cluster.as_deref().or(operation.uses.backends.first().map(String::as_str));
    let backend = name.and_then(|name| Some((name, contract.backend(name)?)));
    let priority = operation.uses.priority;
    budgets.begin(&Wanted { principal, backend, kind, priority }, cx)
}

/// Which of several backends Envoy has chosen.
fn cluster(uses: &UseSpec, host: &mut dyn Host) -> Option<String> {
    if uses.backends.len() < 2 {
        return None;
    }
    let name = host.property(property::CLUSTER)?;
    String::from_utf8(name).ok()
}

/// What a request counts as.
pub(crate) fn kind(operation: &Operation, headers: &Headers) -> KindSpec {
    match operation.uses.streams {
        StreamsSpec::All => KindSpec::Stream,
        StreamsSpec::Upgrades if headers.get("upgrade").is_some() => KindSpec::Stream,
        StreamsSpec::Upgrades | StreamsSpec::None => KindSpec::Request,
    }
}

/// What backends of an API take.
pub(crate) type Caps = BTreeMap<String, BackendCapSpec>;

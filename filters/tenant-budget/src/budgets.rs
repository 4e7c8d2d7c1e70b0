use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use tollgate_core::{Address, Cx, Host, Principal, Reply, Seed, property};

use crate::ask::{Ask, Bound, Full, Place, Seen};
use crate::ledger::Ledger;
use crate::record::Mark;
use crate::refusal::{Of, refuse};
use crate::spec::{
    BackendCapSpec, BudgetSpec, BudgetsSpec, KindSpec, PrioritySpec, TenantBudgetsSpec,
};

/// What tenants may have under way, and what they have.
#[derive(Debug)]
pub struct Budgets {
    tiers: TenantBudgetsSpec,
    tenants: TenantBudgetsSpec,
    counts_connections: bool,
    /// Names are their callers' to choose, so nobody may guess marks.
    seed: Seed,
    ledger: Rc<RefCell<Ledger>>,
}

/// A request that is to be let in.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Who sends it; nobody in particular where that is not asked.
    pub principal: Option<&'a Principal>,
    /// Where it goes, if to a backend.
    pub backend: Option<(&'a str, BackendCapSpec)>,
    /// What it counts as.
    pub kind: KindSpec,
    /// How much it matters.
    pub priority: PrioritySpec,
}

/// What a request holds until it ends.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct Held {
    places: [Option<Place>; 2],
    tenant: Option<Rc<str>>,
    is_stream: bool,
    /// Whether something behind this may refuse it because there are too many.
    may_be_shed: bool,
}

/// Why budgets were refused. The texts begin with the section.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBudgets {
    /// A number that makes no sense.
    #[error("{section}.{name}.{field}: {value} is not between 1 and {max}")]
    Bounds {
        /// `tiers` or `tenants`.
        section: &'static str,
        /// The name of the tier, or the id of the tenant.
        name: String,
        /// The field.
        field: String,
        /// What was written.
        value: u32,
        /// What it is at most.
        max: u32,
    },
}

/// What one caller may have.
struct Allowed<'a> {
    tier: Option<&'a BudgetSpec>,
    own: Option<&'a BudgetSpec>,
}

const COUNT_MAX: u32 = 1_000_000;
const WEIGHT_MAX: u32 = 1000;

/// What Envoy says of a request that is too much for a backend (`adaptive_concurrency`).
const SHED: &[u8] = b"reached_concurrency_limit";

/// Room for what is told of most requests.
const TOLD_BYTES: usize = 48;

/// Who shows nothing has one share of a backend together: addresses cost nothing.
const NOBODY: &[u8] = b"nobody";

// === impl Budgets ===

impl Budgets {
    /// Checks what tenants may have. What requests of this virtual machine hold is
    /// in `ledger`, whatever configuration let them in.
    pub fn compile(
        spec: BudgetsSpec,
        ledger: Rc<RefCell<Ledger>>,
        seed: Seed,
    ) -> Result<Self, InvalidBudgets> {
        let counts_connections = spec.count_connections();
        let BudgetsSpec { tiers, tenants } = spec;
        tiers.iter().try_for_each(|(name, budget)| check("tiers", name, budget))?;
        tenants.iter().try_for_each(|(name, budget)| check("tenants", name, budget))?;
        Ok(Self { tiers, tenants, counts_connections, seed, ledger })
    }

    /// Makes room for the counts. Has to run once before any worker counts.
    pub fn prepare(&self, host: &mut dyn Host) {
        // Without the room, tenants with a budget are refused.
        let _ = Ledger::prepare(host);
    }

    /// How often [`Budgets::on_tick`] is to run.
    pub const TICK_PERIOD: Duration = Duration::from_millis(100);

    /// Keeps what other workers know of this one true.
    pub fn on_tick(&mut self, cx: &mut Cx<'_>) {
        self.with(|ledger| ledger.on_tick(cx));
    }

    /// Lets a request in, or says why not. It holds what it takes until
    /// [`Budgets::end`], which has to come once, however it ends.
    pub fn begin(&mut self, wanted: &Wanted<'_>, cx: &mut Cx<'_>) -> Result<Held, Reply> {
        let allowed = self.allowed(wanted.principal);
        let mut told = String::new();
        let (places, begun) = self.take(&allowed, wanted, &mut told, cx);
        if !told.is_empty() {
            cx.host.set_property(property::IN_FLIGHT, told.as_bytes());
        }
        if let Err(refused) = begun {
            places.into_iter().flatten().for_each(|place| self.leave(place, cx));
            return Err(refused);
        }
        let is_stream = wanted.kind == KindSpec::Stream;
        let tenant = wanted.principal.and_then(|principal| principal.tenant.clone());
        self.with(|ledger| ledger.note(tenant.as_ref(), is_stream));
        let may_be_shed = wanted.backend.is_some_and(|(_, cap)| cap.adapts);
        Ok(Held { places, tenant, is_stream, may_be_shed })
    }

    /// Gives back what a request held.
    pub fn end(&mut self, held: Held, cx: &mut Cx<'_>) {
        let Held { places, tenant, is_stream, may_be_shed } = held;
        if may_be_shed && cx.host.property(property::DETAILS).is_some_and(|it| it == SHED) {
            // What is the backend's was asked for last.
            if let Some(place) = places.iter().flatten().next_back() {
                self.with(|ledger| ledger.shed(*place, cx));
            }
        }
        places.into_iter().flatten().for_each(|place| self.leave(place, cx));
        self.with(|ledger| ledger.unnote(tenant.as_ref(), is_stream));
    }

    /// Learns that a connection was made.
    pub fn on_connection(&mut self, connection: u64) {
        self.with(|ledger| ledger.connections.insert(connection, None));
    }

    /// The connection of a request, while it is nobody's and could be somebody's: one
    /// that was there before anybody was told of connections never is.
    pub fn connection_of_nobody(&self, host: &mut dyn Host) -> Option<u64> {
        if !self.counts_connections {
            return None;
        }
        let connection = connection(host)?;
        let place = self.with(|ledger| ledger.connections.get(&connection).copied())??;
        place.is_none().then_some(connection)
    }

    /// Counts a connection of nobody as its owner's until it is closed, or says why not.
    pub fn connect(
        &mut self,
        connection: u64,
        owner: &Principal,
        cx: &mut Cx<'_>,
    ) -> Result<(), Reply> {
        let cap = self.allowed(Some(owner)).number(|one| one.connections);
        let Some(cap) = cap else { return Ok(()) };
        let Some(what) = self.caller(Some(owner), b"c", cx.host) else { return Ok(()) };
        let place = Place { what, part: Mark::NONE };
        let bound = Bound::Own { total: Some(cap), part: None };
        let (seen, entered) = self.enter(&Ask { place, weight: 1, bound }, cx);
        entered.map_err(|full| refused(Of::Connections, full, seen, cx))?;
        self.with(|ledger| ledger.connections.insert(connection, Some(place)));
        Ok(())
    }

    /// Learns that a connection is closed.
    pub fn on_disconnection(&mut self, connection: u64, cx: &mut Cx<'_>) {
        let place = self.with(|ledger| ledger.connections.remove(&connection));
        if let Some(place) = place.flatten().flatten() {
            self.leave(place, cx);
        }
    }

    /// First what is the tenant's own, then what it shares with others.
    fn take(
        &self,
        allowed: &Allowed<'_>,
        wanted: &Wanted<'_>,
        told: &mut String,
        cx: &mut Cx<'_>,
    ) -> ([Option<Place>; 2], Result<(), Reply>) {
        let mut places = [None, None];
        let asks = [self.own(allowed, wanted, cx), self.shared(allowed, wanted)];
        for ((of, name, ask), place) in asks.into_iter().flatten().zip(&mut places) {
            let (seen, entered) = self.enter(&ask, cx);
            tell(told, name, seen);
            match entered {
                Ok(()) => *place = Some(ask.place),
                Err(full) => return (places, Err(refused(of, full, seen, cx))),
            }
        }
        (places, Ok(()))
    }

    /// One more of the tenant's own budget, if it has one.
    fn own(
        &self,
        allowed: &Allowed<'_>,
        wanted: &Wanted<'_>,
        cx: &mut Cx<'_>,
    ) -> Option<(Of, &'static str, Ask)> {
        let (kind, of, name, total, part) = match wanted.kind {
            KindSpec::Stream => {
                (b"s", Of::Streams, "streams", allowed.number(|one| one.streams), None)
            }
            KindSpec::Request => {
                let part = wanted.backend.and_then(|(name, _)| allowed.at_backend(name));
                (b"r", Of::Requests, "tenant", allowed.number(|one| one.in_flight), part)
            }
        };
        if total.is_none() && part.is_none() {
            return None;
        }
        let what = self.caller(wanted.principal, kind, cx.host)?;
        let bound = Bound::Own { total, part };
        let part = self.backend(wanted.backend.map(|(name, _)| name).unwrap_or_default());
        Some((of, name, Ask { place: Place { what, part }, weight: 1, bound }))
    }

    /// One more of what the backend takes.
    fn shared(
        &self,
        allowed: &Allowed<'_>,
        wanted: &Wanted<'_>,
    ) -> Option<(Of, &'static str, Ask)> {
        let (name, BackendCapSpec { in_flight: cap, reserve, .. }) = wanted.backend?;
        let open = match wanted.priority {
            PrioritySpec::Normal => cap.saturating_sub(reserve),
            PrioritySpec::Critical => cap,
        };
        let place = Place { what: self.backend(name), part: self.sharer(wanted.principal) };
        let weight = allowed.number(|one| one.weight).unwrap_or(1);
        let bound = Bound::Shared { cap, open };
        Some((Of::Backend, "backend", Ask { place, weight, bound }))
    }

    fn allowed(&self, principal: Option<&Principal>) -> Allowed<'_> {
        let tier = principal.and_then(|principal| self.tiers.get(principal.tier.as_deref()?));
        let own = principal.and_then(|principal| self.tenants.get(principal.tenant.as_deref()?));
        Allowed { tier, own }
    }

    /// Whose budget a request is counted in: the tenant's, or that of a caller
    /// without one.
    fn caller(
        &self,
        principal: Option<&Principal>,
        kind: &[u8],
        host: &mut dyn Host,
    ) -> Option<Mark> {
        let principal = principal?;
        if principal.is_anonymous() {
            let address = Address::of_caller(host)?;
            return Some(self.mark(&[kind, b"address", address.as_bytes()]));
        }
        Some(self.somebody(kind, principal))
    }

    /// Whose share of a backend a request is counted in.
    fn sharer(&self, principal: Option<&Principal>) -> Mark {
        let somebody = principal.filter(|principal| !principal.is_anonymous());
        somebody.map_or_else(|| self.mark(&[NOBODY]), |one| self.somebody(b"share", one))
    }

    fn somebody(&self, kind: &[u8], principal: &Principal) -> Mark {
        let Principal { method, subject, tenant, .. } = principal;
        let by_itself = || self.mark(&[kind, b"subject", method.as_bytes(), subject.as_bytes()]);
        let of = |tenant: &Rc<str>| self.mark(&[kind, b"tenant", tenant.as_bytes()]);
        tenant.as_ref().map_or_else(by_itself, of)
    }

    fn backend(&self, name: &str) -> Mark {
        self.mark(&[b"backend", name.as_bytes()])
    }

    fn mark(&self, parts: &[&[u8]]) -> Mark {
        self.seed.fingerprint(parts).into()
    }

    fn enter(&self, ask: &Ask, cx: &mut Cx<'_>) -> (Seen, Result<(), Full>) {
        let entered = self.with(|ledger| ledger.enter(ask, cx));
        entered.unwrap_or((Seen::default(), Err(Full::Unavailable)))
    }

    fn leave(&self, place: Place, cx: &mut Cx<'_>) {
        self.with(|ledger| ledger.leave(place, cx));
    }

    /// Nobody else has it: a worker does one thing at a time.
    fn with<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> Option<T> {
        self.ledger.try_borrow_mut().ok().map(|mut ledger| act(&mut ledger))
    }
}

fn refused(of: Of, full: Full, seen: Seen, cx: &mut Cx<'_>) -> Reply {
    let (reply, counter) = refuse(of, full, seen);
    cx.host.count(counter);
    reply
}

/// For the access log: `tenant=3/50 backend=17/500`.
fn tell(told: &mut String, name: &str, Seen { count, cap }: Seen) {
    let space = if told.is_empty() { "" } else { " " };
    told.reserve(TOLD_BYTES);
    // A string takes everything.
    let _ = write!(told, "{space}{name}={count}/{cap}");
}

fn connection(host: &mut dyn Host) -> Option<u64> {
    let bytes = host.property(property::CONNECTION)?;
    bytes.try_into().ok().map(u64::from_le_bytes)
}

fn check(section: &'static str, name: &str, budget: &BudgetSpec) -> Result<(), InvalidBudgets> {
    let BudgetSpec { in_flight, in_flight_by_backend, streams, connections, weight } = budget;
    let own = |field: &str| field.to_owned();
    let numbers = [
        (own("in_flight"), *in_flight, COUNT_MAX),
        (own("streams"), *streams, COUNT_MAX),
        (own("connections"), *connections, COUNT_MAX),
        (own("weight"), *weight, WEIGHT_MAX),
    ];
    let by_backend = in_flight_by_backend.iter();
    let by_backend = by_backend.map(|(backend, number)| {
        (format!("in_flight_by_backend.{backend}"), Some(*number), COUNT_MAX)
    });
    for (field, number, max) in numbers.into_iter().chain(by_backend) {
        if let Some(value) = number.filter(|number| !(1..=max).contains(number)) {
            let name = name.to_owned();
            return Err(InvalidBudgets::Bounds { section, name, field, value, max });
        }
    }
    Ok(())
}

// === impl Allowed ===

impl Allowed<'_> {
    /// A number of the tenant itself, or else of its tier.
    fn number(&self, of: impl Fn(&BudgetSpec) -> Option<u32>) -> Option<u32> {
        self.own.and_then(&of).or_else(|| self.tier.and_then(&of))
    }

    fn at_backend(&self, name: &str) -> Option<u32> {
        self.number(|budget| budget.in_flight_by_backend.get(name).copied())
    }
}

use std::rc::Rc;
use std::time::Duration;

use tollgate_auth::{self as auth, Authenticator, InvalidFormula, InvalidIdentity, Stop};
use tollgate_core::{
    Answer, CallId, Cx, Edit, Edits, Filter, GrpcAnswer, GrpcCallId, Headers, Host, Principal,
    Reply, RequestHead, Seed, Ticket, Timestamp, Verdict, property,
};
use tollgate_rate_limit::{
    Admitted, AllowancesSpec, Applied, Caller, InvalidAllowances, RateLimiter,
};
use tollgate_tenant_budget::{Budgets, InvalidBudgets, KindSpec};
use tollgate_transform::Facts;

use crate::budget::{self, Followed, Following, Stream};
use crate::contract::{Contract, Found};
use crate::contracts::Contracts;
use crate::identity::IdentityHeaders;
use crate::matcher::Request;
use crate::operation::Operation;
use crate::own::OWN_LIMITS;
use crate::problem;
use crate::sanitise::Sanitiser;
use crate::spec::GatewaySpec;

/// Every filter, in one order.
pub struct Gateway {
    pub(crate) authenticator: Authenticator,
    pub(crate) limiter: RateLimiter,
    budgets: Budgets,
    following: Following,
    /// When the authenticator kept up last.
    kept_up_at: Timestamp,
    pub(crate) contracts: Contracts,
    sanitiser: Sanitiser,
    identity: IdentityHeaders,
}

/// Why the plugin configuration was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidGateway {
    /// Whom it can recognise.
    #[error("identity.{0}")]
    Identity(InvalidIdentity),

    /// What tenants get.
    #[error(transparent)]
    Allowances(#[from] InvalidAllowances),

    /// What they are counted by.
    #[error("{place}: {fault}")]
    Claim {
        /// The limit, and the field.
        place: String,
        /// What is wrong.
        fault: InvalidFormula,
    },

    /// What they may have under way.
    #[error(transparent)]
    Budgets(#[from] InvalidBudgets),
}

// === impl Gateway ===

impl Filter for Gateway {
    const NAME: &'static str = "gateway";
    type Spec = GatewaySpec;
    type Error = InvalidGateway;

    fn compile(spec: GatewaySpec, seed: Seed) -> Result<Self, InvalidGateway> {
        let GatewaySpec { identity, tiers, tenants, budgets, telling, fleet, trusted_hops, shards } =
            spec;
        let sanitiser = Sanitiser::new(trusted_hops);
        let allowances = AllowancesSpec { tiers, tenants };
        let authenticator =
            Authenticator::compile(identity, seed).map_err(InvalidGateway::Identity)?;
        let limiter = RateLimiter::compile(allowances, &telling, seed)?;
        claims_are_kept(&limiter, &authenticator)?;
        Ok(Self {
            authenticator,
            limiter: match fleet {
                Some(fleet) => limiter.in_fleet(fleet),
                None => limiter,
            },
            budgets: Budgets::compile(budgets, budget::ledger(), seed)?,
            following: Following::default(),
            kept_up_at: Timestamp::EPOCH,
            contracts: Contracts::new(),
            sanitiser: if shards { sanitiser.with_shards() } else { sanitiser },
            identity: IdentityHeaders::new(),
        })
    }

    fn prepare(&mut self, host: &mut dyn Host) {
        self.limiter.prepare(host);
        self.budgets.prepare(host);
        self.authenticator.prepare(host);
    }

    fn tick_period(&self) -> Option<Duration> {
        let own = [RateLimiter::TICK_PERIOD, Budgets::TICK_PERIOD];
        let periods = own.map(Some).into_iter().chain([self.authenticator.tick_period()]);
        periods.flatten().min()
    }

    fn on_tick(&mut self, cx: &mut Cx<'_>) {
        self.limiter.on_tick(cx);
        self.budgets.on_tick(cx);
        self.following.look(&mut self.authenticator, cx);
        if let Some(period) = self.authenticator.tick_period()
            && (period <= cx.now.since(self.kept_up_at) || cx.now < self.kept_up_at)
        {
            self.kept_up_at = cx.now;
            self.authenticator.on_tick(cx);
        }
    }

    fn on_grpc_answer(&mut self, id: GrpcCallId, answer: &GrpcAnswer, cx: &mut Cx<'_>) {
        self.authenticator.on_grpc_answer(id, answer, cx);
        self.limiter.on_grpc_answer(id, answer, cx);
    }

    fn on_request(&mut self, head: &RequestHead<'_>, cx: &mut Cx<'_>) -> Verdict {
        self.judge(*head, None, cx).unwrap_or_else(Verdict::from)
    }

    fn on_whole_request(
        &mut self,
        head: &RequestHead<'_>,
        body: &[u8],
        cx: &mut Cx<'_>,
    ) -> Verdict {
        self.judge(*head, Some(body), cx).unwrap_or_else(Verdict::from)
    }

    fn on_answer(&mut self, id: CallId, answer: &Answer, cx: &mut Cx<'_>) {
        self.authenticator.on_answer(id, answer, cx);
    }

    fn on_response(&mut self, ticket: Ticket, headers: &Headers, cx: &mut Cx<'_>) {
        if let Some(ticket) = self.following.limits(ticket) {
            self.limiter.on_response(ticket, headers, cx);
        }
    }

    fn on_end(&mut self, ticket: Ticket, cx: &mut Cx<'_>) {
        let Some(Followed { limits, held }) = self.following.end(ticket) else { return };
        self.budgets.end(held, cx);
        if let Some(ticket) = limits {
            self.limiter.on_end(ticket, cx);
        }
    }

    fn overdue(&mut self) -> Vec<Ticket> {
        self.following.overdue()
    }

    fn on_connection(&mut self, connection: u64) {
        self.budgets.on_connection(connection);
    }

    fn on_disconnection(&mut self, connection: u64, cx: &mut Cx<'_>) {
        self.budgets.on_disconnection(connection, cx);
    }

    fn on_close(&mut self, cx: &mut Cx<'_>) {
        self.limiter.on_close(cx);
    }

    fn on_request_trailers(&self, trailers: &Headers) -> Vec<Edit> {
        let mut edits = Vec::new();
        // Names that are not text cannot be named to the host; Envoy lets none through.
        let _ = self.sanitiser.remove_reserved(trailers, &mut edits);
        self.authenticator.strip_trailers(trailers, &mut edits);
        edits
    }
}

impl Gateway {
    /// The order of the stages: nothing is written before the contract has
    /// been chosen, nothing costs much before the caller is known, nothing is
    /// counted before the caller may call, and what the backend is told about
    /// the caller comes last, so that nothing can change it. A request that waits
    /// to know its caller is judged again from the start, having counted nowhere.
    fn judge(
        &mut self,
        head: RequestHead<'_>,
        body: Option<&[u8]>,
        cx: &mut Cx<'_>,
    ) -> Result<Verdict, Stop> {
        let path = head.path().map_err(problem::ambiguous_path)?;
        let request = Request { method: head.method(), path, headers: head.headers };
        let route = cx.host.property(property::ROUTE_NAME).filter(|name| name != NOWHERE);
        let route = route.ok_or_else(problem::no_route)?;
        let (id, group) = contract_and_group(&route);
        if group == OWN_LIMITS {
            return self.own_limits(&route, (head, body), cx).map(Verdict::Answer);
        }
        let contract = self.contracts.get(id, &self.authenticator, cx.host);
        let contract = contract.map_err(problem::no_contract)?;
        let operation = operation(&contract, group, &request)?;

        let mut edits = Edits::default();
        self.sanitiser.apply(head.headers, &mut edits.request)?;
        let path_parameters = &operation.path_parameters(&request);
        let facts = request.facts(path_parameters);
        let admitted = self.admit(operation, (head, body), &facts, cx)?;
        let (caller, token) = admitted.unzip();
        let principal = caller.as_deref();
        self.authenticator.strip(&operation.access, &head, &mut edits.request);
        let request = Counted { contract: &contract, operation, principal, facts: &facts };
        let Admitted { response, ticket: limits } = self.limit(&request, cx)?;
        let kind = budget::kind(operation, head.headers);
        let connected = budget::connect(&mut self.budgets, &self.authenticator, principal, cx);
        let place = connected.and_then(|()| {
            budget::begin(&mut self.budgets, (&contract, operation), principal, kind, cx)
        });
        let place =
            place.inspect_err(|_| limits.iter().for_each(|it| self.limiter.on_end(*it, cx)))?;
        let stream = (kind == KindSpec::Stream)
            .then(|| Stream::of(&contract, operation, head.headers, caller.as_ref()));
        (edits.response, edits.hears_response) = (response, limits.is_some());
        edits.ticket =
            Some(self.following.follow(Followed { limits, held: place }, stream.flatten()));
        operation.transform.apply(&Facts { principal, path_parameters }, &mut edits);
        if let Some(principal) = principal {
            self.identity.apply(principal, &mut edits.request);
        }
        edits.request.extend(token.flatten());
        Ok(Verdict::Continue(edits))
    }

    /// Who is calling, if that is known and the caller may, and what else the
    /// backend is told of that.
    fn admit(
        &mut self,
        operation: &Operation,
        (head, body): (RequestHead<'_>, Option<&[u8]>),
        facts: &auth::Facts<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Option<Told>, Stop> {
        let Operation { access, shadow, .. } = operation;
        let found = self.authenticator.recognise(access, &head, body, cx);
        let Some(caller) = shadow.auth(found, cx.host)? else { return Ok(None) };
        let principal = caller.as_ref().map(|caller| &*caller.principal);
        shadow.allow(access.authorise(principal, facts), cx.host)?;
        let Some(caller) = caller else { return Ok(None) };
        let admitted = self.authenticator.admit(access, &caller, cx);
        Ok(shadow.auth(admitted, cx.host)?.map(|token| (caller.principal, token)))
    }

    fn limit(&mut self, request: &Counted<'_>, cx: &mut Cx<'_>) -> Result<Admitted, Reply> {
        let Counted { contract, operation, principal, facts } = *request;
        let of_api = |index| contract.pricing.worth(index, principal, facts);
        let of_route = |index| operation.pricing.worth(index, principal, facts);
        let applied = [
            Applied { limits: &contract.limits, worth: &of_api },
            Applied { limits: &operation.limits, worth: &of_route },
        ];
        let (api, route, headers) = (contract.api(), operation.name(), facts.headers);
        let caller = Caller { api, route, principal, headers };
        let verdict = self.limiter.check(&applied, &caller, cx);
        operation.shadow.limits(verdict, cx.host)
    }
}

/// Checks that what tiers and tenants are counted by is known of somebody: by a
/// claim that nobody keeps, all of a tenant would share one count.
pub fn claims_are_kept(
    limiter: &RateLimiter,
    authenticator: &Authenticator,
) -> Result<(), InvalidGateway> {
    limiter.claims().try_for_each(|(place, claim)| {
        authenticator.keeps(claim).map_err(|fault| InvalidGateway::Claim { place, fault })
    })
}

/// Who is calling, and the token that tells the backend so, if there is one.
type Told = (Rc<Principal>, Option<Edit>);

/// Who calls what, once that is known.
struct Counted<'a> {
    contract: &'a Contract,
    operation: &'a Operation,
    principal: Option<&'a Principal>,
    facts: &'a auth::Facts<'a>,
}

/// The name of the route by which a piece of the routes says that it has no other.
const NOWHERE: &[u8] = b"=nowhere";

/// A route says by its name which contract its requests are under and which of
/// the contract's groups it serves. More words are for people.
fn contract_and_group(route: &[u8]) -> (&[u8], &[u8]) {
    let mut words = route.split(|&b| b == b' ');
    (words.next().unwrap_or_default(), words.next().unwrap_or_default())
}

/// The operation that serves a request. Envoy's route must be the one that the
/// contract means, or the request would reach a backend under a policy that
/// was written for another one.
fn operation<'c>(
    contract: &'c Contract,
    group: &[u8],
    request: &Request<'_>,
) -> Result<&'c Operation, Reply> {
    match contract.find(request) {
        Found::Operation(operation) if operation.group().as_bytes() == group => Ok(operation),
        Found::Operation(_) => Err(problem::route_mismatch()),
        Found::OtherCase => Err(problem::other_case()),
        Found::Unclear => Err(problem::unclear()),
        Found::Nothing => Err(nothing(contract, request)),
    }
}

fn nothing(contract: &Contract, request: &Request<'_>) -> Reply {
    let methods = contract.methods_instead(request);
    if methods.is_empty() { problem::no_route() } else { problem::method_not_allowed(&methods) }
}

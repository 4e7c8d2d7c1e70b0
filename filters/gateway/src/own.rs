//! What the gateway itself answers: a caller asks how its limits stand.

use std::rc::Rc;

use serde_json::{Map, Value, json};
use tollgate_auth::{AccessSpec, AllowSpec, AuthSpec, Stop};
use tollgate_core::{Content, Cx, Principal, RequestHead};
use tollgate_rate_limit::{Caller, Limits, Standing};
use tollgate_transform::MessageSpec;

use crate::contract::Contract;
use crate::gateway::Gateway;
use crate::problem;
use crate::spec::{ContractSpec, MatchSpec, OperationSpec, UseSpec};

/// Where a route's name has the group that it serves: no backend is called so.
pub(crate) const OWN_LIMITS: &[u8] = b"=limits";

/// As many as are looked up for one request: each costs a call of the host.
const STANDINGS_MAX: usize = 64;

// === impl ContractSpec ===

impl ContractSpec {
    /// So much of it as callers are recognised and told their limits by; nothing where
    /// nobody is recognised.
    pub fn asked(&self) -> Option<Self> {
        let mut ways: Vec<AccessSpec> = Vec::new();
        let mut operations = Vec::new();
        for one in &self.operations {
            let way = way(&one.access);
            let is_new = way.auth != AuthSpec::None && !ways.contains(&way);
            if is_new || !one.limits.is_empty() {
                operations.push(asked(one, way.clone()));
            }
            ways.extend(is_new.then_some(way));
        }
        let (api, limits) = (self.api.clone(), self.limits.clone());
        let asked = Self { api, limits, operations, ..Self::default() };
        (!ways.is_empty()).then_some(asked)
    }
}

/// How callers are recognised, whoever of them may call.
fn way(access: &AccessSpec) -> AccessSpec {
    AccessSpec { allow: AllowSpec::default(), token_audience: None, ..access.clone() }
}

fn asked(operation: &OperationSpec, access: AccessSpec) -> OperationSpec {
    // Limits may count by parameters of the path.
    let MatchSpec { path, prefix, regex, .. } = operation.r#match.clone();
    OperationSpec {
        name: operation.name.clone(),
        group: String::new(),
        r#match: MatchSpec { path, prefix, regex, ..MatchSpec::default() },
        access,
        limits: operation.limits.clone(),
        shadow: Vec::new(),
        uses: UseSpec::default(),
        request: MessageSpec::default(),
        response: MessageSpec::default(),
    }
}

// === impl Gateway ===

impl Gateway {
    /// How a caller's limits stand: as a whole, of the host's APIs, and of their
    /// routes. Nothing is counted, and nobody is told of another caller.
    pub(crate) fn own_limits(
        &mut self,
        route: &[u8],
        (head, body): (RequestHead<'_>, Option<&[u8]>),
        cx: &mut Cx<'_>,
    ) -> Result<Content, Stop> {
        if !matches!(head.method(), b"GET" | b"HEAD") {
            return Err(problem::method_not_allowed(&["GET", "HEAD"].into()).into());
        }
        let words = route.split(|&byte| byte == b' ').enumerate();
        let ids = words.filter(|(place, _)| *place != 1).map(|(_, id)| id);
        let contracts = ids.map(|id| self.contracts.get(id, &self.authenticator, cx.host));
        let contracts: Vec<_> =
            contracts.collect::<Result<_, _>>().map_err(problem::no_contract)?;
        let principal = self.anybody(&contracts, (head, body), cx)?;
        let mut told = Vec::new();
        for (contract, name, limits) in places(&contracts) {
            let api = contract.map(Contract::api);
            let caller = Caller {
                api: api.unwrap_or_default(),
                route: name.unwrap_or_default(),
                principal: Some(&principal),
                headers: head.headers,
            };
            let standing = self.limiter.standing(limits, &caller, cx).into_iter();
            told.extend(standing.map(|standing| entry(standing, api, name)));
            if STANDINGS_MAX <= told.len() {
                break;
            }
        }
        Ok(content(&principal, &told))
    }

    /// Whoever is calling, by any of the methods that some operation accepts.
    fn anybody(
        &mut self,
        contracts: &[Rc<Contract>],
        (head, body): (RequestHead<'_>, Option<&[u8]>),
        cx: &mut Cx<'_>,
    ) -> Result<Rc<Principal>, Stop> {
        let mut refused = None;
        for operation in contracts.iter().flat_map(|contract| contract.operations()) {
            let access = &operation.access;
            match self.authenticator.recognise(access, &head, body, cx) {
                Ok(Some(caller)) if !caller.principal.is_anonymous() => {
                    self.authenticator.use_up(access, &caller, cx)?;
                    return Ok(caller.principal);
                }
                Ok(_) => {}
                Err(Stop::Refused(reply)) => drop(refused.get_or_insert(reply)),
                Err(stop) => return Err(stop),
            }
        }
        Err(refused.unwrap_or_else(problem::no_route).into())
    }
}

/// What limits apply where; without a contract, those of the caller as a whole.
type Place<'a> = (Option<&'a Contract>, Option<&'a str>, Option<&'a Limits>);

fn places(contracts: &[Rc<Contract>]) -> impl Iterator<Item = Place<'_>> {
    let of_contracts = contracts.iter().flat_map(|contract| {
        let routes = contract.operations().iter();
        let routes = routes.map(|one| (Some(&**contract), Some(one.name()), Some(&one.limits)));
        std::iter::once((Some(&**contract), None, Some(&contract.limits))).chain(routes)
    });
    std::iter::once((None, None, None)).chain(of_contracts)
}

fn entry(standing: Standing, api: Option<&str>, route: Option<&str>) -> Value {
    let Standing { name, requests, per, left, saved, grows_in } = standing;
    let mut entry = Map::new();
    entry.insert("limit".to_owned(), name.into());
    let place = [("api", api), ("route", route)];
    let place = place.into_iter().filter_map(|(key, name)| Some((key.to_owned(), name?.into())));
    entry.extend(place);
    entry.insert("requests".to_owned(), requests.into());
    entry.insert("per".to_owned(), per.into());
    entry.insert("left".to_owned(), left.into());
    let seconds = grows_in.map(|span| span.as_secs_f64().ceil());
    entry.extend(seconds.map(|seconds| ("more_in_seconds".to_owned(), whole(seconds))));
    entry.extend(saved.map(|saved| ("saved".to_owned(), saved.into())));
    Value::Object(entry)
}

#[expect(clippy::cast_possible_truncation, reason = "it saturates, and has no fraction")]
#[expect(clippy::cast_sign_loss, reason = "a span of time is not negative")]
fn whole(seconds: f64) -> Value {
    (seconds as u64).into()
}

fn content(principal: &Principal, limits: &[Value]) -> Content {
    let (tenant, tier) = (principal.tenant.as_deref(), principal.tier.as_deref());
    let body = json!({ "tenant": tenant, "tier": tier, "limits": limits });
    Content {
        details: "tollgate.limits",
        media_type: "application/json",
        body: format!("{body:#}\n"),
    }
}

use std::borrow::Cow;

use tollgate_auth::{Access, Authenticator, Caller, Facts, Stop};
use tollgate_core::{
    CanonicalPath, Cx, Edit, Filter as _, Operation, Principal, Reply, RequestHead, Seed,
    Verdict as Judged, property,
};
use tollgate_gateway::{
    ContractSpec, Gateway as Filters, GatewaySpec, MatchSpec, OperationSpec, Request as Routed,
    StageSpec,
};
use tollgate_model::{Gateway, HostRoute};

use crate::explanation::{Explanation, Stage, Verdict};
use crate::request::{Head, InvalidRequest, Request};
use crate::routing::{self, Routing};
use crate::words::{self, Counting};
use crate::world::World;

/// Any will do: nothing of what is told depends on it.
const SEED: Seed = Seed([0; 16]);

/// Where contracts stand in the metadata of a virtual host.
const CONTRACTS: &str = "xds\0virtual_host_metadata\0filter_metadata\0tollgate\0contracts\0";

/// What is answered of requests that are counted, or cannot be.
const COUNTED: [&str; 4] =
    ["rate-limited", "counters-unavailable", "invalid-cost", "caller-unknown"];

/// Tells what becomes of a request, without sending anything: by the filters as
/// they run in an Envoy that nobody has called before.
pub fn explain(gateway: &Gateway, request: &Request) -> Result<Explanation, InvalidRequest> {
    let head = Head::of(request)?;
    // A checked gateway compiles.
    let authenticator = Authenticator::compile(gateway.identity.clone(), SEED).ok();
    let explained = authenticator.and_then(|mut authenticator| {
        Explained { gateway, request, head: &head }.stages(&mut authenticator)
    });
    let Told { stages, answer, bounds } = explained.unwrap_or_default();
    let Request { method, url, .. } = request;
    Ok(Explanation { request: format!("{method} {url}"), stages, answer, bounds })
}

/// What is explained.
#[derive(Clone, Copy)]
struct Explained<'a> {
    gateway: &'a Gateway,
    request: &'a Request,
    head: &'a Head,
}

/// A route, and what it asks.
#[derive(Clone, Copy)]
struct Chosen<'a> {
    host: &'a str,
    route: &'a HostRoute,
    contract: &'a ContractSpec,
    operation: &'a OperationSpec,
}

/// What is told of it.
#[derive(Default)]
struct Told {
    stages: Vec<Stage>,
    answer: String,
    bounds: Vec<String>,
}

impl<'a> Explained<'a> {
    fn stages(self, authenticator: &mut Authenticator) -> Option<Told> {
        let Ok(path) = self.head().path() else { return self.refused("path", None, Vec::new()) };
        if self.asks_for_limits(&path) {
            return Some(own_limits());
        }
        let routed = self.routed(path);
        match routing::find(self.gateway, &self.head.host, &routed, authenticator) {
            Routing::NoHost => {
                let facts = vec![format!("no API has the host {}", self.head.host)];
                self.refused("route", None, facts)
            }
            Routing::NoRoute { host, api } => {
                let facts = vec![format!("no route of {host} takes it")];
                let contract = api.and_then(|api| self.gateway.contracts.get(api));
                self.refused("route", contract, facts)
            }
            Routing::Route { host, route } => {
                let contract = self.gateway.contracts.get(&route.api)?;
                let mut operations = contract.operations.iter();
                let operation = operations.find(|one| one.name == route.route)?;
                self.chosen(Chosen { host, route, contract, operation }, routed, authenticator)
            }
        }
    }

    fn head(&self) -> RequestHead<'a> {
        RequestHead { headers: &self.head.headers }
    }

    fn routed(&self, path: CanonicalPath<'a>) -> Routed<'a> {
        let head = self.head();
        Routed { method: head.method(), path, headers: head.headers }
    }

    fn asks_for_limits(&self, path: &CanonicalPath<'_>) -> bool {
        let asked =
            self.gateway.limits_path.as_deref().map(str::as_bytes).map(CanonicalPath::parse);
        asked.is_some_and(|asked| asked.is_ok_and(|asked| asked.segments().eq(path.segments())))
    }

    /// No route takes it: what the gateway answers then.
    fn refused(
        self,
        stage: &'static str,
        contract: Option<&ContractSpec>,
        mut facts: Vec<String>,
    ) -> Option<Told> {
        let Judged::Reply(reply) = self.judge(contract.map(|contract| (contract, "")))? else {
            return None;
        };
        facts.insert(0, said(&reply));
        let stages = vec![Stage { stage, verdict: answers(&reply), facts }];
        Some(Told { stages, answer: answer(&reply), bounds: Vec::new() })
    }

    /// A route takes it: what each stage of the route says.
    fn chosen(
        self,
        chosen: Chosen<'_>,
        routed: Routed<'_>,
        authenticator: &mut Authenticator,
    ) -> Option<Told> {
        let Chosen { route, contract, operation, .. } = chosen;
        let access = operation.access.clone();
        let access =
            Access::compile(access, &words::parameters(&operation.r#match), authenticator).ok()?;
        let mut world = self.world(None);
        let found = {
            let mut cx = Cx { now: self.request.at, host: &mut world };
            authenticator.recognise(&access, &self.head(), Some(&self.request.body), &mut cx)
        };
        let caller = found.as_ref().ok().and_then(Option::as_ref).map(|caller| &*caller.principal);
        let facts = Facts {
            method: routed.method,
            path: Some(routed.path),
            headers: routed.headers,
            path_parameters: &values(&operation.r#match, &routed.path),
        };
        // Who is not recognised gets no further, or passes all if that is only reported.
        let allowed = found.as_ref().map_or(Ok(()), |_| access.authorise(caller, &facts));
        let judged = self.judge(Some((contract, &route.group)))?;
        let mut stages = vec![self.route_stage(&chosen)];
        stages.push(authentication(operation, &found, &world));
        stages.push(authorisation(operation, &allowed));
        let limits = words::limits_of(self.gateway, contract, operation, caller);
        stages.extend(counting(operation, &limits, &judged, &stages));
        stages.extend(self.budgets(&chosen, caller));
        stages.extend(self.onwards(&chosen, &judged));
        let bounds = limits.iter().map(|limit| limit.bounds(self.gateway)).collect();
        Some(Told { stages: settled(stages), answer: Self::answer(route, &judged), bounds })
    }

    /// The filters' verdict.
    fn judge(&self, route: Option<(&ContractSpec, &str)>) -> Option<Judged> {
        let Gateway { identity, tiers, tenant_limits, budgets, telling, .. } = self.gateway;
        let spec = GatewaySpec {
            identity: identity.clone(),
            tiers: tiers.clone(),
            tenants: tenant_limits.clone(),
            budgets: budgets.clone(),
            telling: telling.clone(),
            fleet: None,
            trusted_hops: self.trusted_hops(),
            // What a caller sends under their names comes to no backend.
            shards: false,
        };
        let mut filters = Filters::compile(spec, SEED).ok()?;
        let mut world = self.world(route);
        filters.prepare(&mut world);
        let mut cx = Cx { now: self.request.at, host: &mut world };
        Some(filters.on_whole_request(&self.head(), &self.request.body, &mut cx))
    }

    /// Of the listener that has the port, or of any.
    fn trusted_hops(&self) -> u32 {
        let listeners = || self.gateway.listeners.values();
        let with_port = listeners().find(|one| Some(one.address.port()) == self.head.port);
        with_port.or_else(|| listeners().next()).map_or(0, |listener| listener.trusted_hops)
    }

    fn world(&self, route: Option<(&ContractSpec, &str)>) -> World {
        let from = match self.request.from {
            std::net::IpAddr::V4(from) => format!("{from}:1"),
            std::net::IpAddr::V6(from) => format!("[{from}]:1"),
        };
        let world = World::default().with(property::CALLER_ADDRESS, from);
        let Some((contract, group)) = route else { return world };
        let id = contract.id();
        world
            .with(property::ROUTE_NAME, format!("{id} {group}"))
            .with(format!("{CONTRACTS}{id}"), contract.canonical())
    }

    fn route_stage(&self, chosen: &Chosen<'_>) -> Stage {
        let Chosen { host, route, operation, .. } = chosen;
        let HostRoute { api, route, .. } = route;
        let place = self.gateway.places.get(&format!("apis.{api}.routes.{route}"));
        let mut facts = vec![format!("{api}.{route}")];
        facts.extend(place.map(|place| format!("written in {place}")));
        facts.push(format!("{} of {host}", words::call(&operation.r#match)));
        Stage { stage: "route", verdict: Verdict::Passes, facts }
    }

    /// What it counts in while it is under way: nothing is, here.
    fn budgets(&self, chosen: &Chosen<'_>, caller: Option<&Principal>) -> Option<Stage> {
        let Chosen { contract, operation, .. } = chosen;
        let facts = words::budgets_of(self.gateway, contract, operation, caller);
        (!facts.is_empty()).then_some(Stage { stage: "budgets", verdict: Verdict::Passes, facts })
    }

    /// What becomes of it once it may pass.
    fn onwards(&self, chosen: &Chosen<'_>, judged: &Judged) -> Vec<Stage> {
        let passes = |stage, facts| Stage { stage, verdict: Verdict::Passes, facts };
        let mut stages = Vec::new();
        if let Judged::Continue(edits) = judged {
            for (stage, edits) in [("request", &edits.request), ("response", &edits.response)] {
                let facts: Vec<String> = edits.iter().map(edited).collect();
                if !facts.is_empty() {
                    stages.push(passes(stage, facts));
                }
            }
        }
        stages.push(passes("backend", words::action(&chosen.route.action, self.gateway)));
        stages
    }

    fn answer(route: &HostRoute, judged: &Judged) -> String {
        match judged {
            Judged::Reply(reply) => answer(reply),
            Judged::Wait(_) | Judged::Body { .. } => "cannot be told without asking".to_owned(),
            Judged::Answer(content) => format!("200 {}", content.media_type),
            Judged::Continue(_) => words::answer(&route.action),
        }
    }
}

/// The limits that count it, and before them what else stops a caller who may call.
fn counting(
    operation: &OperationSpec,
    limits: &[Counting<'_>],
    judged: &Judged,
    before: &[Stage],
) -> Vec<Stage> {
    let mut facts: Vec<String> = limits.iter().map(Counting::told).collect();
    if facts.is_empty() {
        facts.push("none".to_owned());
    }
    if operation.shadow.contains(&StageSpec::Limits) {
        facts.push("only reported".to_owned());
    }
    let mut limits = Stage { stage: "limits", verdict: Verdict::Passes, facts };
    let is_stopped = before.iter().any(|stage| stage.verdict != Verdict::Passes);
    match judged {
        Judged::Reply(reply) if !is_stopped && COUNTED.contains(&reply.problem.name) => {
            limits.verdict = answers(reply);
            limits.facts.insert(0, said(reply));
            vec![limits]
        }
        Judged::Reply(reply) if !is_stopped => {
            let facts = vec![said(reply)];
            vec![Stage { stage: "admission", verdict: answers(reply), facts }, limits]
        }
        Judged::Wait(_) if !is_stopped => {
            let facts = vec!["a token for the backend is made first".to_owned()];
            vec![Stage { stage: "admission", verdict: Verdict::Waits, facts }, limits]
        }
        _ => vec![limits],
    }
}

fn authentication(
    operation: &OperationSpec,
    found: &Result<Option<Caller>, Stop>,
    world: &World,
) -> Stage {
    let auth = words::auth(&operation.access.auth);
    let (verdict, mut facts) = match found {
        Ok(None) => (Verdict::Passes, Vec::new()),
        Ok(Some(caller)) => (Verdict::Passes, vec![words::principal(&caller.principal)]),
        Err(Stop::Refused(reply)) => refused(reply, StageSpec::Auth, operation),
        Err(Stop::Waits(call)) => {
            (Verdict::Waits, vec![format!("{} is asked first", world.asked(*call))])
        }
        Err(Stop::AwaitsBody { .. }) => (Verdict::Waits, vec!["for the body".to_owned()]),
    };
    facts.push(auth);
    if let Err(Stop::Refused(reply)) = found {
        facts.extend(not_looked_at(reply).map(str::to_owned));
    }
    Stage { stage: "authentication", verdict, facts }
}

/// What others know of callers, and nobody has asked them.
fn not_looked_at(reply: &Reply) -> Option<&'static str> {
    match reply.problem.name {
        "invalid-api-key" => Some("keys of the store are not looked at here"),
        "keys-unavailable" => Some("keys that are fetched are not known here"),
        _ => None,
    }
}

fn authorisation(operation: &OperationSpec, allowed: &Result<(), Reply>) -> Stage {
    let (verdict, mut facts) = match allowed {
        Ok(()) => (Verdict::Passes, Vec::new()),
        Err(reply) => refused(reply, StageSpec::Allow, operation),
    };
    let asked = words::allow(&operation.access.allow);
    facts.extend(if asked.is_empty() { vec!["asks for nothing".to_owned()] } else { asked });
    Stage { stage: "authorisation", verdict, facts }
}

/// A refusal, unless the stage only reports.
fn refused(reply: &Reply, stage: StageSpec, operation: &OperationSpec) -> (Verdict, Vec<String>) {
    if operation.shadow.contains(&stage) {
        let would = format!("would answer {}, and only reports it", answer(reply));
        return (Verdict::Passes, vec![would]);
    }
    (answers(reply), vec![said(reply)])
}

/// The parameters of a path that fits, decoded.
fn values<'a>(matcher: &'a MatchSpec, path: &CanonicalPath<'a>) -> Vec<(&'a str, Cow<'a, [u8]>)> {
    let template = matcher.path.as_deref().unwrap_or_default().split('/');
    let named = template.filter(|segment| !segment.is_empty()).zip(path.segments());
    let named = named.map(|(segment, value)| (segment.strip_prefix('{'), value));
    named.filter_map(|(name, value)| Some((name?.strip_suffix('}')?, value))).collect()
}

fn own_limits() -> Told {
    let facts = vec!["the gateway's own: how the caller's limits stand".to_owned()];
    let stage = Stage { stage: "route", verdict: Verdict::Passes, facts };
    let answer = "from the gateway, to whoever is recognised".to_owned();
    Told { stages: vec![stage], answer, bounds: Vec::new() }
}

/// Nothing is reached behind what stops it; what only reports does not.
fn settled(mut stages: Vec<Stage>) -> Vec<Stage> {
    let stop = stages.iter().position(|stage| stage.verdict != Verdict::Passes);
    let behind = stop.map_or(stages.len(), |stop| stop.saturating_add(1));
    for stage in stages.iter_mut().skip(behind) {
        stage.verdict = Verdict::NotReached;
    }
    stages
}

fn answers(reply: &Reply) -> Verdict {
    Verdict::Answers { status: reply.problem.status, problem: reply.problem.name }
}

fn answer(reply: &Reply) -> String {
    format!("{} {}", reply.problem.status, reply.problem.name)
}

fn said(reply: &Reply) -> String {
    reply.detail.clone().into_owned()
}

fn edited(edit: &Edit) -> String {
    let Edit { name, operation } = edit;
    let shown = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    match operation {
        Operation::Remove => format!("removes {name}"),
        Operation::Set(value) => format!("sets {name} to {:?}", shown(value)),
        Operation::Add(value) => format!("adds {name}: {:?}", shown(value)),
    }
}

use std::collections::BTreeMap;

use serde::Deserialize;
use tollgate_auth::{Access, AccessSpec, ApiKeyPlacesSpec, AuthSpec, Authenticator, WhenStale};
use tollgate_gateway::{
    MatchSpec, Operation, OperationSpec, Pricing, Shadow, StageSpec, StreamsSpec, UseSpec,
};
use tollgate_rate_limit::Limits;
use tollgate_transform::{MessageSpec, Transform};

use super::action::action;
use super::expression;
use crate::at::At;
use crate::fault::Faults;
use crate::sift::{Refused, read, sift};
use crate::{Action, Backend, Forward};

/// A route, as far as it can be judged.
pub(super) struct Route<'a> {
    pub(super) api: &'a str,
    pub(super) name: &'a str,
    pub(super) at: At<'a>,
    /// None if that was at fault.
    pub(super) matcher: Option<MatchSpec>,
    /// Likewise.
    pub(super) action: Option<Action>,
    /// None if anything was; its group is that of no route yet.
    pub(super) operation: Option<OperationSpec>,
}

/// What all routes may refer to.
pub(super) struct Known<'a> {
    pub(super) root: &'a At<'a>,
    pub(super) methods: &'a Authenticator,
    /// Those without a fault.
    pub(super) backends: &'a BTreeMap<String, Backend>,
    /// Of the API whose routes they are.
    pub(super) api_key: Option<ApiKeyPlacesSpec>,
    /// Likewise.
    pub(super) when_stale: Option<WhenStale>,
    /// Likewise.
    pub(super) token_audience: Option<String>,
}

#[derive(Deserialize)]
struct Stages {
    #[serde(default)]
    shadow: Vec<StageSpec>,
}

#[derive(Deserialize)]
struct Changes {
    #[serde(default)]
    request: MessageSpec,
    #[serde(default)]
    response: MessageSpec,
}

impl Known<'_> {
    /// With what holds for the whole API. Nobody's caller is told of.
    fn complete(&self, access: AccessSpec) -> AccessSpec {
        let is_open = access.auth == AuthSpec::None;
        let token_audience = self.token_audience.clone().filter(|_| !is_open);
        let (api_key, when_stale) = (self.api_key.clone(), self.when_stale);
        AccessSpec { api_key, when_stale, token_audience, ..access }
    }
}

/// Checks each part of a route by itself, so that all faults are told.
pub(super) fn route<'a>(
    api: &'a str,
    name: &'a str,
    at: At<'a>,
    known: &Known<'_>,
    faults: &mut Faults,
) -> Route<'a> {
    let matcher = matcher(&at, known, faults);
    let action = action(&at, matcher.as_ref(), known, faults);
    access(&at, known, faults);
    shadow(&at, known, faults);
    limits(&at, known, faults);
    changes(&at, matcher.is_some(), faults);
    let mut operation = operation(name, &at, known, faults);
    if let (Some(operation), Some(Action::Forward(forward))) = (&mut operation, &action) {
        operation.uses = uses(&at, forward, faults);
    }
    Route { api, name, at, matcher, action, operation }
}

/// The route as the filter gets it, if it is whole.
fn operation(
    name: &str,
    at: &At<'_>,
    known: &Known<'_>,
    faults: &mut Faults,
) -> Option<OperationSpec> {
    let Changes { request, response } = at.with(&at.only(&["request", "response"])).read(faults)?;
    Some(OperationSpec {
        name: name.to_owned(),
        group: String::new(),
        r#match: at.get("match")?.read(faults)?,
        access: known.complete(at.with(&at.only(&["auth", "allow"])).read(faults)?),
        shadow: at.get("shadow").map_or_else(|| Some(Vec::new()), |at| at.read(faults))?,
        limits: at.get("limits").map_or_else(|| Some(Vec::new()), |limits| limits.read(faults))?,
        uses: UseSpec::default(),
        request,
        response,
    })
}

/// What it takes of budgets.
fn uses(at: &At<'_>, forward: &Forward, faults: &mut Faults) -> UseSpec {
    let streams = match (&forward.stream, &forward.websocket) {
        (Some(_), _) => StreamsSpec::All,
        (None, Some(_)) => StreamsSpec::Upgrades,
        (None, None) => StreamsSpec::None,
    };
    let priority = at.get("priority").and_then(|at| at.read(faults)).unwrap_or_default();
    UseSpec { backends: forward.split.keys().cloned().collect(), priority, streams }
}

/// How a path is told. Exactly one of them is written.
const PATHS: [&str; 3] = ["path", "prefix", "regex"];

fn matcher(at: &At<'_>, known: &Known<'_>, faults: &mut Faults) -> Option<MatchSpec> {
    let at = at.get("match")?;
    for field in ["path", "prefix", "regex", "methods", "headers", "query"] {
        part_of_match(&at, &[field], known, faults);
    }
    part_of_match(&at, &PATHS, known, faults);
    if faults.are_in(&at.path) { None } else { at.read(faults) }
}

/// Judges some fields of a match as if there were no others.
fn part_of_match(at: &At<'_>, fields: &[&str], known: &Known<'_>, faults: &mut Faults) {
    let part = at.only(fields);
    let needs_path = fields != PATHS;
    if part.fields().is_empty() && needs_path {
        return;
    }
    sift(&at.with(&part), faults, |json| {
        let mut matcher: MatchSpec = read(json)?;
        if needs_path && has_no_path(&matcher) {
            matcher.path = Some("/".to_owned());
        }
        match found(&matcher, known) {
            None => Ok(()),
            Some(text) => Err(Refused::inside(&text, "match")),
        }
    });
}

/// What the filters say of a match, or else Envoy would, with the path to it.
fn found(matcher: &MatchSpec, known: &Known<'_>) -> Option<String> {
    match Operation::compile(operation_of(matcher.clone(), known), known.methods) {
        Ok(_) => expression::fault(matcher),
        Err(invalid) => Some(invalid.to_string()),
    }
}

fn has_no_path(matcher: &MatchSpec) -> bool {
    matcher.path.is_none() && matcher.prefix.is_none() && matcher.regex.is_none()
}

/// What is wrong with what a request is matched by, without the path to it.
pub(super) fn match_fault(matcher: &MatchSpec, known: &Known<'_>) -> Option<String> {
    let text = found(matcher, known)?;
    Some(text.split_once(": ").map_or_else(|| text.clone(), |(_, text)| text.to_owned()))
}

/// Anybody may call it, and nothing else is said about it.
fn operation_of(r#match: MatchSpec, known: &Known<'_>) -> OperationSpec {
    let access = known.complete(open());
    let (shadow, limits, uses, request, response) = <_>::default();
    let (name, group) = <_>::default();
    OperationSpec { name, group, r#match, access, shadow, limits, uses, request, response }
}

/// Anybody may call, and nobody is recognised.
pub(super) fn open() -> AccessSpec {
    let (allow, api_key, when_stale, token_audience) = <_>::default();
    AccessSpec { auth: AuthSpec::None, allow, api_key, when_stale, token_audience }
}

fn access(at: &At<'_>, known: &Known<'_>, faults: &mut Faults) {
    let part = at.only(&["auth", "allow"]);
    let parameters = path_parameters(at);
    sift(&at.with(&part), faults, |json| {
        let compiled = Access::compile(known.complete(read(json)?), &parameters, known.methods);
        compiled.map(drop).map_err(|invalid| Refused::Invalid(invalid.to_string()))
    });
}

/// An access that is at fault was told, and says nothing about its shadow.
fn shadow(at: &At<'_>, known: &Known<'_>, faults: &mut Faults) {
    let access = access_of(at, known, &path_parameters(at));
    let (Some(access), Some(_)) = (access, at.get("shadow")) else { return };
    sift(&at.with(&at.only(&["shadow"])), faults, |json| {
        let Stages { shadow } = read(json)?;
        let compiled = Shadow::compile(&shadow, &access);
        compiled.map(drop).map_err(|invalid| Refused::Invalid(invalid.to_string()))
    });
}

/// Every stage of a route that refuses nobody.
pub(super) fn notices(root: &At<'_>) -> Faults {
    let mut notices = Faults::default();
    for (_, api) in root.fields("apis") {
        for (_, route) in api.fields("routes") {
            for at in route.items("shadow") {
                let stage = at.text().unwrap_or_default();
                at.fault(
                    &mut notices,
                    format!("{stage} is judged and reported, and refuses nobody"),
                );
            }
        }
    }
    notices
}

/// What limits ask of callers is held against who may call, unless that is at
/// fault itself.
fn limits(at: &At<'_>, known: &Known<'_>, faults: &mut Faults) {
    let Some(limits) = at.get("limits") else { return };
    let parameters = path_parameters(at);
    let access = access_of(at, known, &parameters);
    sift(&limits, faults, |json| {
        let limits = Limits::compile(read(json)?);
        let limits = limits.map_err(|invalid| Refused::Invalid(invalid.to_string()))?;
        let Some(access) = &access else { return Ok(()) };
        let priced = Pricing::compile(&limits, &parameters, access);
        priced.map(drop).map_err(|invalid| Refused::Invalid(invalid.to_string()))
    });
}

fn access_of(at: &At<'_>, known: &Known<'_>, parameters: &[&str]) -> Option<Access> {
    let access = at.with(&at.only(&["auth", "allow"])).node.to_json();
    let spec = serde_json::from_value(access).ok()?;
    Access::compile(known.complete(spec), parameters, known.methods).ok()
}

/// Where the match is at fault, its parameters may be too, and are believed.
pub(super) fn path_parameters<'a>(at: &At<'a>) -> Vec<&'a str> {
    let path = at.get("match").and_then(|matcher| matcher.get("path"));
    let segments = path.and_then(|path| path.text()).unwrap_or_default().split('/');
    segments.filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect()
}

fn changes(at: &At<'_>, matches: bool, faults: &mut Faults) {
    let has_path = at.get("match").is_some_and(|matcher| matcher.get("path").is_some());
    if !has_path && !matches {
        return;
    }
    let parameters = path_parameters(at);
    let part = at.only(&["request", "response"]);
    sift(&at.with(&part), faults, |json| {
        let Changes { request, response } = read(json)?;
        let compiled = Transform::compile(request, response, &parameters);
        compiled.map(drop).map_err(|invalid| Refused::Invalid(invalid.to_string()))
    });
}

impl Route<'_> {
    /// The request headers that it writes, in lower case, with their places.
    pub(super) fn written(&self) -> Vec<(String, At<'_>)> {
        let headers = self.at.get("request").and_then(|request| request.get("headers"));
        let Some(headers) = headers else { return Vec::new() };
        let removed = headers.items("remove");
        let removed = removed.into_iter().filter_map(|at| Some((at.text()?, at)));
        let named = headers.fields("set").into_iter().chain(headers.fields("add")).chain(removed);
        named.map(|(name, at)| (name.to_ascii_lowercase(), at)).collect()
    }
}

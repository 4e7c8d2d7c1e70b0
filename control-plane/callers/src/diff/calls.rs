//! Which calls there are, and what each asks.

use std::collections::{BTreeMap, BTreeSet};

use tollgate_gateway::{MatchSpec, OperationSpec};
use tollgate_model::{Action, Gateway, HostRoute};
use tollgate_transform::MessageSpec;

use super::{access, limits};
use crate::words;

/// One method of one route, as callers know it.
pub(super) struct Call<'g> {
    matcher: MatchSpec,
    asks: Asks<'g>,
}

/// What a call asks, and what becomes of it.
#[derive(Clone, Copy)]
struct Asks<'g> {
    operation: &'g OperationSpec,
    action: &'g Action,
    gateway: &'g Gateway,
}

/// The calls of a host, in the order in which they are tried.
pub(super) fn calls<'g>(routes: &'g [HostRoute], gateway: &'g Gateway) -> Vec<Call<'g>> {
    routes.iter().flat_map(|route| of_route(route, gateway)).collect()
}

fn of_route<'g>(route: &'g HostRoute, gateway: &'g Gateway) -> Vec<Call<'g>> {
    let contract = gateway.contracts.get(&route.api);
    let mut operations = contract.into_iter().flat_map(|contract| &contract.operations);
    let Some(operation) = operations.find(|one| one.name == route.route) else {
        return Vec::new();
    };
    let asks = Asks { operation, action: &route.action, gateway };
    let matcher = MatchSpec { priority: 0, ..route.matcher.clone() };
    if matcher.methods.is_empty() {
        return vec![Call { matcher, asks }];
    }
    let with = |method: &String| MatchSpec { methods: vec![method.clone()], ..matcher.clone() };
    matcher.methods.iter().map(|method| Call { matcher: with(method), asks }).collect()
}

/// What is different about the calls of one host.
pub(super) fn diff(old: &[Call<'_>], new: &[Call<'_>]) -> Vec<String> {
    let (before, after) = (Known::of(old), Known::of(new));
    let mut texts = Vec::new();
    for call in new {
        match before.serving(call) {
            Some(served) => texts.extend(call.differences(served)),
            None => texts.push(call.introduced()),
        }
    }
    for call in old.iter().filter(|call| after.same(call).is_none()) {
        match after.serving(call) {
            Some(serving) => texts.extend(call.replaced(serving)),
            None => texts.push(format!("{} is gone", call.name())),
        }
    }
    texts
}

/// Calls, to be found by what they are: there may be very many.
struct Known<'c, 'g> {
    all: &'c [Call<'g>],
    same: BTreeMap<String, &'c Call<'g>>,
}

impl<'c, 'g> Known<'c, 'g> {
    fn of(all: &'c [Call<'g>]) -> Self {
        Self { all, same: all.iter().map(|call| (call.key(), call)).collect() }
    }

    fn same(&self, call: &Call<'_>) -> Option<&'c Call<'g>> {
        self.same.get(&call.key()).copied()
    }

    /// What serves a call: the same one, or a broader one that takes every
    /// request of it.
    fn serving(&self, call: &Call<'_>) -> Option<&'c Call<'g>> {
        let broader = || self.all.iter().find(|other| other.matcher.shadows(&call.matcher));
        self.same(call).or_else(broader)
    }
}

impl Call<'_> {
    fn name(&self) -> String {
        let name = words::call(&self.matcher);
        if self.matcher.methods.is_empty() { format!("any method of {name}") } else { name }
    }

    /// The name without those of parameters, which callers never see.
    fn key(&self) -> String {
        let path = self.matcher.path.as_deref().unwrap_or_default().split('/');
        let nameless = |segment| if words::is_parameter(segment) { "{}" } else { segment };
        let path: Vec<&str> = path.map(nameless).collect();
        let path = self.matcher.path.as_ref().map(|_| path.join("/"));
        words::call(&MatchSpec { path, ..self.matcher.clone() })
    }

    fn introduced(&self) -> String {
        let Asks { operation, .. } = self.asks;
        let mut asks = vec![words::auth(&operation.access.auth)];
        asks.extend(words::allow(&operation.access.allow));
        asks.extend(operation.limits.iter().map(words::limit));
        format!("{} is new: {}", self.name(), asks.join("; "))
    }

    fn differences(&self, before: &Call<'_>) -> Vec<String> {
        let name = self.name();
        let told = self.asks.differences(&before.asks);
        told.into_iter().map(|text| format!("{name} {text}")).collect()
    }

    /// It is no longer there, and a broader one takes what would have been its.
    fn replaced(&self, by: &Call<'_>) -> Vec<String> {
        let (name, other) = (self.name(), by.name());
        let told = by.asks.differences(&self.asks);
        let told = told.into_iter().map(|text| format!("{name}, now a case of {other}, {text}"));
        told.collect()
    }
}

impl Asks<'_> {
    fn differences(&self, before: &Asks<'_>) -> Vec<String> {
        let (ours, theirs) = (self.operation, before.operation);
        let mut told = access::diff(&theirs.access, &ours.access);
        told.extend(access::shadow(&theirs.shadow, &ours.shadow));
        told.extend(limits::diff(&theirs.limits, &ours.limits));
        told.extend(self.destination(before));
        told.extend(changes("request", &theirs.request, &ours.request));
        told.extend(changes("response", &theirs.response, &ours.response));
        told
    }

    fn destination(&self, before: &Asks<'_>) -> Option<String> {
        if self.action == before.action {
            return None;
        }
        if let (Action::Forward(now), Action::Forward(then)) = (self.action, before.action)
            && now.split.keys().eq(then.split.keys())
        {
            let says = words::action(self.action, self.gateway);
            return Some(format!("goes otherwise: {}", says.join("; ")));
        }
        let (now, then) = (words::destination(self.action), words::destination(before.action));
        Some(format!("now {now} (before: {then})"))
    }
}

/// Header changes, by header: a caller or a backend sees another one.
fn changes(of: &str, old: &MessageSpec, new: &MessageSpec) -> Vec<String> {
    let (old, new) = (headers(old), headers(new));
    let names = old.keys().chain(new.keys()).collect::<BTreeSet<_>>();
    let changed = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    changed
        .map(|name| match new.get(name) {
            Some(what) => format!("has {of} header {name} {what}"),
            None => format!("has {of} header {name} as it comes"),
        })
        .collect()
}

fn headers(message: &MessageSpec) -> BTreeMap<String, String> {
    let MessageSpec { headers } = message;
    let removed = headers.remove.iter().map(|name| (name, "removed".to_owned()));
    let set = headers.set.iter().map(|(name, value)| (name, format!("set to {value:?}")));
    let added = headers.add.iter().map(|(name, value)| (name, format!("added as {value:?}")));
    let all = removed.chain(set).chain(added);
    all.map(|(name, what)| (name.to_ascii_lowercase(), what)).collect()
}

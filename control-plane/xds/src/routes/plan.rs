//! Which Envoy routes a host needs.
//!
//! Operations are matched by the filter, so Envoy only has to find the backend.
//! Operations of one API of which the same becomes are a *group*. A group that has
//! a part of the host's paths to itself needs one route. Groups that are mixed
//! up need a route for each operation, in the order in which they are tried,
//! and behind them routes that take a path whatever the method: they let the
//! filter say which methods there are, and lead nowhere.

use std::collections::{BTreeMap, BTreeSet};

use tollgate_gateway::MatchSpec;
use tollgate_model::{Action, HostRoute};

use super::conditions;
use super::paths::{PathMatch, plain_beginning};

/// What one or two of Envoy's routes do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planned<'a> {
    /// For people who read Envoy's configuration.
    pub(crate) label: String,
    pub(crate) api: &'a str,
    /// None if it leads nowhere.
    pub(crate) group: Option<&'a str>,
    /// Likewise.
    pub(crate) action: Option<&'a Action>,
    pub(crate) paths: Vec<PathMatch>,
    /// What else must hold.
    pub(crate) conditions: Option<&'a MatchSpec>,
}

/// Operations of one API of which the same becomes.
struct Group<'a> {
    routes: Vec<&'a HostRoute>,
    /// The segments under which all of them lie.
    beginning: Vec<String>,
}

type Groups<'a> = BTreeMap<(&'a str, &'a str), Group<'a>>;

/// The routes of a host, in the order in which Envoy tries them.
pub(crate) fn plan<'a>(routes: &[&'a HostRoute]) -> Vec<Planned<'a>> {
    let groups = groups(routes);
    let alone: BTreeSet<_> =
        groups.keys().copied().filter(|key| has_paths_to_itself(*key, &groups)).collect();
    let (alone_routes, mixed): (Vec<_>, Vec<_>) =
        routes.iter().copied().partition(|route| alone.contains(&key(route)));
    let mut order = BTreeSet::new();
    let first = alone_routes.into_iter().map(key).filter(|key| order.insert(*key));
    let whole = first.filter_map(|key| Some(of_group(key, groups.get(&key)?)));
    let operations = mixed.iter().copied().map(of_operation);
    whole.chain(operations).chain(leading_nowhere(&mixed)).collect()
}

fn key(route: &HostRoute) -> (&str, &str) {
    (&route.api, &route.group)
}

fn groups<'a>(routes: &[&'a HostRoute]) -> Groups<'a> {
    let mut groups = Groups::new();
    for &route in routes {
        let beginning = plain_beginning(&route.matcher);
        let group = groups
            .entry(key(route))
            .or_insert_with(|| Group { routes: Vec::new(), beginning: beginning.clone() });
        let common = group.beginning.iter().zip(&beginning).take_while(|(a, b)| a == b).count();
        group.beginning.truncate(common);
        group.routes.push(route);
    }
    groups
}

/// Whether no operation of another group can take a path under the beginning.
fn has_paths_to_itself(key: (&str, &str), groups: &Groups<'_>) -> bool {
    let Some(own) = groups.get(&key) else { return false };
    let others = groups.iter().filter(|(other, _)| **other != key);
    let mut operations = others.flat_map(|(_, group)| &group.routes);
    operations.all(|other| are_apart(&own.beginning, &plain_beginning(&other.matcher)))
}

/// Whether neither lies under the other.
fn are_apart(one: &[String], other: &[String]) -> bool {
    one.iter().zip(other).any(|(one, other)| one != other)
}

fn of_group<'a>((api, name): (&'a str, &'a str), group: &Group<'a>) -> Planned<'a> {
    Planned {
        label: format!("{api}/{name}"),
        api,
        group: Some(name),
        action: group.routes.first().map(|route| &route.action),
        paths: vec![PathMatch::under(&group.beginning)],
        conditions: None,
    }
}

fn of_operation(route: &HostRoute) -> Planned<'_> {
    let HostRoute { api, route: name, group, action, matcher, .. } = route;
    Planned {
        label: format!("{api}/{name}"),
        api,
        group: Some(group),
        action: Some(action),
        paths: PathMatch::of(matcher),
        conditions: Some(matcher),
    }
}

/// Each path once for each API, where something beside the path decides.
fn leading_nowhere<'a>(routes: &[&'a HostRoute]) -> Vec<Planned<'a>> {
    let mut seen = BTreeSet::new();
    let conditional = routes.iter().filter(|route| conditions::any(&route.matcher));
    let paths = conditional.map(|route| (route.api.as_str(), PathMatch::of(&route.matcher)));
    let once = paths.filter(|path| seen.insert(path.clone()));
    once.map(|(api, paths)| Planned {
        label: format!("{api}/-"),
        api,
        group: None,
        action: None,
        paths,
        conditions: None,
    })
    .collect()
}

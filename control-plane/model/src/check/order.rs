//! In which order routes are tried, and which are then never reached.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tollgate_core::unescape;
use tollgate_gateway::MatchSpec;

use super::route::Route;
use crate::HostRoute;
use crate::fault::Faults;

/// Why routes cannot stand beside each other.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidOrder {
    #[error(
        "no request to {host} reaches this route, since {other} takes each of them before; \
         narrow that one, or give this one a higher `priority`"
    )]
    Shadowed { host: String, other: String },
    #[error(
        "{header:?} decides whether {other} is taken, so no route of {host} can change it; \
         match another header there"
    )]
    WritesDecider { header: String, other: String, host: String },
}

type Api<'a> = (&'a str, BTreeSet<String>, Vec<Route<'a>>);

/// The order in which the routes of one API are tried.
pub(super) fn sorted(mut routes: Vec<Route<'_>>) -> Vec<Route<'_>> {
    routes.sort_by_cached_key(|route| {
        (route.matcher.as_ref().map(MatchSpec::precedence), route.name.to_owned())
    });
    routes
}

/// The routes of every host, all APIs together, in the order in which they are tried.
pub(super) fn by_host(apis: &[Api<'_>], faults: &mut Faults) -> BTreeMap<String, Vec<HostRoute>> {
    let mut hosts: BTreeMap<&str, Vec<(&Route<'_>, &MatchSpec)>> = BTreeMap::new();
    for (_, patterns, routes) in apis {
        for host in patterns {
            let good = routes.iter().filter_map(|route| Some((route, route.matcher.as_ref()?)));
            hosts.entry(host).or_default().extend(good);
        }
    }
    let mut told = BTreeSet::new();
    let mut by_host = BTreeMap::new();
    for (host, mut routes) in hosts {
        routes.sort_by_cached_key(|(route, matcher)| (matcher.precedence(), route.api, route.name));
        shadowed(host, &routes, &mut told, faults);
        deciders(host, &routes, &mut told, faults);
        by_host.insert(host.to_owned(), routes.into_iter().filter_map(host_route).collect());
    }
    by_host
}

/// None of a route that is at fault.
fn host_route((route, matcher): (&Route<'_>, &MatchSpec)) -> Option<HostRoute> {
    Some(HostRoute {
        api: route.api.to_owned(),
        route: route.name.to_owned(),
        group: route.operation.as_ref()?.group.clone(),
        action: route.action.clone()?,
        matcher: matcher.clone(),
    })
}

/// Each is told once, however many hosts it is a fault of.
type Told = BTreeSet<String>;

fn shadowed<'a>(
    host: &str,
    routes: &[(&'a Route<'a>, &'a MatchSpec)],
    told: &mut Told,
    faults: &mut Faults,
) {
    let mut earlier = Earlier::default();
    for (route, matcher) in routes {
        let other = earlier.shadow_of(matcher);
        earlier.add(route, matcher);
        let (Some(other), Some(at)) = (other, route.at.get("match")) else { continue };
        if told.insert(at.path.to_string()) {
            let (host, other) = (host.to_owned(), shown(other));
            at.fault(faults, InvalidOrder::Shadowed { host, other }.to_string());
        }
    }
}

/// The routes that are tried before, by how their paths begin: to compare each
/// with each would take too long where there are thousands.
#[derive(Default)]
struct Earlier<'a> {
    by_beginning: HashMap<Vec<u8>, Vec<(&'a Route<'a>, &'a MatchSpec)>>,
}

impl<'a> Earlier<'a> {
    fn add(&mut self, route: &'a Route<'a>, matcher: &'a MatchSpec) {
        if let Some(whole) = beginnings(matcher).pop() {
            self.by_beginning.entry(whole).or_default().push((route, matcher));
        }
    }

    /// What takes every request that `matcher` would. Its literal beginning is
    /// one of those of `matcher`.
    fn shadow_of(&self, matcher: &MatchSpec) -> Option<&'a Route<'a>> {
        let beginnings = beginnings(matcher);
        let candidates = beginnings.iter().filter_map(|one| self.by_beginning.get(one)).flatten();
        let shadow = candidates.into_iter().find(|(_, earlier)| earlier.shadows(matcher));
        shadow.map(|(route, _)| *route)
    }
}

/// The literal segments that a path begins with: none, the first, the first two
/// and so on. A regular expression stands for itself.
fn beginnings(matcher: &MatchSpec) -> Vec<Vec<u8>> {
    let mut beginnings = vec![Vec::new()];
    if let Some(regex) = &matcher.regex {
        beginnings.push(regex.clone().into_bytes());
        return beginnings;
    }
    let path = matcher.path.as_deref().or(matcher.prefix.as_deref()).unwrap_or_default();
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    let mut beginning = Vec::new();
    for segment in segments.take_while(|segment| !segment.starts_with('{')) {
        beginning.push(b'/');
        beginning.extend(unescape(segment.as_bytes()).to_ascii_lowercase());
        beginnings.push(beginning.clone());
    }
    beginnings
}

/// Envoy chooses the route anew when a header was written, and the filter is
/// not asked a second time.
fn deciders(host: &str, routes: &[(&Route<'_>, &MatchSpec)], told: &mut Told, faults: &mut Faults) {
    let mut deciders = BTreeMap::new();
    for (route, matcher) in routes {
        for header in matcher.headers.keys() {
            deciders.entry(header.to_ascii_lowercase()).or_insert(route);
        }
    }
    for (route, _) in routes {
        for (header, at) in route.written() {
            let Some(other) = deciders.get(&header) else { continue };
            if told.insert(at.path.to_string()) {
                let (other, host) = (shown(other), host.to_owned());
                let invalid = InvalidOrder::WritesDecider { header, other, host };
                at.fault(faults, invalid.to_string());
            }
        }
    }
}

fn shown(route: &Route<'_>) -> String {
    format!("{} ({})", route.at.path, route.at.node.spot)
}

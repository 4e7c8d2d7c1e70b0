//! How the routes of a host divide: into a piece for each first segment of paths.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::{once, successors};

use tollgate_gateway::MatchSpec;

use crate::HostRoute;

/// A part of a host's routes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct RoutePiece {
    /// The host, or the pattern of hosts.
    pub host: String,
    /// The first segment of every path, in small letters. None for what no other
    /// piece of the host takes.
    pub segment: Option<String>,
    /// Whether the host has no other piece.
    pub is_whole: bool,
}

/// What is known of a host's routes before they are checked: who has how many
/// under which first segment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Division {
    by_segment: BTreeMap<Option<String>, BTreeMap<String, usize>>,
    /// Under how many segments each API has routes.
    apis: BTreeMap<String, usize>,
    routes: usize,
}

/// How many times a host's routes may be in its pieces: those that take any first
/// segment are in every one.
const COPIES_MAX: usize = 2;

// === impl RoutePiece ===

impl RoutePiece {
    /// What it is called: no first segment has a star in it.
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.segment_or_star())
    }

    /// The segment, or a star for all others.
    pub fn segment_or_star(&self) -> &str {
        self.segment.as_deref().unwrap_or("*")
    }

    /// Those of a host's routes that are in it.
    pub fn routes_of<'a>(&self, routes: &'a [HostRoute]) -> Vec<&'a HostRoute> {
        let is_in = |route: &&HostRoute| {
            let first = first_segment(&route.matcher);
            self.is_whole || first.is_none() || first == self.segment
        };
        routes.iter().filter(is_in).collect()
    }

    /// Whether a path that is looked up by itself is looked for here.
    pub fn has_path(&self, path: &str) -> bool {
        self.is_whole || segment_of_path(path) == self.segment
    }
}

/// The first segment of every path that a match takes, in small letters: none if
/// they have different ones, or one that can be written in several ways.
pub fn first_segment(spec: &MatchSpec) -> Option<String> {
    let (path, is_whole) = match (&spec.path, &spec.prefix) {
        (Some(path), _) => (path, true),
        (None, prefix) => (prefix.as_ref()?, false),
    };
    match path.split('/').find(|segment| !segment.is_empty()) {
        Some(first) => is_plain(first).then(|| first.to_ascii_lowercase()),
        None => is_whole.then(String::new),
    }
}

/// Whether there is only one way to write a segment: the characters that are
/// never escaped (RFC 3986, section 2.3), since filters refuse needless escapes.
pub fn is_plain(segment: &str) -> bool {
    let is_unreserved =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    segment.bytes().all(is_unreserved)
}

/// Under which names a host may have routes: its own, then the narrowest pattern, then
/// the one for all others.
pub fn names_of_host(host: &str) -> impl Iterator<Item = String> {
    let above = successors(host.split_once('.'), |(_, rest)| rest.split_once('.'));
    let patterns = above.map(|(_, rest)| format!("*.{rest}"));
    once(host.to_owned()).chain(patterns).chain(once("*".to_owned()))
}

pub(crate) fn segment_of_path(path: &str) -> Option<String> {
    first_segment(&MatchSpec { path: Some(path.to_owned()), ..MatchSpec::default() })
}

// === impl Division ===

impl Division {
    pub(crate) fn of(routes: &[HostRoute]) -> Self {
        let mut division = Self::default();
        for route in routes {
            division.add(first_segment(&route.matcher), &route.api, 1);
        }
        division
    }

    pub(crate) fn add(&mut self, segment: Option<String>, api: &str, routes: usize) {
        let apis = self.by_segment.entry(segment).or_default();
        if !apis.contains_key(api) {
            let segments = self.apis.entry(api.to_owned()).or_default();
            *segments = segments.saturating_add(1);
        }
        let count = apis.entry(api.to_owned()).or_default();
        *count = count.saturating_add(routes);
        self.routes = self.routes.saturating_add(routes);
    }

    pub(crate) fn remove(&mut self, segment: Option<&str>, api: &str) {
        let segment = segment.map(str::to_owned);
        let Some(apis) = self.by_segment.get_mut(&segment) else { return };
        let Some(routes) = apis.remove(api) else { return };
        self.routes = self.routes.saturating_sub(routes);
        if apis.is_empty() {
            self.by_segment.remove(&segment);
        }
        let left = self.apis.get(api).map_or(0, |segments| segments.saturating_sub(1));
        match self.apis.get_mut(api) {
            Some(segments) if 0 < left => *segments = left,
            _ => drop(self.apis.remove(api)),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_segment.is_empty()
    }

    /// How many APIs have a part in it.
    pub(crate) fn apis(&self) -> usize {
        self.apis.len()
    }

    /// Whether an API has a part in it.
    pub(crate) fn has(&self, api: &str) -> bool {
        self.apis.contains_key(api)
    }

    pub(crate) fn routes(&self) -> usize {
        self.routes
    }

    /// Whether there are pieces beside the one for all other segments: only if that
    /// makes few copies of what takes any.
    pub(crate) fn is_divided(&self) -> bool {
        let anywhere = self.by_segment.get(&None).map_or(0, |apis| apis.values().sum());
        let has_anywhere = self.by_segment.contains_key(&None);
        let segments = self.by_segment.len().saturating_sub(usize::from(has_anywhere));
        let copies = segments.saturating_mul(anywhere);
        0 < segments && copies <= self.routes.saturating_mul(COPIES_MAX)
    }

    /// All pieces of the host; `asked` is a path that has one of its own.
    pub(crate) fn pieces(&self, host: &str, asked: Option<&str>) -> Vec<RoutePiece> {
        let piece = |segment, is_whole| RoutePiece { host: host.to_owned(), segment, is_whole };
        if !self.is_divided() {
            return vec![piece(None, true)];
        }
        let mut segments: BTreeSet<_> = self.by_segment.keys().cloned().collect();
        segments.insert(None);
        segments.extend(asked.map(segment_of_path));
        segments.into_iter().map(|segment| piece(segment, false)).collect()
    }

    /// The piece of a first segment, if a divided host has one.
    pub(crate) fn piece(&self, host: &str, segment: Option<&str>) -> Option<RoutePiece> {
        let (host, segment) = (host.to_owned(), segment.map(str::to_owned));
        let there = segment.is_none() || self.by_segment.contains_key(&segment);
        there.then_some(RoutePiece { host, segment, is_whole: false })
    }

    /// The APIs that have routes in a piece.
    pub(crate) fn apis_in(&self, piece: &RoutePiece) -> BTreeSet<&str> {
        if piece.is_whole {
            return self.apis.keys().map(String::as_str).collect();
        }
        let taken = [&None, &piece.segment].into_iter().filter_map(|key| self.by_segment.get(key));
        taken.flat_map(|apis| apis.keys().map(String::as_str)).collect()
    }

    /// The first of the host's APIs by name.
    pub(crate) fn first_apis(&self, count: usize) -> BTreeSet<&str> {
        self.apis.keys().take(count).map(String::as_str).collect()
    }
}

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::match_of;
use crate::draft::mapping;
use crate::fault::Faults;
use crate::piece::first_segment;
use crate::yaml::{Node, Value};
use crate::{Envoys, Fault, Source};

/// What is kept of an API.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Entry {
    pub(super) file: String,
    /// A hash of what was written, places included.
    pub(super) mark: u64,
    pub(super) hosts: BTreeSet<String>,
    /// How many routes it has under each first segment.
    pub(super) segments: BTreeMap<Option<String>, usize>,
    pub(super) on_demand: bool,
    /// The backends that its routes name.
    pub(super) backends: BTreeSet<String>,
    /// Those of its critical routes.
    pub(super) critical: BTreeSet<String>,
    /// Which Envoys it is for.
    pub(super) envoys: Envoys,
}

/// A file, taken apart.
pub(super) struct Split {
    pub(super) general: Node,
    /// A hash of that, places included; none if it holds nothing.
    pub(super) mark: Option<u64>,
    pub(super) apis: Vec<(String, Node)>,
}

/// Why a file is not taken apart.
pub(super) enum Unsplit {
    /// It can be told for itself what is wrong with it: it cannot be read at all.
    Unreadable(Vec<Fault>),
    /// It has to be read together with all others.
    Together,
}

pub(super) fn split(source: &Source) -> Result<Split, Unsplit> {
    let mut faults = Faults::default();
    let Some(mut general) = mapping(source, &mut faults) else {
        return Err(Unsplit::Unreadable(faults.into_sorted()));
    };
    let Value::Mapping(fields) = &mut general.value else { return Err(Unsplit::Together) };
    let position = fields.iter().position(|(name, _)| name == "apis");
    let apis = position.map(|position| fields.remove(position).1);
    let apis = match apis.map(|apis| apis.value) {
        Some(Value::Mapping(apis)) => apis,
        None => Vec::new(),
        Some(_) => return Err(Unsplit::Together),
    };
    let mark = (!general.fields().is_empty()).then(|| mark(&general));
    faults.is_empty().then_some(Split { general, mark, apis }).ok_or(Unsplit::Together)
}

/// All of them, or every fault of those that cannot be read.
pub(super) fn all_split<T>(
    splits: impl Iterator<Item = Result<T, Unsplit>>,
) -> Result<Vec<T>, Unsplit> {
    let (mut all, mut faults, mut is_together) = (Vec::new(), Vec::new(), false);
    for split in splits {
        match split {
            Ok(split) => all.push(split),
            Err(Unsplit::Unreadable(found)) => faults.extend(found),
            Err(Unsplit::Together) => is_together = true,
        }
    }
    match (faults.is_empty(), is_together) {
        (true, false) => Ok(all),
        (true, true) => Err(Unsplit::Together),
        (false, _) => Err(Unsplit::Unreadable(faults)),
    }
}

/// The texts in a list of an API's.
fn texts<'a>(api: &'a Node, name: &str) -> impl Iterator<Item = &'a str> {
    let items = api.get(name).map(Node::items).unwrap_or_default();
    items.iter().filter_map(|item| match &item.value {
        Value::String(text) => Some(text.as_str()),
        _ => None,
    })
}

pub(super) fn mark(node: &Node) -> u64 {
    let mut hasher = DefaultHasher::new();
    node.hash(&mut hasher);
    hasher.finish()
}

fn text<'a>(node: &'a Node, name: &str) -> Option<&'a String> {
    match &node.get(name)?.value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// The backends to which a route sends requests, but for copies of them.
fn backends(route: &Node) -> impl Iterator<Item = &String> {
    let split = route.get("split").map(Node::fields).unwrap_or_default();
    text(route, "backend").into_iter().chain(split.iter().map(|(name, _)| name))
}

fn is_critical(route: &Node) -> bool {
    text(route, "priority").is_some_and(|priority| priority == "critical")
}

// === impl Entry ===

impl Entry {
    pub(super) fn of(file: &str, api: &Node) -> Self {
        let hosts = texts(api, "hosts").map(str::to_ascii_lowercase).collect();
        let envoys = Envoys::of(texts(api, "envoys").map(str::to_owned));
        let mut segments = BTreeMap::new();
        for (_, route) in api.get("routes").map(Node::fields).unwrap_or_default() {
            let count: &mut usize = segments.entry(first_segment(&match_of(route))).or_default();
            *count = count.saturating_add(1);
        }
        let on_demand =
            api.get("on_demand").is_some_and(|node| matches!(node.value, Value::Bool(true)));
        let routes = || api.get("routes").map(Node::fields).unwrap_or_default().iter();
        let critical = routes().filter(|(_, route)| is_critical(route));
        let critical = critical.flat_map(|(_, route)| backends(route).cloned()).collect();
        let mirrors = routes().filter_map(|(_, route)| text(route.get("mirror")?, "backend"));
        let all = routes().flat_map(|(_, route)| backends(route)).chain(mirrors);
        let (file, mark, backends) = (file.to_owned(), mark(api), all.cloned().collect());
        Self { file, mark, hosts, segments, on_demand, backends, critical, envoys }
    }

    pub(super) fn routes(&self) -> usize {
        self.segments.values().sum()
    }

    /// Whether it has no part in any piece.
    pub(super) fn is_homeless(&self) -> bool {
        self.hosts.is_empty() || self.segments.is_empty()
    }
}

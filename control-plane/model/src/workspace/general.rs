//! What holds for all APIs, and in which files that is written.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::iter::once;

use crate::fault::Faults;
use crate::merge::merge;
use crate::place::Spot;
use crate::schema::SCHEMA;
use crate::yaml::{Node, Value};
use crate::{Reference, check, shape};

/// What of all files is no API.
#[derive(Debug)]
pub(super) struct General {
    /// Together.
    pub(super) whole: Node,
    /// Each file's, with a hash of it, places included. None of a file that has nothing of it.
    by_file: BTreeMap<String, (u64, Node)>,
}

/// Of these an entry can be another, and no other entry is another by that.
const APART: [&str; 2] = ["backends", "tiers"];

// === impl General ===

impl General {
    /// None if they do not go together, or are not of the form that they should be. `first`: where the first file begins.
    pub(super) fn of(first: Spot, by_file: BTreeMap<String, (u64, Node)>) -> Option<Self> {
        let empty = Node { spot: first, value: Value::Mapping(Vec::new()) };
        let roots = once(empty).chain(by_file.values().map(|(_, node)| node.clone()));
        let mut faults = Faults::default();
        let mut whole = merge(roots.collect(), &mut faults)?;
        shape::hold(&SCHEMA, &mut whole, &mut faults);
        faults.is_empty().then_some(Self { whole, by_file })
    }

    /// Whether a file has this, by its hash; or nothing.
    pub(super) fn has(&self, file: &str, mark: Option<u64>) -> bool {
        self.by_file.get(file).map(|(mark, _)| *mark) == mark
    }

    /// The files that have something of this.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.by_file.keys().map(String::as_str)
    }

    /// As it is with some files as they are now. None if they do not go together, or
    /// more is another than what can be another by itself.
    pub(super) fn with(&self, files: BTreeMap<String, Option<(u64, Node)>>) -> Option<Self> {
        let mut by_file = self.by_file.clone();
        for (file, node) in files {
            match node {
                Some(node) => drop(by_file.insert(file, node)),
                None => drop(by_file.remove(&file)),
            }
        }
        let next = Self::of(self.whole.spot.clone(), by_file)?;
        let is_apart = self.rest() == next.rest() && self.references() == next.references();
        is_apart.then_some(next)
    }

    /// The backends that are others to their routes than before, were not there, or are
    /// not any more. Where a backend is, is nothing to a route.
    pub(super) fn other_backends(&self, before: &Self) -> BTreeSet<String> {
        let (ours, theirs) = (self.backends(), before.backends());
        let names = ours.keys().chain(theirs.keys());
        let others = names.filter(|name| ours.get(*name) != theirs.get(*name));
        others.map(|name| (*name).to_owned()).collect()
    }

    pub(super) fn references(&self) -> Vec<Reference> {
        check::references(&self.whole)
    }

    /// All but what can be another by itself.
    fn rest(&self) -> BTreeMap<&str, u64> {
        let fields = self.whole.fields().iter();
        let rest = fields.filter(|(name, _)| !APART.contains(&name.as_str()));
        rest.map(|(name, node)| (name.as_str(), hash(once((name, node))))).collect()
    }

    /// What routes are told of backends.
    fn backends(&self) -> BTreeMap<&str, u64> {
        let all = self.whole.get("backends").map(Node::fields).unwrap_or_default().iter();
        let told = |backend: &Node| {
            let fields = backend.fields().iter().filter(|(field, _)| field != "endpoints");
            hash(fields.map(|(field, node)| (field, node)))
        };
        all.map(|(name, backend)| (name.as_str(), told(backend))).collect()
    }
}

/// Of what is written, wherever: a line more elsewhere makes nothing another.
fn hash<'n>(fields: impl Iterator<Item = (&'n String, &'n Node)>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (name, node) in fields {
        name.hash(&mut hasher);
        node.hash_value(&mut hasher);
    }
    hasher.finish()
}

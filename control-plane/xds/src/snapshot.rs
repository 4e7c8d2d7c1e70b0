use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use rpds::RedBlackTreeMapSync;
use tollgate_model::Envoys;

/// A kind of resource, in the order in which additions are pushed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Clusters (CDS).
    Cluster,
    /// The endpoints of clusters (EDS).
    Endpoints,
    /// Certificates, keys and authorities (SDS).
    Secret,
    /// Filter configurations (ECDS).
    Extension,
    /// Listeners (LDS).
    Listener,
    /// Which requests a piece of the routes is for (SRDS).
    Scopes,
    /// Route configurations (RDS).
    Routes,
}

impl Kind {
    /// Every kind, in the order in which additions are pushed.
    pub const ALL: [Self; 7] = [
        Self::Cluster,
        Self::Endpoints,
        Self::Secret,
        Self::Extension,
        Self::Listener,
        Self::Scopes,
        Self::Routes,
    ];

    /// The type URL that stands in discovery requests and responses.
    pub const fn type_url(self) -> &'static str {
        match self {
            Self::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::Endpoints => "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            Self::Secret => "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
            Self::Extension => "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            Self::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::Scopes => "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration",
            Self::Routes => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        }
    }

    /// The kind that a type URL names, if it is one that is served here.
    pub fn from_type_url(url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.type_url() == url)
    }
}

/// One thing that Envoy is told.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Resource {
    /// A hash of the model that the resource says, never of its bytes: equal
    /// models have equal versions on every replica.
    pub version: String,

    /// The message, encoded; every stream that sends it shares the bytes.
    pub body: Bytes,

    /// Clusters that must be warm before this makes sense.
    pub needs: Vec<String>,

    /// What it was made from, with its place, for whoever has to mend it:
    /// `backends.orders (tollgate.yaml:12)`.
    pub origin: String,

    /// Who is told of it.
    pub envoys: Envoys,
}

impl Resource {
    /// Whether some Envoys are not told of it.
    fn is_kept(&self) -> bool {
        !self.envoys.are_all()
    }

    /// Whether it says the same as another, to the same Envoys.
    pub fn says_as(&self, other: &Self) -> bool {
        self.version == other.version && self.envoys == other.envoys
    }
}

/// Everything one Envoy is to be told, by kind and by name.
///
/// A copy costs nothing and shares what is not changed in it; so does what came
/// of it know by what it differs from it.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    tables: BTreeMap<Kind, Table>,
    /// How many resources are not for every Envoy.
    kept: usize,
    latest: Option<Arc<Change>>,
}

type Table = RedBlackTreeMapSync<String, Resource>;

/// One thing that was changed, and what was before it.
#[derive(Debug)]
struct Change {
    kind: Kind,
    name: String,
    before: Option<Arc<Change>>,
    /// How many others are known to have been before it.
    depth: usize,
}

/// So many changes are remembered; who is further behind compares everything.
const DEPTH_MAX: usize = 1000;

impl Snapshot {
    /// A resource, if there is one of that kind and name.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Resource> {
        self.tables.get(&kind)?.get(name)
    }

    /// Every resource of a kind, in the order of their names.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = (&String, &Resource)> {
        self.tables.get(&kind).into_iter().flat_map(Table::iter)
    }

    /// Puts a resource in the place of whatever there was.
    pub fn insert(&mut self, kind: Kind, name: String, resource: Resource) {
        let before = self.get(kind, &name);
        let was_kept = before.is_some_and(Resource::is_kept);
        // Only its origin can be another: that is nothing to be told.
        let is_news = before.is_none_or(|before| !before.says_as(&resource));
        self.count(was_kept, resource.is_kept());
        if is_news {
            self.note(kind, name.clone());
        }
        self.tables.entry(kind).or_default().insert_mut(name, resource);
    }

    /// Takes a resource out, if there is one.
    pub fn remove(&mut self, kind: Kind, name: &str) {
        let Some(table) = self.tables.get_mut(&kind) else { return };
        let was_kept = table.get(name).is_some_and(Resource::is_kept);
        if table.remove_mut(name) {
            self.count(was_kept, false);
            self.note(kind, name.to_owned());
        }
    }

    fn count(&mut self, was_kept: bool, is_kept: bool) {
        let kept = self.kept.saturating_sub(usize::from(was_kept));
        self.kept = kept.saturating_add(usize::from(is_kept));
    }

    /// Has these resources of a kind, and no others.
    pub fn replace(&mut self, kind: Kind, resources: BTreeMap<String, Resource>) {
        let names = self.of(kind).map(|(name, _)| name);
        let gone: Vec<_> = names.filter(|name| !resources.contains_key(*name)).cloned().collect();
        for name in gone {
            self.remove(kind, &name);
        }
        for (name, resource) in resources {
            self.insert(kind, name, resource);
        }
    }

    /// What of it Envoys of a group are told. `before`: an earlier one, and what they
    /// were told of that.
    #[must_use]
    pub fn seen_by(&self, group: &str, before: Option<(&Self, &Self)>) -> Self {
        if self.kept == 0 {
            return self.clone();
        }
        let known = before.and_then(|(all, seen)| Some((self.changed_since(all)?, seen.clone())));
        let (changed, mut seen) = known.unwrap_or_else(|| (self.names(), Self::default()));
        for (kind, name) in changed {
            match self.get(kind, name).filter(|resource| resource.envoys.have(group)) {
                Some(resource) => seen.insert(kind, name.to_owned(), resource.clone()),
                None => seen.remove(kind, name),
            }
        }
        seen
    }

    fn names(&self) -> BTreeSet<(Kind, &str)> {
        let of = |kind| self.of(kind).map(move |(name, _)| (kind, name.as_str()));
        Kind::ALL.into_iter().flat_map(of).collect()
    }

    fn note(&mut self, kind: Kind, name: String) {
        let before = self.latest.take().filter(|latest| latest.depth < DEPTH_MAX);
        let depth = before.as_ref().map_or(0, |before| before.depth.saturating_add(1));
        self.latest = Some(Arc::new(Change { kind, name, before, depth }));
    }

    /// In what it differs, if it came of `before` by a few changes: kinds and names,
    /// perhaps more than do differ. None if that is not known.
    pub fn changed_since(&self, before: &Self) -> Option<BTreeSet<(Kind, &str)>> {
        let Some(known) = &before.latest else {
            return self.latest.is_none().then(BTreeSet::new);
        };
        let (mut changed, mut change) = (BTreeSet::new(), self.latest.as_ref());
        while let Some(one) = change {
            if Arc::ptr_eq(one, known) {
                return Some(changed);
            }
            changed.insert((one.kind, one.name.as_str()));
            change = one.before.as_ref();
        }
        None
    }
}

impl Extend<(Kind, String, Resource)> for Snapshot {
    fn extend<I: IntoIterator<Item = (Kind, String, Resource)>>(&mut self, resources: I) {
        for (kind, name, resource) in resources {
            self.insert(kind, name, resource);
        }
    }
}

impl FromIterator<(Kind, String, Resource)> for Snapshot {
    fn from_iter<I: IntoIterator<Item = (Kind, String, Resource)>>(resources: I) -> Self {
        let mut snapshot = Self::default();
        snapshot.extend(resources);
        snapshot
    }
}

/// By what is in them, however that came about.
impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        Kind::ALL.into_iter().all(|kind| self.of(kind).eq(other.of(kind)))
    }
}

impl Eq for Snapshot {}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(version: &str) -> Resource {
        Resource { version: version.to_owned(), ..Resource::default() }
    }

    fn of(groups: &[&str], version: &str) -> Resource {
        let envoys = Envoys::of(groups.iter().copied().map(str::to_owned));
        Resource { envoys, ..resource(version) }
    }

    fn with(before: &Snapshot, added: &[(&str, &str)]) -> Snapshot {
        let mut after = before.clone();
        for (name, version) in added {
            after.insert(Kind::Cluster, (*name).to_owned(), resource(version));
        }
        after
    }

    fn changed<'s>(after: &'s Snapshot, before: &Snapshot) -> Option<Vec<&'s str>> {
        Some(after.changed_since(before)?.into_iter().map(|(_, name)| name).collect())
    }

    #[test]
    fn what_came_of_a_snapshot_knows_in_what_it_differs() {
        let first = with(&Snapshot::default(), &[("a", "1"), ("b", "1")]);
        let second = with(&first, &[("a", "1"), ("b", "2"), ("c", "1")]);
        let mut third = with(&second, &[("c", "2")]);
        third.remove(Kind::Cluster, "a");
        third.remove(Kind::Cluster, "missing");
        assert_eq!(changed(&second, &first), Some(vec!["b", "c"]), "equal versions are no change");
        assert_eq!(changed(&third, &second), Some(vec!["a", "c"]));
        assert_eq!(changed(&third, &first), Some(vec!["a", "b", "c"]));
        assert_eq!(changed(&third, &third), Some(vec![]));
        assert_eq!(first.of(Kind::Cluster).count(), 2, "it is as it was");
    }

    fn seen(snapshot: &Snapshot) -> Vec<&str> {
        snapshot.of(Kind::Secret).map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn a_group_sees_what_is_its_own_and_everybodys() {
        let mut all = Snapshot::default();
        for (name, groups) in [("edge", &["edge"][..]), ("inner", &["inner"]), ("all", &[])] {
            all.insert(Kind::Secret, name.to_owned(), of(groups, "1"));
        }
        let before = all.seen_by("edge", None);
        assert_eq!(seen(&before), ["all", "edge"]);
        assert_eq!(seen(&all.seen_by("other", None)), ["all"]);

        let mut after = all.clone();
        after.insert(Kind::Secret, "inner".to_owned(), of(&["inner", "edge"], "1"));
        after.insert(Kind::Secret, "edge".to_owned(), of(&["inner"], "2"));
        let now = after.seen_by("edge", Some((&all, &before)));
        assert_eq!(seen(&now), ["all", "inner"], "nothing but who is told has changed");
        assert_eq!(changed(&now, &before), Some(vec!["edge", "inner"]));
        assert_eq!(now, after.seen_by("edge", None), "however it came about");
    }

    #[test]
    fn where_nothing_is_kept_from_anybody_all_see_the_same() {
        let mut all = with(&Snapshot::default(), &[("a", "1")]);
        assert_eq!(changed(&all.seen_by("edge", None), &all), Some(vec![]), "nothing is copied");
        all.insert(Kind::Secret, "inner".to_owned(), of(&["inner"], "1"));
        assert_eq!(seen(&all.seen_by("edge", None)), [""; 0]);
        all.remove(Kind::Secret, "inner");
        assert_eq!(changed(&all.seen_by("edge", None), &all), Some(vec![]));
    }

    #[test]
    fn what_came_of_another_does_not() {
        let first = with(&Snapshot::default(), &[("a", "1")]);
        let (one, other) = (with(&first, &[("b", "1")]), with(&first, &[("c", "1")]));
        assert_eq!(changed(&one, &other), None);
        assert_eq!(changed(&first, &one), None, "nor does what was before");
        assert_eq!(changed(&one, &Snapshot::default()), None);
        let names: Vec<_> = (0..=DEPTH_MAX).map(|number| number.to_string()).collect();
        let far = names.iter().fold(first.clone(), |last, name| with(&last, &[(name, "1")]));
        assert_eq!(changed(&far, &first), None, "nor does what came much later");
    }
}

use tollgate_model::Envoys;

use super::*;
use crate::revision::differing;

const NOW: Timestamp = Timestamp::EPOCH;

/// Lines of `kind name version`, and after it the clusters that it needs.
fn snapshot(lines: &[&str]) -> Arc<Snapshot> {
    let mut snapshot = Snapshot::default();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let (name, version) = (words[1].to_owned(), words[2].to_owned());
        let needs = words[3..].iter().map(|name| (*name).to_owned()).collect();
        let resource = Resource { version, needs, ..Resource::default() };
        snapshot.insert(kind(words[0]), name, resource);
    }
    Arc::new(snapshot)
}

fn kind(word: &str) -> Kind {
    match word {
        "cluster" => Kind::Cluster,
        "routes" => Kind::Routes,
        other => panic!("{other}"),
    }
}

fn named(name: &str, version: &str) -> Named {
    Named { name: name.to_owned(), version: version.to_owned(), origin: "a.yaml:1".to_owned() }
}

/// What stands in a snapshot, as it was written.
fn shown(snapshot: &Snapshot) -> Vec<String> {
    let word = |kind| if kind == Kind::Cluster { "cluster" } else { "routes" };
    let of = |kind| {
        snapshot.of(kind).map(move |(name, one)| format!("{} {name} {}", word(kind), one.version))
    };
    Kind::ALL.into_iter().flat_map(of).collect()
}

/// Of the group `edge`.
fn of(node: &str) -> Node {
    Node { id: node.to_owned(), group: "edge".to_owned() }
}

struct World {
    verdicts: Verdicts,
    snapshot: Arc<Snapshot>,
}

impl World {
    /// Everything was taken by an Envoy `a`.
    fn of(lines: &[&str]) -> Self {
        let mut this = Self { verdicts: Verdicts::default(), snapshot: snapshot(lines) };
        let taken: Vec<_> = shown(&this.snapshot);
        for line in taken {
            this.accepts("a", &line);
        }
        this
    }

    fn publish(&mut self, lines: &[&str]) {
        let before = std::mem::replace(&mut self.snapshot, snapshot(lines));
        self.verdicts.prune(&self.snapshot, differing(&before, &self.snapshot));
    }

    fn accepts(&mut self, node: &str, line: &str) -> bool {
        let words: Vec<&str> = line.split(' ').collect();
        let resources = vec![named(words[1], words[2])];
        let event = Event::Acked { kind: kind(words[0]), resources, removed: Vec::new() };
        self.verdicts.heard(&event, node, &[&self.snapshot], NOW)
    }

    fn refuses(&mut self, node: &str, line: &str) -> bool {
        let words: Vec<&str> = line.split(' ').collect();
        let resource = Some(named(words[1], words[2]));
        let event = Event::Refused { kind: kind(words[0]), message: "no".to_owned(), resource };
        self.verdicts.heard(&event, node, &[&self.snapshot], NOW)
    }

    /// What somebody who connects now is told.
    fn newcomer(&self, node: &str) -> Vec<String> {
        shown(&self.verdicts.served(&self.snapshot, Some(&of(node)), |_, _, _| false))
    }
}

#[test]
fn what_is_refused_is_held_back_alone_and_the_last_good_version_serves() {
    let mut world = World::of(&["cluster x 1", "cluster y 1"]);
    world.publish(&["cluster x 2", "cluster y 2", "cluster z 1"]);
    assert!(world.refuses("a", "cluster x 2"));
    for node in ["a", "b"] {
        assert_eq!(world.newcomer(node), ["cluster x 1", "cluster y 2", "cluster z 1"]);
    }
    let held = world.verdicts.held();
    let [held] = held.as_slice() else { panic!("{held:?}") };
    assert_eq!((held.name.as_str(), held.version.as_str()), ("x", "2"));
    assert_eq!(
        (held.serving.as_deref(), held.nodes.as_slice()),
        (Some("1"), &["a".to_owned()][..])
    );

    world.publish(&["cluster x 3", "cluster y 2"]);
    assert_eq!(world.newcomer("a"), ["cluster x 3", "cluster y 2"], "another version is offered");
    assert_eq!(world.verdicts.held(), []);
}

#[test]
fn what_one_refuses_and_another_takes_is_kept_from_the_one() {
    let mut world = World::of(&["cluster x 1"]);
    world.publish(&["cluster x 2"]);
    assert!(world.refuses("a", "cluster x 2"));
    assert!(!world.refuses("a", "cluster x 2"), "that was known");
    assert!(world.accepts("b", "cluster x 2"));
    assert!(!world.accepts("c", "cluster x 2"), "that was known");
    assert_eq!(world.newcomer("a"), ["cluster x 1"]);
    assert_eq!(world.newcomer("d"), ["cluster x 2"]);
    assert!(world.accepts("a", "cluster x 2"), "it takes it after all");
    assert_eq!(world.newcomer("a"), ["cluster x 2"]);
}

#[test]
fn what_was_never_good_is_offered_as_it_is() {
    let mut world = World::of(&[]);
    world.publish(&["cluster x 1"]);
    world.refuses("a", "cluster x 1");
    assert_eq!(world.newcomer("a"), ["cluster x 1"]);
    assert_eq!(world.verdicts.held()[0].serving, None);
}

#[test]
fn what_was_offered_already_is_not_taken_back() {
    let mut world = World::of(&["cluster x 1"]);
    world.publish(&["cluster x 2"]);
    world.refuses("a", "cluster x 2");
    let was_offered = |_, _: &str, version: &str| version == "2";
    let served = world.verdicts.served(&world.snapshot, Some(&of("b")), was_offered);
    assert!(Arc::ptr_eq(&served, &world.snapshot));
}

#[test]
fn an_older_version_brings_back_the_clusters_that_it_names() {
    let mut world = World::of(&["cluster old 1", "routes r 1 old"]);
    world.publish(&["cluster new 1", "routes r 2 new"]);
    world.accepts("a", "cluster new 1");
    world.refuses("a", "routes r 2");
    assert_eq!(world.newcomer("b"), ["cluster new 1", "cluster old 1", "routes r 1"]);

    world.publish(&["cluster new 1", "routes r 3 new"]);
    world.accepts("a", "routes r 3");
    world.publish(&["cluster new 1", "routes r 4 new"]);
    world.accepts("a", "routes r 4");
    world.publish(&["cluster new 1", "routes r 5 new"]);
    assert!(world.verdicts.good.get(Kind::Cluster, "new").is_some());
    assert!(world.verdicts.good.get(Kind::Cluster, "old").is_none(), "nothing needs it");
}

#[test]
fn an_older_version_that_was_for_others_is_not_brought_back() {
    let mut world = World::of(&["cluster x 1", "cluster y 1"]);
    let snapshot = Arc::make_mut(&mut world.snapshot);
    let inner = Envoys::of(["inner".to_owned()]);
    let resource = Resource { version: "2".to_owned(), envoys: inner, ..Resource::default() };
    snapshot.insert(Kind::Cluster, "x".to_owned(), resource);
    assert!(!world.accepts("of inner", "cluster x 2"));
    world.publish(&["cluster x 3", "cluster y 1"]);
    world.refuses("a", "cluster x 3");
    assert_eq!(world.newcomer("a"), ["cluster x 3", "cluster y 1"]);
}

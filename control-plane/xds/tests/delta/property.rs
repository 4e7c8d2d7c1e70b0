//! Whatever is committed, refused and broken off: no request meets a gap, and
//! in the end Envoy has what it should.

use proptest::prelude::*;
use tollgate_xds::{Kind, Resource, Snapshot};

use crate::envoy::{Envoy, is_bad, needs_of};

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    Commit(Box<Snapshot>),
    Follow(Box<Snapshot>),
    ServerSends,
    EnvoyReads,
    ServerReads,
    Reconnect,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn envoy_ends_with_the_snapshot_and_never_meets_a_gap(
        steps in prop::collection::vec(step(), 1..120),
        applies_partly in any::<bool>(),
    ) {
        let mut envoy = Envoy::new(applies_partly);
        let mut snapshot = Snapshot::default();
        for step in steps {
            match step {
                Step::Commit(next) => {
                    snapshot = *next;
                    envoy.commit(&snapshot);
                }
                // As what came of the one before, which knows in what it differs.
                Step::Follow(next) => {
                    for kind in Kind::ALL {
                        let of = next.of(kind).map(|(name, one)| (name.clone(), one.clone()));
                        snapshot.replace(kind, of.collect());
                    }
                    envoy.commit(&snapshot);
                }
                Step::ServerSends => { envoy.server_sends(); }
                Step::EnvoyReads => { envoy.reads(); }
                Step::ServerReads => { envoy.server_reads(); }
                Step::Reconnect => envoy.reconnect(&snapshot),
            }
            envoy.assert_no_gap();
        }
        envoy.run_until_quiet();
        envoy.assert_no_gap();
        envoy.pass_waiting();
        for kind in Kind::ALL {
            assert_has(&envoy, kind, &snapshot);
        }
    }
}

fn assert_has(envoy: &Envoy, kind: Kind, snapshot: &Snapshot) {
    let has = &envoy.has[&kind];
    for (name, resource) in snapshot.of(kind).filter(|(name, _)| envoy.wants(kind, name)) {
        let version = has.get(name);
        if is_bad(&resource.version) {
            assert_ne!(version, Some(&resource.version), "{kind:?} {name} was refused");
        } else {
            assert_eq!(version, Some(&resource.version), "{kind:?} {name}");
        }
    }
    for name in has.keys().filter(|name| snapshot.get(kind, name).is_none()) {
        let may_stay = match kind {
            // What was refused leaves Envoy with what it had, and that is needed.
            Kind::Cluster => envoy.runs_old_routes(snapshot),
            Kind::Endpoints | Kind::Secret | Kind::Extension => envoy.wants(kind, name),
            Kind::Listener | Kind::Scopes | Kind::Routes => false,
        };
        assert!(may_stay, "{kind:?} {name} is not removed");
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => snapshots().prop_map(|snapshot| Step::Commit(Box::new(snapshot))),
        1 => snapshots().prop_map(|snapshot| Step::Follow(Box::new(snapshot))),
        6 => Just(Step::ServerSends),
        6 => Just(Step::EnvoyReads),
        6 => Just(Step::ServerReads),
        1 => Just(Step::Reconnect),
    ]
}

/// Clusters `a` to `c` with their endpoints; listeners `l` and `m` with their
/// routes, which name some of the clusters, their secrets and their extensions;
/// scopes `s` and `t` with routes of their own.
fn snapshots() -> impl Strategy<Value = Snapshot> {
    let clusters = prop::collection::btree_map("[a-c]", (1_u8..5, 1_u8..4), 0..4);
    let listeners =
        prop::collection::btree_map("[lm]", (1_u8..5, 1_u8..5, any::<[bool; 3]>()), 0..3);
    let scopes = prop::collection::btree_map("[st]", (1_u8..5, 1_u8..5, any::<[bool; 3]>()), 0..3);
    (clusters, listeners, scopes).prop_map(|(clusters, listeners, scopes)| {
        let mut snapshot = Snapshot::default();
        let mut put = |kind, name: &str, version: String| {
            let needs = needs_of(&version);
            let resource = Resource { version, needs, ..Resource::default() };
            snapshot.insert(kind, name.to_owned(), resource);
        };
        let named_by = |named: &[bool; 3]| {
            let named = clusters.keys().zip(named).filter(|(_, named)| **named);
            named.map(|(cluster, _)| format!(" {cluster}")).collect::<String>()
        };
        for (name, (version, endpoints)) in &clusters {
            put(Kind::Cluster, name, version.to_string());
            put(Kind::Endpoints, name, endpoints.to_string());
        }
        for (name, (version, routes, named)) in &listeners {
            let needs = named_by(named);
            put(Kind::Listener, name, version.to_string());
            put(Kind::Secret, name, routes.to_string());
            put(Kind::Extension, name, version.to_string());
            put(Kind::Routes, name, format!("{routes}{needs}"));
        }
        for (name, (version, routes, named)) in &scopes {
            put(Kind::Scopes, name, version.to_string());
            put(Kind::Routes, name, format!("{routes}{}", named_by(named)));
        }
        snapshot
    })
}

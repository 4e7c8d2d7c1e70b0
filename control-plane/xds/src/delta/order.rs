//! What may go out when.

use std::time::Duration;

use crate::Kind;

/// A response is cut here. In one piece, a big answer would keep Envoy's main
/// thread busy for seconds and double its memory.
pub(super) const RESPONSE_BYTES_MAX: usize = 1 << 20;

/// How long routes and listeners wait for the clusters that they name: longer
/// than a warm cluster takes, shorter than a person who waits for a change.
/// The removals of a reconnected Envoy wait as long for what it subscribes to.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(5);

/// Removals, referrers first.
pub(super) const REMOVALS: [Kind; 7] = [
    Kind::Listener,
    Kind::Scopes,
    Kind::Routes,
    Kind::Extension,
    Kind::Secret,
    Kind::Cluster,
    Kind::Endpoints,
];

/// How many responses may be without a verdict.
///
/// Envoy withholds its verdict on clusters until they are warm, which takes
/// endpoints and perhaps further clusters: those must not wait for it. Where
/// one refused resource has to be found among several, one at a time is best.
pub(super) const fn window(kind: Kind) -> usize {
    match kind {
        Kind::Cluster => 64,
        Kind::Endpoints | Kind::Secret | Kind::Extension => 8,
        Kind::Listener | Kind::Scopes | Kind::Routes => 1,
    }
}

/// The kinds whose resources name resources of this kind.
pub(super) const fn referrers(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::Cluster => &[Kind::Listener, Kind::Routes],
        Kind::Endpoints => &[Kind::Cluster],
        Kind::Secret | Kind::Extension => &[Kind::Listener],
        Kind::Routes => &[Kind::Listener, Kind::Scopes],
        Kind::Listener | Kind::Scopes => &[],
    }
}

/// Whether Envoy must not be told that a resource is gone while it asks for
/// it: it would answer requests 500, empty a cluster that still serves, or have no certificate.
pub(super) const fn is_kept_while_named(kind: Kind) -> bool {
    matches!(kind, Kind::Extension | Kind::Endpoints | Kind::Secret)
}

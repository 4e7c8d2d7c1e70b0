//! What each Envoy has, in words and in numbers.

use std::fmt::Write as _;

use super::Admin;
use super::views::{EnvoyView, Everywhere, HeldView, PendingView, RefusedView, Status};
use crate::delivery::{EnvoyStatus, Held, Latency, Pending, Refused};
use crate::report::label;
use crate::store::when::shown;

impl Admin {
    pub(super) fn status(&self) -> Status {
        let revision = self.revisions.borrow().number;
        let status = self.deliveries.status();
        let envoys: Vec<_> = status.envoys.into_iter().map(|one| envoy(one, revision)).collect();
        let everywhere = status.latency.last.map(|last| Everywhere {
            revision: last.revision,
            milliseconds: u64::try_from(last.after.as_millis()).unwrap_or(u64::MAX),
        });
        Status {
            revision,
            live: envoys.iter().filter(|envoy| envoy.state == LIVE).count(),
            connected: envoys.len(),
            envoys,
            held: status.held.into_iter().map(held).collect(),
            last_everywhere: everywhere,
        }
    }

    /// In the text format of Prometheus.
    pub(super) fn metrics(&self) -> String {
        let Status { revision, envoys, held, .. } = self.status();
        let mut text = String::new();
        let _ = writeln!(text, "# TYPE tollgate_revision gauge\ntollgate_revision {revision}");
        text.push_str("# TYPE tollgate_envoys gauge\n");
        for state in [LIVE, PENDING, REFUSED] {
            let count = envoys.iter().filter(|envoy| envoy.state == state).count();
            let _ = writeln!(text, "tollgate_envoys{{state=\"{state}\"}} {count}");
        }
        let _ = writeln!(
            text,
            "# TYPE tollgate_resources_held_back gauge\ntollgate_resources_held_back {}",
            held.len()
        );
        latency(&self.deliveries.status().latency, &mut text);
        text
    }
}

const LIVE: &str = "live";
const PENDING: &str = "pending";
const REFUSED: &str = "refused";

/// From the moment that a revision was published to the last Envoy's answer.
fn latency(latency: &Latency, text: &mut String) {
    let name = "tollgate_revision_live_seconds";
    let _ = writeln!(text, "# TYPE {name} histogram");
    let mut count = 0_u64;
    for (index, one) in latency.counts.iter().enumerate() {
        count = count.saturating_add(*one);
        let bound = Latency::BOUNDS.get(index);
        let bound = bound.map_or("+Inf".to_owned(), |bound| bound.as_secs_f64().to_string());
        let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {count}");
    }
    let _ = writeln!(text, "{name}_sum {}\n{name}_count {count}", latency.sum.as_secs_f64());
}

fn envoy(status: EnvoyStatus, newest: u64) -> EnvoyView {
    let EnvoyStatus { node, group, peer, connected, live, acked, pending, refused } = status;
    let state = if !refused.is_empty() {
        REFUSED
    } else if live == Some(newest) {
        LIVE
    } else {
        PENDING
    };
    EnvoyView {
        node,
        group,
        peer: peer.to_string(),
        connected_at: shown(connected),
        revision: live,
        state,
        taken: acked,
        pending: pending.into_iter().map(waiting).collect(),
        refused: refused.into_iter().map(refusal).collect(),
    }
}

fn waiting(pending: Pending) -> PendingView {
    let Pending { kind, name, version: _, origin, since } = pending;
    PendingView { kind: label(kind), name, origin, since: shown(since) }
}

fn refusal(refused: Refused) -> RefusedView {
    let Refused { kind, name, version: _, origin, reason, running, since } = refused;
    let runs_older = running.is_some();
    RefusedView { kind: label(kind), name, origin, reason, runs_older, since: shown(since) }
}

fn held(held: Held) -> HeldView {
    let Held { kind, name, version: _, origin, nodes, reason, serving, since } = held;
    let serves_older = serving.is_some();
    HeldView { kind: label(kind), name, origin, nodes, reason, serves_older, since: shown(since) }
}

//! The faults, and what callers must see of each.

use std::time::Duration;

use anyhow::Result;
use tollgate_support::eventually;

use crate::callers::{Callers, Who};
use crate::network::{End, Trouble};
use crate::report::Report;
use crate::stack::{PATIENCE, Stack};

/// Something that breaks, and how.
pub(crate) struct Fault {
    name: &'static str,
    how: How,
    hurts: Hurts,
}

#[derive(Clone, Copy)]
enum How {
    Kill(&'static [&'static str]),
    Pause(&'static [&'static str]),
    Network(End, Trouble),
}

/// Who may notice.
#[derive(Clone, Copy)]
enum Hurts {
    /// Nobody: answers may be late, and are the same.
    Nobody,
    /// Whoever has to be asked about is not known while it lasts.
    Strangers,
    /// Likewise, or they are known late.
    Late,
    /// Whoever has an opaque token is not known while it lasts.
    Tokens,
    /// Whoever has a key of the store.
    Keys,
    /// Whoever is sent to a backend that is gone.
    Orders,
    /// Whoever is let in: no backend answers.
    Backends,
    /// Everybody: there is no gateway.
    Everybody,
}

const CONTROL: End = End { service: "envoy", network: "control" };
const DATABASE: End = End { service: "control-plane", network: "database" };
const CACHE: End = End { service: "control-plane", network: "cache" };
const IDENTITY: End = End { service: "control-plane", network: "identity" };
const BACKENDS: End = End { service: "backend-a", network: "backends" };

pub(crate) fn all() -> Vec<Fault> {
    let fault = |name, how, hurts| Fault { name, how, hurts };
    let network = |end, trouble| How::Network(end, trouble);
    vec![
        fault("control plane killed", How::Kill(&["control-plane"]), Hurts::Strangers),
        fault("control plane paused", How::Pause(&["control-plane"]), Hurts::Strangers),
        fault("Envoy and control plane cut", network(CONTROL, Trouble::Cut), Hurts::Strangers),
        fault("Envoy and control plane slow", network(CONTROL, Trouble::Delay), Hurts::Late),
        fault("Envoy and control plane lossy", network(CONTROL, Trouble::Loss), Hurts::Late),
        fault("PostgreSQL killed", How::Kill(&["postgres"]), Hurts::Keys),
        fault("control plane and PostgreSQL cut", network(DATABASE, Trouble::Cut), Hurts::Keys),
        fault("Redis killed", How::Kill(&["redis"]), Hurts::Nobody),
        fault("Redis paused", How::Pause(&["redis"]), Hurts::Nobody),
        fault("control plane and Redis cut", network(CACHE, Trouble::Cut), Hurts::Nobody),
        fault("provider killed", How::Kill(&["provider"]), Hurts::Tokens),
        fault("provider paused", How::Pause(&["provider"]), Hurts::Tokens),
        fault("control plane and provider cut", network(IDENTITY, Trouble::Cut), Hurts::Tokens),
        fault("control plane and provider slow", network(IDENTITY, Trouble::Delay), Hurts::Late),
        fault("one backend killed", How::Kill(&["backend-a"]), Hurts::Orders),
        fault("one backend paused", How::Pause(&["backend-a"]), Hurts::Orders),
        fault("Envoy and one backend cut", network(BACKENDS, Trouble::Cut), Hurts::Orders),
        fault("all backends paused", How::Pause(&["backend-a", "backend-b"]), Hurts::Backends),
        fault("Envoy killed", How::Kill(&["envoy"]), Hurts::Everybody),
        fault(
            "Envoy started without a control plane",
            How::Kill(&["control-plane", "envoy"]),
            Hurts::Everybody,
        ),
    ]
}

/// Waits until they are, strangers too: credentials that nobody has shown before
/// are good for what they are.
pub(crate) async fn everybody_is_served(stack: &Stack, fault: &str) -> Result<Callers> {
    let what = format!("everybody is served before or after {fault}");
    eventually(&what, PATIENCE, async || Callers::new(stack).await.ok()).await
}

// === impl Fault ===

impl Fault {
    /// Breaks it, asks everybody, mends it, and waits until all is as it was.
    pub(crate) async fn run(&self, stack: &Stack, report: &mut Report) -> Result<()> {
        let callers = everybody_is_served(stack, self.name).await?;
        self.begin(stack).await;
        let seen = callers.call(stack).await;
        self.end(stack);
        report.add(self.name, &seen, |who| self.hurts.allowed(who));
        stack.well().await;
        Ok(())
    }

    async fn begin(&self, stack: &Stack) {
        match self.how {
            How::Kill(services) => stack.act("kill", services),
            How::Pause(services) => stack.act("pause", services),
            How::Network(end, trouble) => end.begin(stack, trouble),
        }
        if let How::Kill([_, envoy]) = self.how {
            stack.act("start", &[envoy]);
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    fn end(&self, stack: &Stack) {
        match self.how {
            How::Kill(services) => stack.act("start", services),
            How::Pause(services) => stack.act("unpause", services),
            How::Network(end, _) => end.end(stack),
        }
    }
}

// === impl Hurts ===

impl Hurts {
    /// What a caller may see. Nobody ever passes who should not.
    fn allowed(self, who: Who) -> &'static [u16] {
        match (self, who) {
            (Self::Everybody, _) => &[0],
            (Self::Backends, who) if as_ever(who).contains(&200) => &[504],
            (Self::Strangers | Self::Tokens, Who::NewToken)
            | (Self::Strangers | Self::Keys, Who::NewKey) => &[503],
            // What was said of it is believed for seconds.
            (Self::Strangers | Self::Tokens | Self::Late, Who::KnownToken)
            | (Self::Strangers | Self::Keys | Self::Late, Who::KnownKey)
            | (Self::Late, Who::NewToken | Who::NewKey) => &[200, 503],
            // Half of them find the other backend.
            (Self::Orders, Who::FileKey | Who::Jwt) => &[200, 503, 504],
            _ => as_ever(who),
        }
    }
}

/// What a caller sees when nothing is broken.
fn as_ever(who: Who) -> &'static [u16] {
    match who {
        Who::InventedKey | Who::Nobody => &[401],
        _ => &[200],
    }
}

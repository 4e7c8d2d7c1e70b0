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
    /// The first are killed, and those of them that are named again start alone.
    Restart(&'static [&'static str], &'static [&'static str]),
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

const RELAY: End = End { service: "envoy", network: "relay" };
const UPSTREAM: End = End { service: "relay", network: "control" };
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
        fault("relay killed", How::Kill(&["relay"]), Hurts::Nobody),
        fault("relay paused", How::Pause(&["relay"]), Hurts::Nobody),
        fault("Envoy and relay cut", network(RELAY, Trouble::Cut), Hurts::Nobody),
        fault("relay and control plane cut", network(UPSTREAM, Trouble::Cut), Hurts::Nobody),
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
            "Envoy and relay started without a control plane",
            How::Restart(&["control-plane", "relay", "envoy"], &["relay", "envoy"]),
            Hurts::Strangers,
        ),
        fault(
            "Envoy started without control plane and relay",
            How::Restart(&["control-plane", "relay", "envoy"], &["envoy"]),
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
        let means = self.begin(stack).await;
        let seen = callers.call(stack).await;
        self.end(stack);
        let name = means.map_or(self.name.to_owned(), |means| format!("{} ({means})", self.name));
        report.add(&name, &seen, |who| self.hurts.allowed(who));
        stack.well().await;
        Ok(())
    }

    /// Breaks it, and tells by what means where there are several.
    async fn begin(&self, stack: &Stack) -> Option<&'static str> {
        let means = match self.how {
            How::Network(end, trouble) => Some(end.begin(stack, trouble)),
            How::Kill(services) => {
                stack.act("kill", services);
                None
            }
            How::Pause(services) => {
                stack.act("pause", services);
                None
            }
            How::Restart(services, again) => {
                stack.act("kill", services);
                stack.act("start", again);
                self.wait_for_the_start(stack).await;
                None
            }
        };
        tokio::time::sleep(Duration::from_secs(1)).await;
        means
    }

    /// Envoy compiles the filters first.
    async fn wait_for_the_start(&self, stack: &Stack) {
        match self.hurts {
            Hurts::Everybody => tokio::time::sleep(Duration::from_secs(10)).await,
            _ => stack.answers().await,
        }
    }

    fn end(&self, stack: &Stack) {
        match self.how {
            How::Kill(services) | How::Restart(services, _) => stack.act("start", services),
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

//! Callers who are refused although their credential looks good.

use std::rc::Rc;
use std::time::Duration;

use tollgate_core::{Cx, GrpcAnswer, GrpcCallId, Host, Principal, Reply, RequestHead, Timestamp};

use super::stop::{Refusal, Stop};
use super::{Authenticator, Recognised};
use crate::carrier::Credential;
use crate::denials::Named;
use crate::methods::Methods;
use crate::{Access, InvalidToken};

// === impl Authenticator ===

impl Authenticator {
    /// How often [`Authenticator::on_tick`] is to run; never without a control
    /// plane that says who has been revoked.
    pub fn tick_period(&self) -> Option<Duration> {
        self.denials.tick_period()
    }

    /// Creates what is kept in shared data, and learns what other workers know:
    /// from the first request on, nobody is accepted whom they refuse.
    pub fn prepare(&mut self, host: &mut dyn Host) {
        if let Some(signatures) = &self.identity.signatures {
            signatures.prepare(host);
        }
        self.denials.join(host);
    }

    /// Keeps up with the control plane.
    pub fn on_tick(&mut self, cx: &mut Cx<'_>) {
        self.denials.on_tick(cx);
    }

    /// Learns what became of a call that [`Authenticator::on_tick`] made.
    pub fn on_grpc_answer(&mut self, id: GrpcCallId, answer: &GrpcAnswer, cx: &mut Cx<'_>) {
        self.denials.on_answer(id, answer, cx);
    }

    /// Whether an API key that nobody here has may be one of the store's; false
    /// if that is certainly not so. Asking anybody else is worth it only then.
    pub fn may_be_a_key(&self, key: &[u8], now: Timestamp) -> bool {
        self.denials.may_be_a_key(key, now)
    }

    /// Whether a caller that was let in would be let in by the same credential still:
    /// for streams that stay open. What is only to be learned by asking is believed
    /// until the answer is there; a signature was good for one request, and a
    /// certificate is of the connection, so of those it counts who is revoked.
    pub fn still_accepts(
        &mut self,
        access: &Access,
        head: &RequestHead<'_>,
        caller: &Principal,
        cx: &mut Cx<'_>,
    ) -> bool {
        let Some(methods) = &access.methods else { return true };
        let shown = self.identity.carriers.find(&access.places, head.headers);
        if matches!(shown, Ok(Some(Credential::Bearer(_) | Credential::ApiKey(_)))) {
            return !matches!(self.authenticate(access, head, cx), Err(Stop::Refused(_)));
        }
        self.denials.check(Named::default(), caller, methods.when_stale, cx.now).is_ok()
    }

    /// What becomes of whoever was recognised, or was not. A caller is looked for
    /// on the list at every request, however well it is known.
    pub(super) fn good(
        &self,
        found: Result<Recognised, Refusal>,
        methods: &Methods,
        now: Timestamp,
        refused: impl FnOnce(InvalidToken) -> Reply,
    ) -> Result<Option<Rc<Principal>>, Stop> {
        let good = found.and_then(|recognised| self.unless_denied(recognised, methods, now));
        good.map(Some).map_err(|refusal| refusal.stop(methods, refused))
    }

    pub(super) fn unless_denied(
        &self,
        Recognised { principal, named }: Recognised,
        methods: &Methods,
        now: Timestamp,
    ) -> Result<Rc<Principal>, Refusal> {
        match self.denials.check(named, &principal, methods.when_stale, now) {
            Ok(()) => Ok(principal),
            Err(barred) => Err(Refusal::Barred(barred)),
        }
    }
}

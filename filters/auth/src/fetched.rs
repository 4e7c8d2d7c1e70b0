//! Keys of issuers that gateways fetch themselves, where no control plane does.
//!
//! A worker asks when a token comes and the keys are no longer fresh, and shows
//! what it was answered to all workers of the Envoy, in shared data. While keys
//! are old the token waits for newer ones, so that a key that was removed is
//! good for no more than half a minute; while the endpoint fails, tokens are
//! judged by the last keys there were, and by none after a day. What is counted
//! and bounded here is bounded whatever callers make up.

mod keys;
mod shared;
mod source;

use tollgate_core::{Answer, CallId, Cx, Seed};

use self::keys::Found;
use self::source::Source;
pub(crate) use self::source::Unverifiable;
use crate::issuer::Issuer;
use crate::jwks::Verification;
use crate::token::Token;

/// The keys of all issuers, wherever they are.
pub(crate) struct Fetched {
    /// By the issuer's place; none for keys that are written down.
    sources: Vec<Option<Source>>,
    /// How many endpoints failed when that was last shown.
    failing: u64,
}

// === impl Fetched ===

impl Fetched {
    pub(crate) fn new(issuers: &[Issuer], seed: Seed) -> Self {
        let source = |issuer: &Issuer| Some(Source::new(issuer.published()?.clone(), seed));
        Self { sources: issuers.iter().map(source).collect(), failing: 0 }
    }

    /// Sees to it that there are keys of an issuer that may be believed now. True
    /// if they are others than at the last call: then nothing counts any more
    /// that was found out by those.
    pub(crate) fn attend(&mut self, place: usize, cx: &mut Cx<'_>) -> Result<bool, Unverifiable> {
        let Some(source) = self.source(place) else { return Ok(false) };
        let attended = source.attend(cx).map(|()| source.take_change());
        self.report(cx);
        attended
    }

    /// What becomes of the signature of a token of the issuer at this place.
    pub(crate) fn verify(
        &mut self,
        (place, issuer): (usize, &Issuer),
        token: &Token<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Verification, Unverifiable> {
        if let Some(source) = self.source(place) {
            return source.verify(token, cx);
        }
        let keys = issuer.keys().ok_or(Unverifiable::NoKeys)?;
        Ok(keys.verify(token.key_id.as_deref(), token.signed(), cx.host))
    }

    /// Learns what a call was answered. Calls of others are passed over.
    pub(crate) fn on_answer(&mut self, id: CallId, answer: &Answer, cx: &mut Cx<'_>) {
        for source in self.sources.iter_mut().flatten() {
            source.on_answer(id, answer, cx);
        }
        self.report(cx);
    }

    fn source(&mut self, place: usize) -> Option<&mut Source> {
        self.sources.get_mut(place)?.as_mut()
    }

    /// Shows how many endpoints fail, whenever that changes.
    fn report(&mut self, cx: &mut Cx<'_>) {
        let failing = self.sources.iter().flatten().filter(|source| source.is_failing(cx.now));
        let failing = u64::try_from(failing.count()).unwrap_or(u64::MAX);
        if failing != self.failing {
            self.failing = failing;
            cx.host.gauge("tollgate.jwks.failing", failing);
        }
    }
}

/// Whether there are keys for us in what an endpoint answers.
pub(crate) fn fuzz(answer: &Answer) -> bool {
    Found::answered(answer, &[]).is_some()
}

//! Callers with tokens that their issuer has signed.

use std::rc::Rc;
use std::time::Duration;

use tollgate_core::{Cx, Fingerprint, Principal, Timestamp};

use super::stop::Refusal;
use super::term::Term;
use super::{Authenticator, Forged, Known, OWN_UNIT, Recognised};
use crate::InvalidToken;
use crate::cache::Slot;
use crate::denials::Named;
use crate::identity::Identity;
use crate::issuer::Issuer;
use crate::jwks::Verification;
use crate::methods::Methods;
use crate::token::Token;

/// Signatures do not change, but what a host says of one may have been an accident.
const FORGED_SPAN: Duration = Duration::from_secs(30);

// === impl Authenticator ===

impl Authenticator {
    pub(super) fn bearer(
        &mut self,
        token: &[u8],
        methods: &Methods,
        cx: &mut Cx<'_>,
    ) -> Result<Recognised, Refusal> {
        let fingerprint = self.seed.fingerprint(&[token]);
        let mut issuers = methods.issuers.iter();
        let remembered = issuers.find_map(|&issuer| {
            let verdict = self.remembered(Slot::new(fingerprint, issuer), cx.now)?;
            Some((issuer, verdict))
        });
        match remembered {
            Some((issuer, verdict)) if !self.attend(issuer, cx)? => verdict.map_err(Refusal::Token),
            _ if methods.introspection.is_empty() => {
                self.verify(&Token::parse(token)?, fingerprint, methods, cx)
            }
            _ => self.verify_or_ask(token, fingerprint, methods, cx),
        }
    }

    /// Sees to it that there are keys of an issuer. True if they are others than
    /// before: whatever was known by those is then forgotten.
    fn attend(&mut self, issuer: usize, cx: &mut Cx<'_>) -> Result<bool, Refusal> {
        let has_changed = self.fetched.attend(issuer, cx)?;
        if has_changed {
            self.genuine.forget_issuer(issuer);
            self.forged.forget_issuer(issuer);
        }
        Ok(has_changed)
    }

    /// A token that names an issuer of the operation is for that issuer's keys
    /// to judge; about all others the providers are asked.
    fn verify_or_ask(
        &mut self,
        bytes: &[u8],
        fingerprint: Fingerprint,
        methods: &Methods,
        cx: &mut Cx<'_>,
    ) -> Result<Recognised, Refusal> {
        let token = Token::parse(bytes).ok().filter(|_| !methods.issuers.is_empty());
        match token.filter(|token| issuer_of(token, methods, &self.identity).is_ok()) {
            Some(token) => self.verify(&token, fingerprint, methods, cx),
            None => self.introspect(bytes, fingerprint, methods, cx),
        }
    }

    /// What is known about a token, as it holds now.
    fn remembered(
        &mut self,
        slot: Slot,
        now: Timestamp,
    ) -> Option<Result<Recognised, InvalidToken>> {
        if let Some(known) = self.genuine.get(slot) {
            return Some(known.validity.check(now).map(|()| known.recognised()));
        }
        let forged = self.forged.get(slot)?;
        // A clock that went backwards must not make the span longer.
        if now < forged.since || forged.since.plus(FORGED_SPAN) <= now {
            self.forged.forget(slot);
            return None;
        }
        Some(Err(forged.validity.check(now).err().unwrap_or(InvalidToken::Signature)))
    }

    fn verify(
        &mut self,
        token: &Token<'_>,
        fingerprint: Fingerprint,
        methods: &Methods,
        cx: &mut Cx<'_>,
    ) -> Result<Recognised, Refusal> {
        let identity = Rc::clone(&self.identity);
        let (place, issuer) = issuer_of(token, methods, &identity)?;
        let (principal, validity) = issuer.read(token, &identity.tenants, cx.now)?;
        self.attend(place, cx)?;
        let slot = Slot::new(fingerprint, place);
        match self.fetched.verify((place, issuer), token, cx)? {
            Verification::Holds => {
                let named = self.denials.token(&token.claims, &principal);
                Ok(self.remember(slot, principal, named, Term::of(validity)))
            }
            Verification::Fails => {
                self.forged.put(slot, Forged { validity, since: cx.now });
                Err(InvalidToken::Signature.into())
            }
            Verification::NoKey => Err(InvalidToken::NoKey.into()),
        }
    }

    /// Whoever is remembered is recognised, and checked, by what is remembered.
    pub(super) fn remember(
        &mut self,
        slot: Slot,
        principal: Principal,
        named: Named,
        Term { validity, kept_until }: Term,
    ) -> Recognised {
        let (principal, own_bytes) = self.pool.shared(principal);
        let principal = Rc::new(principal);
        let own = u16::try_from(own_bytes.div_ceil(OWN_UNIT)).unwrap_or(u16::MAX);
        let Named { credential, issuer, issued_at } = named;
        let issued_at_or_kept_until = if issuer.is_some() { issued_at } else { kept_until };
        let known = Known { principal, own, validity, credential, issuer, issued_at_or_kept_until };
        let recognised = known.recognised();
        self.genuine.put(slot, known);
        recognised
    }
}

/// The issuer that a token says it is of, among those that the operation accepts.
fn issuer_of<'a>(
    token: &Token<'_>,
    methods: &Methods,
    identity: &'a Identity,
) -> Result<(usize, &'a Issuer), InvalidToken> {
    let name = token.claims.issuer().ok_or(InvalidToken::Issuer)?;
    let mut accepted =
        methods.issuers.iter().filter_map(|&place| Some((place, identity.issuers.get(place)?)));
    accepted.find(|(_, issuer)| issuer.iss == name).ok_or(InvalidToken::Issuer)
}

use tollgate_signatures::Scheme;
use tollgate_sync::WhenStale;

use crate::access::InvalidAccess;
use crate::carrier::Places;
use crate::challenge::Challenges;
use crate::identity::Identity;
use crate::mtls::MTLS;
use crate::signatures;
use crate::tenants::API_KEY;

/// How callers of an operation can prove who they are.
#[derive(Default)]
pub(crate) struct Methods {
    pub(crate) api_key: bool,
    pub(crate) mtls: bool,
    /// Places in [`Identity::issuers`].
    ///
    /// Invariant: no two with the same `iss`, so that a token can be of one only.
    pub(crate) issuers: Vec<usize>,
    /// Ways of signing requests.
    pub(crate) schemes: Vec<Scheme>,
    /// Places in [`Identity::introspection`], in the order in which they are asked.
    pub(crate) introspection: Vec<usize>,
    /// Whoever shows nothing is nobody in particular, rather than refused.
    pub(crate) optional: bool,
    /// What becomes of callers while it cannot be told who has been revoked.
    pub(crate) when_stale: Option<WhenStale>,
    pub(crate) challenges: Challenges,
}

/// A token that none of them knows costs a call to each.
pub(crate) const INTROSPECTION_MAX: usize = 4;

// === impl Methods ===

impl Methods {
    pub(crate) fn compile(
        names: &[String],
        optional: bool,
        places: &Places,
        identity: &Identity,
    ) -> Result<Self, InvalidAccess> {
        let mut methods = Self { optional, ..Self::default() };
        if names.is_empty() {
            return Err(InvalidAccess::NoMethod { field: methods.field() });
        }
        for (index, name) in names.iter().enumerate() {
            if names.iter().take(index).any(|other| other == name) {
                let (field, name) = (methods.field(), name.clone());
                return Err(InvalidAccess::Twice { field, index, name });
            }
            methods.add(index, name, places, identity)?;
        }
        let ways_in = places.named().filter(|_| methods.api_key);
        methods.challenges = Challenges::new(methods.bearer(), methods.mtls, ways_in);
        methods.challenges.signatures =
            methods.schemes.iter().map(|s| signatures::challenge(*s)).collect();
        Ok(methods)
    }

    fn add(
        &mut self,
        index: usize,
        name: &str,
        places: &Places,
        identity: &Identity,
    ) -> Result<(), InvalidAccess> {
        if name == API_KEY {
            self.api_key = true;
            let nowhere = places.is_empty();
            let (field, known) = (self.field(), known(identity));
            return if nowhere {
                Err(InvalidAccess::NoApiKeys { field, index, known })
            } else {
                Ok(())
            };
        }
        if let Some(scheme) = signatures::scheme(name) {
            return self.add_scheme(index, scheme, identity);
        }
        if name == MTLS {
            self.mtls = true;
            let (field, known) = (self.field(), known(identity));
            let none = InvalidAccess::NoCertificates { field, index, known };
            return if identity.mtls.is_none() { Err(none) } else { Ok(()) };
        }
        if let Some(place) = identity.introspection.iter().position(|one| *one.method == *name) {
            self.introspection.push(place);
            let too_many = INTROSPECTION_MAX < self.introspection.len();
            let field = self.field();
            return if too_many { Err(InvalidAccess::TooMany { field, index }) } else { Ok(()) };
        }
        let Some(place) = identity.issuers.iter().position(|issuer| *issuer.method == *name) else {
            return Err(self.unknown(index, name, identity));
        };
        self.refuse_same(index, place, identity)?;
        self.issuers.push(place);
        Ok(())
    }

    fn add_scheme(
        &mut self,
        index: usize,
        scheme: Scheme,
        identity: &Identity,
    ) -> Result<(), InvalidAccess> {
        if identity.signatures.as_ref().is_some_and(|known| known.accepts(scheme)) {
            self.schemes.push(scheme);
            return Ok(());
        }
        let (field, name) = (self.field(), signatures::method(scheme));
        Err(InvalidAccess::NotSigned { field, index, name, known: known(identity) })
    }

    fn refuse_same(
        &self,
        index: usize,
        place: usize,
        identity: &Identity,
    ) -> Result<(), InvalidAccess> {
        let issuer = |place: usize| identity.issuers.get(place);
        let Some(added) = issuer(place) else { return Ok(()) };
        let mut named = self.issuers.iter().filter_map(|&place| issuer(place));
        match named.find(|other| other.iss == added.iss) {
            Some(other) => Err(InvalidAccess::SameIssuer {
                field: self.field(),
                index,
                name: added.method.as_ref().to_owned(),
                other: other.method.as_ref().to_owned(),
            }),
            None => Ok(()),
        }
    }

    fn unknown(&self, index: usize, name: &str, identity: &Identity) -> InvalidAccess {
        let (field, known) = (self.field(), known(identity));
        let named = |name: &str| name.to_owned();
        if let Some(name) = name.strip_prefix("jwt.").map(named) {
            InvalidAccess::NoSuchIssuer { field, index, name, known }
        } else if let Some(name) = name.strip_prefix("introspection.").map(named) {
            InvalidAccess::NoSuchProvider { field, index, name, known }
        } else {
            InvalidAccess::NotAMethod { field, index, name: named(name), known }
        }
    }

    /// Whether a bearer token is a way in.
    pub(crate) fn bearer(&self) -> bool {
        !(self.issuers.is_empty() && self.introspection.is_empty())
    }

    fn field(&self) -> &'static str {
        if self.optional { "optional" } else { "any_of" }
    }
}

/// The methods that could be named.
fn known(identity: &Identity) -> String {
    let api_key = Some(API_KEY).filter(|_| !identity.carriers.api_key.is_empty());
    let mtls = identity.mtls.as_ref().map(|_| MTLS);
    let signed: Vec<&str> =
        identity.signatures.iter().flat_map(signatures::Signatures::schemes).collect();
    let issuers = identity.issuers.iter().map(|issuer| issuer.method.as_ref());
    let providers = identity.introspection.iter().map(|provider| provider.method.as_ref());
    let names = issuers.chain(providers).chain(api_key).chain(mtls).chain(signed);
    let list = names.collect::<Vec<_>>().join(" or ");
    if list.is_empty() { "`auth: none`, for `identity` is empty".to_owned() } else { list }
}

use std::rc::Rc;

use tollgate_core::{Principal, Reply};

use crate::challenge::{Challenges, insufficient_scope};
use crate::identity::Identity;
use crate::name::is_scope;
use crate::tenants::API_KEY;
use crate::{AccessSpec, AllowSpec, AuthSpec, Authenticator};

/// Who may call an operation.
pub struct Access {
    /// None: anybody.
    pub(crate) methods: Option<Methods>,
    /// Invariant: empty when anybody may call.
    scopes: Vec<Rc<str>>,
    /// What `methods` refers to.
    pub(crate) identity: Rc<Identity>,
}

/// How callers of an operation can prove who they are.
#[derive(Default)]
pub(crate) struct Methods {
    pub(crate) api_key: bool,
    /// Places in [`Identity::issuers`].
    ///
    /// Invariant: no two with the same `iss`, so that a token can be of one only.
    pub(crate) issuers: Vec<usize>,
    pub(crate) challenges: Challenges,
}

/// Why an access policy was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidAccess {
    #[error(
        "auth.any_of: is empty, so nobody could call; name a method, or write `auth: none` to \
         let anybody call"
    )]
    NoMethod,
    #[error("auth.any_of[{index}]: {name:?} is not a method; write {known}")]
    NotAMethod { index: usize, name: String, known: String },
    #[error("auth.any_of[{index}]: no issuer is named {name:?}; write {known}")]
    NoSuchIssuer { index: usize, name: String, known: String },
    #[error(
        "auth.any_of[{index}]: no header is named that carries API keys; name one in \
         `identity.api_key`, or write {known}"
    )]
    NoApiKeys { index: usize, known: String },
    #[error("auth.any_of[{index}]: {name:?} stands twice; remove one")]
    Twice { index: usize, name: String },
    #[error(
        "auth.any_of[{index}]: {name:?} has the same `issuer` as {other:?}, so a token could be \
         meant for either; name one of them, or give both audiences to one"
    )]
    SameIssuer { index: usize, name: String, other: String },
    #[error(
        "allow.scopes[{index}]: {scope:?} is not a scope; use printable ASCII without blanks, \
         quotes and backslashes"
    )]
    Scope { index: usize, scope: String },
    #[error(
        "allow.scopes: nobody is recognised with `auth: none`, so nobody has a scope; name a \
         method in `auth`, or remove the scopes"
    )]
    ScopesOfNobody,
}

// === impl Access ===

impl Access {
    /// Checks who may call an operation against those who can be recognised.
    pub fn compile(spec: AccessSpec, authenticator: &Authenticator) -> Result<Self, InvalidAccess> {
        let AccessSpec { auth, allow: AllowSpec { scopes } } = spec;
        let identity = Rc::clone(authenticator.identity());
        let methods = match auth {
            AuthSpec::None if scopes.is_empty() => None,
            AuthSpec::None => return Err(InvalidAccess::ScopesOfNobody),
            AuthSpec::AnyOf(names) => Some(Methods::compile(&names, &identity)?),
        };
        if let Some(index) = scopes.iter().position(|scope| !is_scope(scope)) {
            let scope = scopes.into_iter().nth(index).unwrap_or_default();
            return Err(InvalidAccess::Scope { index, scope });
        }
        Ok(Self { methods, scopes: scopes.into_iter().map(Rc::from).collect(), identity })
    }

    /// Whether this caller may call. Asked for every request, however the
    /// caller was recognised: what one route allows says nothing about another.
    pub fn authorise(&self, principal: Option<&Principal>) -> Result<(), Reply> {
        match (&self.methods, principal) {
            (None, _) => Ok(()),
            (Some(_), Some(caller))
                if self.scopes.iter().all(|scope| caller.scopes.contains(scope)) =>
            {
                Ok(())
            }
            (Some(_), Some(caller)) => {
                Err(insufficient_scope(&self.scopes.join(" "), &*caller.method != API_KEY))
            }
            (Some(methods), None) => Err(methods.challenges.unauthenticated()),
        }
    }
}

// === impl Methods ===

impl Methods {
    fn compile(names: &[String], identity: &Identity) -> Result<Self, InvalidAccess> {
        if names.is_empty() {
            return Err(InvalidAccess::NoMethod);
        }
        let mut methods = Self::default();
        for (index, name) in names.iter().enumerate() {
            if names.iter().take(index).any(|other| other == name) {
                return Err(InvalidAccess::Twice { index, name: name.clone() });
            }
            methods.add(index, name, identity)?;
        }
        let headers = identity.carriers.api_key.iter().filter(|_| methods.api_key);
        methods.challenges = Challenges::new(!methods.issuers.is_empty(), headers);
        Ok(methods)
    }

    fn add(&mut self, index: usize, name: &str, identity: &Identity) -> Result<(), InvalidAccess> {
        if name == API_KEY {
            self.api_key = true;
            let nowhere = identity.carriers.api_key.is_empty();
            let known = known(identity);
            return if nowhere { Err(InvalidAccess::NoApiKeys { index, known }) } else { Ok(()) };
        }
        let Some(place) = identity.issuers.iter().position(|issuer| *issuer.method == *name) else {
            return Err(unknown(index, name, identity));
        };
        self.refuse_same(index, place, identity)?;
        self.issuers.push(place);
        Ok(())
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
        match named.find(|other| other.claim == added.claim) {
            Some(other) => Err(InvalidAccess::SameIssuer {
                index,
                name: added.method.as_ref().to_owned(),
                other: other.method.as_ref().to_owned(),
            }),
            None => Ok(()),
        }
    }
}

fn unknown(index: usize, name: &str, identity: &Identity) -> InvalidAccess {
    let known = known(identity);
    match name.strip_prefix("jwt.") {
        Some(name) => InvalidAccess::NoSuchIssuer { index, name: name.to_owned(), known },
        None => InvalidAccess::NotAMethod { index, name: name.to_owned(), known },
    }
}

/// The methods that could be named.
fn known(identity: &Identity) -> String {
    let api_key = Some(API_KEY).filter(|_| !identity.carriers.api_key.is_empty());
    let names = identity.issuers.iter().map(|issuer| issuer.method.as_ref()).chain(api_key);
    let list = names.collect::<Vec<_>>().join(" or ");
    if list.is_empty() { "`auth: none`, for `identity` is empty".to_owned() } else { list }
}

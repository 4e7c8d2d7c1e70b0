use std::rc::Rc;

use tollgate_core::{ClaimPath, Principal, Reply};

use crate::allow::{Allow, InvalidAllow};
use crate::carrier::{InvalidApiKeySource, Places};
use crate::challenge::forbidden;
use crate::condition::Names;
use crate::formula::{Formula, InvalidFormula};
use crate::identity::Identity;
use crate::introspection::Introspection;
use crate::issuer::Issuer;
use crate::methods::{INTROSPECTION_MAX, Methods};
use crate::{AccessSpec, AuthSpec, Authenticator, Facts};

/// Who may call an operation.
pub struct Access {
    /// None: anybody.
    pub(crate) methods: Option<Methods>,
    /// Invariant: asks for nothing that only somebody can have when anybody may call.
    allow: Allow,
    /// Where API keys may stand.
    pub(crate) places: Rc<Places>,
    /// Whom a token is for by which the backend is told who is calling.
    ///
    /// Invariant: none unless the gateway knows how.
    pub(crate) token_audience: Option<Rc<str>>,
    /// What `methods` refers to.
    pub(crate) identity: Rc<Identity>,
}

/// Why an access policy was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidAccess {
    #[error(
        "auth.{field}: is empty, so nobody could call; name a method, or write `auth: none` to \
         let anybody call"
    )]
    NoMethod { field: &'static str },
    #[error("auth.{field}[{index}]: {name:?} is not a method; write {known}")]
    NotAMethod { field: &'static str, index: usize, name: String, known: String },
    #[error("auth.{field}[{index}]: no issuer is named {name:?}; write {known}")]
    NoSuchIssuer { field: &'static str, index: usize, name: String, known: String },
    #[error("auth.{field}[{index}]: no provider is named {name:?}; write {known}")]
    NoSuchProvider { field: &'static str, index: usize, name: String, known: String },
    #[error(
        "auth.{field}[{index}]: is one provider more than {INTROSPECTION_MAX} that would be asked \
         about a token; name fewer"
    )]
    TooMany { field: &'static str, index: usize },
    #[error(
        "auth.{field}[{index}]: no header is named that carries API keys; name one in \
         `identity.api_key`, or write {known}"
    )]
    NoApiKeys { field: &'static str, index: usize, known: String },
    #[error(
        "auth.{field}[{index}]: nothing says how {name} signatures are judged; write \
         `identity.{name}`, or write {known}"
    )]
    NotSigned { field: &'static str, index: usize, name: &'static str, known: String },
    #[error(
        "auth.{field}[{index}]: nothing says whose certificates are whose; write \
         `identity.mtls`, or write {known}"
    )]
    NoCertificates { field: &'static str, index: usize, known: String },
    #[error("auth.{field}[{index}]: {name:?} stands twice; remove one")]
    Twice { field: &'static str, index: usize, name: String },
    #[error(
        "auth.{field}[{index}]: {name:?} has the same `issuer` as {other:?}, so a token could be \
         meant for either; name one of them, or give both audiences to one"
    )]
    SameIssuer { field: &'static str, index: usize, name: String, other: String },
    #[error(
        "token_audience: {0:?} is not a name for who may read a token; use 1 to 256 visible ASCII \
         characters"
    )]
    Audience(String),
    #[error("token_audience: nothing says how backends are told; write `identity.backend_token`")]
    NoBackendToken,
    #[error(transparent)]
    ApiKeySource(#[from] InvalidApiKeySource),
    #[error(transparent)]
    Allow(#[from] InvalidAllow),
    #[error(
        "allow.{field}: nobody is recognised with `auth: none`, so nobody has {field}; name a \
         method in `auth`, or remove the {field}"
    )]
    OfNobody { field: &'static str },
    #[error(
        "allow.when: asks for the principal, and nobody is recognised with `auth: none`; name a \
         method in `auth`, or ask for the request alone"
    )]
    AboutNobody,
    #[error(
        "allow.{field}: no issuer that the route accepts keeps the claim {claim:?}; add it to \
         `claims.keep` of {remedy}"
    )]
    NotKept { field: String, claim: String, remedy: String },
}

// === impl Access ===

impl Access {
    /// Checks who may call an operation against those who can be recognised.
    /// `path_parameters` are those that a condition may ask for.
    pub fn compile(
        spec: AccessSpec,
        path_parameters: &[&str],
        authenticator: &Authenticator,
    ) -> Result<Self, InvalidAccess> {
        let AccessSpec { auth, allow, api_key, when_stale, token_audience } = spec;
        let identity = Rc::clone(authenticator.identity());
        let places = match api_key {
            Some(further) => identity.carriers.api_key.and(further.from)?.into(),
            None => Rc::clone(&identity.carriers.api_key),
        };
        let methods = match auth {
            AuthSpec::None => None,
            AuthSpec::AnyOf(names) => Some(Methods::compile(&names, false, &places, &identity)?),
            AuthSpec::Optional(names) => Some(Methods::compile(&names, true, &places, &identity)?),
        };
        let allow = {
            let is_secret = &secrets(&identity, &places);
            let names = Names { path_parameters, is_secret };
            Allow::compile(allow, names, &identity.language)?
        };
        match &methods {
            None => nobody_is_enough(&allow)?,
            Some(methods) => claims_are_kept(&allow, methods, &identity)?,
        }
        let methods = methods.map(|methods| Methods { when_stale, ..methods });
        let token_audience = token_audience.map(|name| audience(name, &identity)).transpose()?;
        Ok(Self { methods, allow, places, token_audience, identity })
    }

    /// Checks an expression that is worth a number to callers of the operation.
    pub fn formula(&self, text: &str, path_parameters: &[&str]) -> Result<Formula, InvalidFormula> {
        let is_secret = &secrets(&self.identity, &self.places);
        let names = Names { path_parameters, is_secret };
        let formula = Formula::compile(text, names, &self.identity.language)?;
        formula.suits(self).map(|()| formula)
    }

    /// Whether some issuer keeps a claim; if none does, which could.
    pub(crate) fn kept(&self, claim: &ClaimPath) -> Result<(), String> {
        match &self.methods {
            Some(methods) => kept(claim, methods, &self.identity),
            None => Err("an issuer, and name that issuer in `auth`".to_owned()),
        }
    }

    /// Whether a parameter of the query carries API keys here.
    pub fn is_key_parameter(&self, name: &str) -> bool {
        self.places.has_parameter(name.as_bytes())
    }

    /// Whether nobody is asked who is calling.
    pub fn is_open(&self) -> bool {
        self.methods.is_none()
    }

    /// Whether whoever is recognised may call.
    pub fn allows_all(&self) -> bool {
        self.allow.asks_for_nothing()
    }

    /// Whether this caller may send this request. Asked for every request,
    /// however the caller was recognised: what one route allows says nothing
    /// about another.
    pub fn authorise(&self, principal: Option<&Principal>, facts: &Facts<'_>) -> Result<(), Reply> {
        let Some(methods) = &self.methods else {
            return self.allow.judge(None, facts).map_err(|lacking| forbidden(lacking, false));
        };
        let Some(caller) = principal else { return Err(methods.challenges.unauthenticated()) };
        self.allow.judge(Some(caller), facts).map_err(|lacking| {
            // Who they are may be all that is lacking.
            if caller.is_anonymous() {
                methods.challenges.unauthenticated()
            } else {
                let by_token = ["jwt.", "introspection."];
                forbidden(lacking, by_token.iter().any(|kind| caller.method.starts_with(kind)))
            }
        })
    }
}

/// Whether a header or a parameter of the query carries credentials.
fn secrets<'a>(identity: &'a Identity, places: &'a Places) -> impl Fn(&str, &str) -> bool + 'a {
    move |kind, name| match kind {
        "query" => places.has_parameter(name.as_bytes()),
        _ => identity.carriers.carries(name) || places.has_header(name),
    }
}

/// Names longer than this are nobody's, and stand in every token.
const AUDIENCE_BYTES_MAX: usize = 256;

fn audience(name: String, identity: &Identity) -> Result<Rc<str>, InvalidAccess> {
    let fits = (1..=AUDIENCE_BYTES_MAX).contains(&name.len());
    if !fits || !name.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(InvalidAccess::Audience(name));
    }
    if identity.backend_tokens.is_none() {
        return Err(InvalidAccess::NoBackendToken);
    }
    Ok(name.into())
}

/// Where nobody is recognised, whatever asks for somebody would refuse everybody.
fn nobody_is_enough(allow: &Allow) -> Result<(), InvalidAccess> {
    if let Some(field) = allow.asks_for_somebody() {
        return Err(InvalidAccess::OfNobody { field });
    }
    if allow.asks_about_somebody() { Err(InvalidAccess::AboutNobody) } else { Ok(()) }
}

/// A claim that nobody keeps would refuse everybody.
fn claims_are_kept(
    allow: &Allow,
    methods: &Methods,
    identity: &Identity,
) -> Result<(), InvalidAccess> {
    for (field, claim) in allow.claims() {
        if let Err(remedy) = kept(claim, methods, identity) {
            return Err(InvalidAccess::NotKept { field, claim: claim.to_string(), remedy });
        }
    }
    Ok(())
}

/// Whether some issuer keeps a claim; if none does, which could.
fn kept(claim: &ClaimPath, methods: &Methods, identity: &Identity) -> Result<(), String> {
    let issuers = methods.issuers.iter().filter_map(|&place| identity.issuers.get(place));
    let providers =
        methods.introspection.iter().filter_map(|&place| identity.introspection.get(place));
    kept_by(claim, issuers, providers).map_err(|names| {
        names.unwrap_or_else(|| "an issuer, and name that issuer in `auth`".into())
    })
}

/// Whether one of these keeps a claim; if none does, how they are called.
pub(crate) fn kept_by<'a>(
    claim: &ClaimPath,
    issuers: impl Iterator<Item = &'a Issuer> + Clone,
    providers: impl Iterator<Item = &'a Introspection> + Clone,
) -> Result<(), Option<String>> {
    let is_kept = issuers.clone().any(|issuer| issuer.keeps(claim))
        || providers.clone().any(|provider| provider.keeps(claim));
    if is_kept {
        return Ok(());
    }
    let names = issuers.map(|issuer| &*issuer.method);
    let names: Vec<&str> = names.chain(providers.map(|provider| &*provider.method)).collect();
    Err(Some(names.join(" or ")).filter(|names| !names.is_empty()))
}

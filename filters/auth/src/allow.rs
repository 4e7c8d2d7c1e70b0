use tollgate_core::{ClaimPath, InvalidClaimPath, Principal, Scopes};

use crate::condition::{Condition, InvalidCondition, Language, Names, Undecided};
use crate::kept;
use crate::name::{AN_ID, is_id, is_scope};
use crate::{AcceptedSpec, AllowSpec, Facts, ScalarSpec, ScopesSpec};

/// What a caller must have been granted.
#[derive(Default)]
pub(crate) struct Allow {
    scopes: Wanted,
    /// None: whatever they are.
    groups: Option<Box<[Box<str>]>>,
    claims: Box<[WantedClaim]>,
    when: Option<Condition>,
}

/// Which scopes are needed.
enum Wanted {
    All(Box<[Box<str>]>),
    /// Invariant: not empty.
    Any(Box<[Box<str>]>),
}

struct WantedClaim {
    path: ClaimPath,
    /// Invariant: not empty.
    accepted: Box<[ScalarSpec]>,
}

/// What a caller lacks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lacking<'a> {
    AllScopes(&'a [Box<str>]),
    AnyScope(&'a [Box<str>]),
    Group,
    Claim,
    /// The condition does not hold.
    Condition,
    /// It cannot be told whether the condition holds.
    Decision,
}

/// Why what callers need was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidAllow {
    #[error(
        "allow.{list}[{index}]: {scope:?} is not a scope; use printable ASCII without blanks, \
         quotes and backslashes"
    )]
    Scope { list: &'static str, index: usize, scope: String },
    #[error("allow.{list}: is empty, so nobody could call; name one, or leave it out")]
    NothingWanted { list: &'static str },
    #[error("allow.groups[{index}]: {group:?} is not an id; {AN_ID}")]
    Group { index: usize, group: String },
    #[error("allow.claims.{claim}: is empty, so nobody could call; name a value, or leave it out")]
    NoValue { claim: String },
    #[error("allow.claims.{claim}: {source}")]
    Claim { claim: String, source: InvalidClaimPath },
    #[error("allow.when: {0}")]
    When(InvalidCondition),
}

// === impl Allow ===

impl Allow {
    pub(crate) fn compile(
        spec: AllowSpec,
        names: Names<'_>,
        language: &Language,
    ) -> Result<Self, InvalidAllow> {
        let AllowSpec { scopes, groups, claims, when } = spec;
        let when = when.map(|text| Condition::compile(&text, names, language)).transpose();
        Ok(Self {
            scopes: Wanted::compile(scopes)?,
            groups: groups.map(compile_groups).transpose()?,
            claims: claims
                .into_iter()
                .map(|(path, accepted)| WantedClaim::compile(&path, accepted))
                .collect::<Result<_, _>>()?,
            when: when.map_err(InvalidAllow::When)?,
        })
    }

    /// Whether it asks for something that only somebody can have.
    pub(crate) fn asks_for_somebody(&self) -> Option<&'static str> {
        let scopes = Some("scopes").filter(|_| !self.scopes.is_empty());
        let groups = || self.groups.is_some().then_some("groups");
        scopes.or_else(groups).or_else(|| (!self.claims.is_empty()).then_some("claims"))
    }

    pub(crate) fn asks_for_nothing(&self) -> bool {
        self.asks_for_somebody().is_none() && self.when.is_none()
    }

    /// The claims that it asks for, each with the field that does.
    pub(crate) fn claims(&self) -> impl Iterator<Item = (String, &ClaimPath)> {
        let named = |claim: &'_ WantedClaim| format!("claims.{}", claim.path);
        let claims = self.claims.iter().map(move |claim| (named(claim), &claim.path));
        let asked = self.when.iter().flat_map(Condition::claims);
        claims.chain(asked.map(|path| ("when".to_owned(), path)))
    }

    /// Whether its condition asks who is calling.
    pub(crate) fn asks_about_somebody(&self) -> bool {
        self.when.as_ref().is_some_and(Condition::is_about_somebody)
    }

    /// Judges a caller; none where nobody is recognised.
    pub(crate) fn judge(
        &self,
        caller: Option<&Principal>,
        facts: &Facts<'_>,
    ) -> Result<(), Lacking<'_>> {
        if let Some(caller) = caller {
            self.judge_grants(caller)?;
        }
        match self.when.as_ref().map(|condition| condition.holds(caller, facts)) {
            None | Some(Ok(true)) => Ok(()),
            Some(Ok(false)) => Err(Lacking::Condition),
            Some(Err(Undecided)) => Err(Lacking::Decision),
        }
    }

    fn judge_grants(&self, caller: &Principal) -> Result<(), Lacking<'_>> {
        self.scopes.judge(&caller.scopes)?;
        let is_in_one = |groups: &[Box<str>]| groups.iter().any(|one| caller.groups.contains(one));
        if self.groups.as_deref().is_some_and(|groups| !is_in_one(groups)) {
            return Err(Lacking::Group);
        }
        if self.claims.iter().all(|claim| claim.holds(caller.claims.as_deref())) {
            Ok(())
        } else {
            Err(Lacking::Claim)
        }
    }
}

fn compile_groups(groups: Vec<String>) -> Result<Box<[Box<str>]>, InvalidAllow> {
    if groups.is_empty() {
        return Err(InvalidAllow::NothingWanted { list: "groups" });
    }
    match groups.iter().position(|group| !is_id(group)) {
        None => Ok(groups.into_iter().map(Into::into).collect()),
        Some(index) => {
            let group = groups.into_iter().nth(index).unwrap_or_default();
            Err(InvalidAllow::Group { index, group })
        }
    }
}

// === impl Wanted ===

impl Wanted {
    fn compile(spec: ScopesSpec) -> Result<Self, InvalidAllow> {
        match spec {
            ScopesSpec::All(scopes) => Ok(Self::All(checked("scopes", scopes)?)),
            ScopesSpec::Any { any } if any.is_empty() => {
                Err(InvalidAllow::NothingWanted { list: "scopes.any" })
            }
            ScopesSpec::Any { any } => Ok(Self::Any(checked("scopes.any", any)?)),
        }
    }

    fn is_empty(&self) -> bool {
        let (Self::All(scopes) | Self::Any(scopes)) = self;
        scopes.is_empty()
    }

    fn judge(&self, granted: &Scopes) -> Result<(), Lacking<'_>> {
        let (Self::All(scopes) | Self::Any(scopes)) = self;
        let mut has = scopes.iter().map(|scope| granted.contains(scope));
        match self {
            Self::All(_) if !has.all(|has| has) => Err(Lacking::AllScopes(scopes)),
            Self::Any(_) if !has.any(|has| has) => Err(Lacking::AnyScope(scopes)),
            _ => Ok(()),
        }
    }
}

impl Default for Wanted {
    fn default() -> Self {
        Self::All(Box::default())
    }
}

fn checked(list: &'static str, scopes: Vec<String>) -> Result<Box<[Box<str>]>, InvalidAllow> {
    match scopes.iter().position(|scope| !is_scope(scope)) {
        None => Ok(scopes.into_iter().map(Into::into).collect()),
        Some(index) => {
            let scope = scopes.into_iter().nth(index).unwrap_or_default();
            Err(InvalidAllow::Scope { list, index, scope })
        }
    }
}

// === impl WantedClaim ===

impl WantedClaim {
    fn compile(path: &str, accepted: AcceptedSpec) -> Result<Self, InvalidAllow> {
        let accepted: Box<[ScalarSpec]> = match accepted {
            AcceptedSpec::AnyOf(values) if values.is_empty() => {
                return Err(InvalidAllow::NoValue { claim: path.to_owned() });
            }
            AcceptedSpec::AnyOf(values) => values.into(),
            AcceptedSpec::Text(text) => [ScalarSpec::Text(text)].into(),
            AcceptedSpec::Number(number) => [ScalarSpec::Number(number)].into(),
            AcceptedSpec::Truth(truth) => [ScalarSpec::Truth(truth)].into(),
        };
        match ClaimPath::parse(path) {
            Ok(path) => Ok(Self { path, accepted }),
            Err(source) => Err(InvalidAllow::Claim { claim: path.to_owned(), source }),
        }
    }

    fn holds(&self, kept: Option<&str>) -> bool {
        kept.is_some_and(|kept| kept::is_one_of(kept, &self.path, &self.accepted))
    }
}

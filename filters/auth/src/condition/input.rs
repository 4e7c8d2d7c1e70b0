use std::borrow::Cow;
use std::collections::HashMap;

use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString,
};
use cel::common::value::Val;
use serde_json::{Map, Value as Json};
use tollgate_core::{ClaimPath, Duplicate, Principal, query_parameters};

use super::kind::Kind;
use crate::Facts;

/// Something that a condition asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Input {
    Principal(Field),
    Claim(ClaimPath),
    Request(Part),
    PathParameter(String),
    /// Invariant: in lower case.
    Header(String),
    Query(String),
    /// Whether it is there.
    Has(Box<Input>),
}

/// What is known of a principal, claims aside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Field {
    Method,
    Subject,
    Tenant,
    Tier,
    Scopes,
    Groups,
}

/// What every request has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Method,
    Path,
    Host,
}

type Value<'a> = Box<dyn Val + 'a>;

/// The name that stands for an input in an expression. Nobody can write it.
pub(super) fn name(index: usize) -> String {
    format!("${index}")
}

/// Which input a name stands for.
pub(super) fn index(name: &str) -> Option<usize> {
    name.strip_prefix('$')?.parse().ok()
}

// === impl Input ===

impl Input {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Principal(Field::Scopes | Field::Groups) => Kind::Texts,
            Self::Claim(_) => Kind::Anything,
            Self::Has(_) => Kind::Truth,
            _ => Kind::Text,
        }
    }

    pub(super) fn claim(&self) -> Option<&ClaimPath> {
        match self {
            Self::Claim(path) => Some(path),
            Self::Has(input) => input.claim(),
            _ => None,
        }
    }

    pub(super) fn is_of_principal(&self) -> bool {
        match self {
            Self::Principal(_) | Self::Claim(_) => true,
            Self::Has(input) => input.is_of_principal(),
            _ => false,
        }
    }

    /// Nothing if it is not there, is no text, or stands in the request twice.
    pub(super) fn value<'a>(
        &self,
        caller: Option<&'a Principal>,
        facts: &Facts<'a>,
    ) -> Option<Value<'a>> {
        match self {
            Self::Principal(field) => field.value(caller?),
            Self::Claim(path) => claim(caller?, path).map(of_json),
            Self::Request(part) => part.value(facts).map(text),
            Self::PathParameter(name) => path_parameter(name, facts).and_then(text_of_bytes),
            Self::Header(name) => {
                facts.headers.only(name).ok()?.map(Cow::Borrowed).and_then(text_of_bytes)
            }
            Self::Query(name) => query(name, facts).ok()?.and_then(text_of_bytes),
            Self::Has(input) => Some(Box::new(CelBool::from(input.is_there(caller, facts)))),
        }
    }

    fn is_there(&self, caller: Option<&Principal>, facts: &Facts<'_>) -> bool {
        match self {
            Self::Header(name) => facts.headers.get(name).is_some(),
            Self::Query(name) => query(name, facts) != Ok(None),
            _ => self.value(caller, facts).is_some(),
        }
    }
}

// === impl Field ===

impl Field {
    fn value(self, caller: &Principal) -> Option<Value<'_>> {
        match self {
            Self::Method => Some(text(&*caller.method)),
            Self::Subject => (!caller.is_anonymous()).then(|| text(&*caller.subject)),
            Self::Tenant => caller.tenant.as_deref().map(text),
            Self::Tier => caller.tier.as_deref().map(text),
            Self::Scopes => Some(list(caller.scopes.iter().map(text).collect())),
            Self::Groups => Some(list(caller.groups.iter().map(text).collect())),
        }
    }
}

// === impl Part ===

impl Part {
    fn value<'a>(self, facts: &Facts<'a>) -> Option<Cow<'a, str>> {
        match self {
            Self::Method => str::from_utf8(facts.method).ok().map(Cow::Borrowed),
            Self::Path => utf8(facts.path?.decoded()),
            Self::Host => host(facts.headers.get(":authority")?),
        }
    }
}

/// Without the port, in lower case: as routes are found by it.
fn host(authority: &[u8]) -> Option<Cow<'_, str>> {
    let authority = str::from_utf8(authority).ok()?;
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some(Cow::Owned(host.to_ascii_lowercase()));
    }
    Some(Cow::Borrowed(host))
}

fn path_parameter<'a>(name: &str, facts: &Facts<'a>) -> Option<Cow<'a, [u8]>> {
    let found = facts.path_parameters.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| Cow::Borrowed(&**value))
}

fn query<'a>(name: &str, facts: &Facts<'a>) -> Result<Option<Cow<'a, [u8]>>, Duplicate> {
    let query = facts.path.and_then(|path| path.query()).unwrap_or_default();
    let mut named = query_parameters(query).filter(|(known, _)| **known == *name.as_bytes());
    match (named.next(), named.next()) {
        (_, Some(_)) => Err(Duplicate),
        (first, None) => Ok(first.map(|(_, value)| value)),
    }
}

fn claim(caller: &Principal, path: &ClaimPath) -> Option<Json> {
    let kept: Map<String, Json> = serde_json::from_str(caller.claims.as_deref()?).ok()?;
    path.find(&kept).cloned()
}

fn text_of_bytes(bytes: Cow<'_, [u8]>) -> Option<Value<'_>> {
    utf8(bytes).map(text)
}

fn utf8(bytes: Cow<'_, [u8]>) -> Option<Cow<'_, str>> {
    match bytes {
        Cow::Borrowed(bytes) => str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

fn text<'a>(text: impl Into<Cow<'a, str>>) -> Value<'a> {
    Box::new(CelString::from(text.into()))
}

fn list(entries: Vec<Value<'_>>) -> Value<'_> {
    Box::new(CelList::from(entries))
}

/// The depth of a token is bounded, and so is this.
fn of_json(json: Json) -> Value<'static> {
    match json {
        Json::Null => Box::new(CelNull),
        Json::Bool(truth) => Box::new(CelBool::from(truth)),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Box::new(CelInt::from(number)),
            None => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Json::String(string) => text(string),
        Json::Array(entries) => list(entries.into_iter().map(of_json).collect()),
        Json::Object(members) => {
            let members = members.into_iter();
            let map: HashMap<CelMapKey<'static>, Value<'static>> =
                members.map(|(name, json)| (name.into(), of_json(json))).collect();
            Box::new(CelMap::from(map))
        }
    }
}

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use tollgate_auth::Facts;
use tollgate_core::{
    AmbiguousPath, CanonicalPath, Headers, is_header_name, is_header_value, is_reserved,
};

use crate::condition::{Condition, Holds};
use crate::expression::InvalidRegex;
use crate::pattern::{Case, Pattern, SEGMENTS_MAX};
use crate::spec::{MatchSpec, ValueSpec};

/// A request as far as it decides the operation.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a [u8],
    /// The path and the query.
    pub path: CanonicalPath<'a>,
    /// The headers.
    pub headers: &'a Headers,
}

/// Which requests an operation serves.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    pub(crate) pattern: Pattern,
    /// Any if empty.
    methods: Box<[Box<str>]>,
    headers: Box<[Condition]>,
    query: Box<[Condition]>,
}

/// What an operation that fits a request, letter case aside, decides about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    /// The operation serves it.
    Serve,
    /// Nothing does: a backend that ignores case would serve this operation
    /// under the policy of another one.
    OtherCase,
    /// What would decide stands in the request more than once.
    Unclear,
}

/// Why a match was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidMatch {
    #[error("match: has no path; write one of path, prefix and regex")]
    NoPath,
    #[error("match: has {0} and {1}; write only one of path, prefix and regex")]
    SeveralPaths(&'static str, &'static str),
    #[error("match.{field}: {path:?} does not begin with a slash; write {:?}", format!("/{path}"))]
    Relative { field: &'static str, path: String },
    #[error("match.{field}: {path:?} has a query; move it to match.query")]
    Query { field: &'static str, path: String },
    #[error(
        "match.{field}: {path:?} can never be requested: {reason}; write it as callers have to"
    )]
    Unreachable { field: &'static str, path: String, reason: AmbiguousPath },
    #[error("match.{field}: has {count} segments; at most {SEGMENTS_MAX} are matched")]
    Segments { field: &'static str, count: usize },
    #[error("match.prefix: {0:?} has a parameter; use match.path or match.regex")]
    PrefixParameter(String),
    #[error(
        "match.path: {path:?} has a parameter in part of the segment {segment:?}; make it the whole segment, or use match.regex"
    )]
    PartialParameter { path: String, segment: String },
    #[error(
        "match.path: {path:?} has a parameter named {name:?}; use letters, digits, `_` and `-`"
    )]
    ParameterName { path: String, name: String },
    #[error("match.path: {path:?} has two parameters named {name:?}; rename one")]
    DuplicateParameter { path: String, name: String },
    #[error("match.regex: {0}")]
    Regex(InvalidRegex),
    #[error(
        "match.methods[{index}]: {method:?} is not a method; write one such as GET, in capitals"
    )]
    Method { index: usize, method: String },
    #[error("match.methods[{index}]: {method:?} stands there already; remove it")]
    DuplicateMethod { index: usize, method: String },
    #[error("match.headers.{0}: {0:?} is not a header name")]
    HeaderName(String),
    #[error("match.headers.{0}: the header stands there twice, in different case; remove one")]
    DuplicateHeader(String),
    #[error("match.headers.{0}: {0:?} is reserved, so callers cannot send it; use another header")]
    ReservedHeader(String),
    #[error("match.headers.{0}: the host is not matched as a header; use hosts of the api")]
    Host(String),
    #[error("match.headers.{name}: {value:?} cannot stand in a header; use other characters")]
    HeaderValue { name: String, value: String },
    #[error("match.{field}.{name}.regex: {fault}")]
    ValueRegex { field: &'static str, name: String, fault: InvalidRegex },
}

// === impl Request ===

impl<'a> Request<'a> {
    /// The request as conditions ask for it.
    pub(crate) fn facts<'f>(&self, path_parameters: &'f [(&'f str, Cow<'f, [u8]>)]) -> Facts<'f>
    where
        'a: 'f,
    {
        let Self { method, path, headers } = *self;
        Facts { method, path: Some(path), headers, path_parameters }
    }
}

// === impl Matcher ===

impl Matcher {
    pub(crate) fn compile(spec: MatchSpec) -> Result<Self, InvalidMatch> {
        // The priority has decided the order of the list already.
        let MatchSpec { path, prefix, regex, methods, headers, query, priority: _ } = spec;
        Ok(Self {
            pattern: pattern(path.as_deref(), prefix.as_deref(), regex.as_deref())?,
            methods: compile_methods(methods)?,
            headers: compile_headers(headers)?,
            query: conditions("query", query)?,
        })
    }

    /// What is decided about a request, if it fits, letter case aside.
    pub(crate) fn decide(&self, request: &Request<'_>) -> Option<Decision> {
        if !self.has_method(request.method) {
            return None;
        }
        let fits = |case| self.pattern.fits(&request.path, case);
        match self.conditions(request) {
            Holds::No => None,
            Holds::Unclear => fits(Case::Ignored).then_some(Decision::Unclear),
            Holds::Yes if fits(Case::Matters) => Some(Decision::Serve),
            Holds::Yes => fits(Case::Ignored).then_some(Decision::OtherCase),
        }
    }

    /// The methods, if a request does not fit because of its method alone.
    pub(crate) fn methods_instead(&self, request: &Request<'_>) -> &[Box<str>] {
        let alone = !self.has_method(request.method)
            && self.conditions(request) != Holds::No
            && self.pattern.fits(&request.path, Case::Matters);
        if alone { &self.methods } else { &[] }
    }

    /// The headers that decide.
    pub(crate) fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(Condition::name)
    }

    /// The names of the query parameters on which it depends.
    pub(crate) fn query_names(&self) -> impl Iterator<Item = &str> {
        self.query.iter().map(Condition::name)
    }

    fn has_method(&self, method: &[u8]) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|ours| ours.as_bytes() == method)
    }

    /// Whether all conditions hold. One that does not outweighs one that is unclear.
    fn conditions(&self, request: &Request<'_>) -> Holds {
        let query = request.path.query().unwrap_or_default();
        let headers = self.headers.iter().map(|one| one.holds_in_headers(request.headers));
        let query = self.query.iter().map(|one| one.holds_in_query(query));
        headers.chain(query).fold(Holds::Yes, |all, one| match (all, one) {
            (Holds::No, _) | (_, Holds::No) => Holds::No,
            (Holds::Unclear, _) | (_, Holds::Unclear) => Holds::Unclear,
            (Holds::Yes, Holds::Yes) => Holds::Yes,
        })
    }
}

fn pattern(
    path: Option<&str>,
    prefix: Option<&str>,
    regex: Option<&str>,
) -> Result<Pattern, InvalidMatch> {
    match (path, prefix, regex) {
        (Some(path), None, None) => Pattern::path(path),
        (None, Some(prefix), None) => Pattern::prefix(prefix),
        (None, None, Some(regex)) => Pattern::regex(regex),
        (None, None, None) => Err(InvalidMatch::NoPath),
        (Some(_), Some(_), _) => Err(InvalidMatch::SeveralPaths("path", "prefix")),
        (Some(_), None, Some(_)) => Err(InvalidMatch::SeveralPaths("path", "regex")),
        (None, Some(_), Some(_)) => Err(InvalidMatch::SeveralPaths("prefix", "regex")),
    }
}

fn compile_methods(methods: Vec<String>) -> Result<Box<[Box<str>]>, InvalidMatch> {
    let mut seen = BTreeSet::new();
    for (index, method) in methods.iter().enumerate() {
        if !is_method(method) {
            return Err(InvalidMatch::Method { index, method: method.clone() });
        }
        if !seen.insert(method) {
            return Err(InvalidMatch::DuplicateMethod { index, method: method.clone() });
        }
    }
    Ok(methods.into_iter().map(Into::into).collect())
}

/// Methods are case-sensitive (RFC 9110, section 9.1), and all registered ones
/// are capitals: `get` would never be requested.
fn is_method(method: &str) -> bool {
    !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase() || b"-_".contains(&b))
}

fn compile_headers(specs: BTreeMap<String, ValueSpec>) -> Result<Box<[Condition]>, InvalidMatch> {
    let mut lower = BTreeMap::new();
    for (written, spec) in specs {
        let name = written.to_ascii_lowercase();
        check_header(&written, &name, &spec)?;
        if lower.insert(name, spec).is_some() {
            return Err(InvalidMatch::DuplicateHeader(written));
        }
    }
    conditions("headers", lower)
}

fn check_header(written: &str, name: &str, spec: &ValueSpec) -> Result<(), InvalidMatch> {
    match spec {
        _ if !is_header_name(name) => Err(InvalidMatch::HeaderName(written.to_owned())),
        _ if name == "host" => Err(InvalidMatch::Host(written.to_owned())),
        _ if is_reserved(name.as_bytes()) => Err(InvalidMatch::ReservedHeader(written.to_owned())),
        ValueSpec::Exact(value) if !is_header_value(value.as_bytes()) => {
            let (name, value) = (written.to_owned(), value.clone());
            Err(InvalidMatch::HeaderValue { name, value })
        }
        _ => Ok(()),
    }
}

fn conditions(
    field: &'static str,
    specs: BTreeMap<String, ValueSpec>,
) -> Result<Box<[Condition]>, InvalidMatch> {
    let compile = |(name, spec): (String, ValueSpec)| {
        Condition::compile(&name, spec).map_err(|fault| InvalidMatch::ValueRegex {
            field,
            name,
            fault,
        })
    };
    specs.into_iter().map(compile).collect()
}

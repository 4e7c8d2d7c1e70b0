use std::cmp::Reverse;

use tollgate_core::unescape;

use crate::spec::{MatchSpec, ValueSpec};

/// The place of a match among others: what sorts first is tried first.
///
/// By priority; then the whole path before a template, a template before a
/// prefix, a prefix before a regular expression; then more literal segments,
/// and those further left; then more conditions. The control plane sorts by
/// it, so that contract and Envoy's routes stand in one order.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Precedence {
    priority: Reverse<i32>,
    kind: Kind,
    literals: Reverse<usize>,
    /// Which segments are parameters.
    shape: Vec<bool>,
    conditions: Reverse<usize>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    Exact,
    Template,
    Prefix,
    Regex,
}

impl MatchSpec {
    /// Its place among others.
    pub fn precedence(&self) -> Precedence {
        let shape: Vec<bool> = self.segments().map(is_parameter).collect();
        Precedence {
            priority: Reverse(self.priority),
            kind: self.kind(),
            literals: Reverse(shape.iter().filter(|parameter| !**parameter).count()),
            conditions: Reverse(self.conditions()),
            shape,
        }
    }

    /// Whether no request can reach `later` because this match, which is tried
    /// before it, takes every one. Says so only where it is certain, which it
    /// is not for regular expressions that differ.
    pub fn shadows(&self, later: &Self) -> bool {
        self.covers_path(later) && self.covers_methods(later) && self.covers_conditions(later)
    }

    fn kind(&self) -> Kind {
        match (&self.path, &self.prefix) {
            (Some(_), _) if self.segments().any(is_parameter) => Kind::Template,
            (Some(_), _) => Kind::Exact,
            (None, Some(_)) => Kind::Prefix,
            (None, None) => Kind::Regex,
        }
    }

    fn segments(&self) -> impl Iterator<Item = &str> {
        let path = self.path.as_deref().or(self.prefix.as_deref()).unwrap_or_default();
        path.trim_matches('/').split('/').filter(|segment| !segment.is_empty())
    }

    fn conditions(&self) -> usize {
        let Self { headers, query, methods, .. } = self;
        let methods = usize::from(!methods.is_empty());
        headers.len().saturating_add(query.len()).saturating_add(methods)
    }

    fn covers_path(&self, later: &Self) -> bool {
        match (self.kind(), later.kind()) {
            (Kind::Regex, Kind::Regex) => self.regex == later.regex,
            (Kind::Regex, _) | (_, Kind::Regex) => self.is_everything(),
            (Kind::Exact | Kind::Template, Kind::Prefix) => false,
            (Kind::Exact | Kind::Template, _) => {
                self.segments().count() == later.segments().count() && self.covers_segments(later)
            }
            (Kind::Prefix, _) => self.covers_segments(later),
        }
    }

    fn is_everything(&self) -> bool {
        self.kind() == Kind::Prefix && self.segments().next().is_none()
    }

    /// Whether each of its segments takes what stands there in `later`. Letter
    /// case is ignored: what differs only in case is served by neither.
    fn covers_segments(&self, later: &Self) -> bool {
        let mut theirs = later.segments();
        self.segments().all(|ours| theirs.next().is_some_and(|theirs| covers(ours, theirs)))
    }

    fn covers_methods(&self, later: &Self) -> bool {
        let all_of = |theirs: &[String]| {
            !theirs.is_empty() && theirs.iter().all(|one| self.methods.contains(one))
        };
        self.methods.is_empty() || all_of(&later.methods)
    }

    fn covers_conditions(&self, later: &Self) -> bool {
        let header =
            |name: &str| later.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        self.headers
            .iter()
            .all(|(name, ours)| header(name).is_some_and(|(_, theirs)| implied(ours, theirs)))
            && self.query.iter().all(|(name, ours)| {
                later.query.get(name).is_some_and(|theirs| implied(ours, theirs))
            })
    }
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{')
}

fn covers(ours: &str, theirs: &str) -> bool {
    let literal = |segment| unescape(str::as_bytes(segment)).to_ascii_lowercase();
    is_parameter(ours) || (!is_parameter(theirs) && literal(ours) == literal(theirs))
}

/// Whether `ours` holds wherever `theirs` does.
fn implied(ours: &ValueSpec, theirs: &ValueSpec) -> bool {
    let there = !matches!(theirs, ValueSpec::Present { present: false });
    ours == theirs || (there && matches!(ours, ValueSpec::Present { present: true }))
}

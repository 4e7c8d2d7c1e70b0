use std::borrow::Cow;
use std::iter;

use tollgate_core::{AmbiguousPath, CanonicalPath, Segments};

use crate::expression::Expression;
use crate::matcher::InvalidMatch;

/// Deeper paths are not matched segment by segment: this bounds the recursion.
pub(crate) const SEGMENTS_MAX: usize = 64;

/// Which paths an operation serves.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// The whole path.
    Path(Box<[Part]>),
    /// Its beginning.
    Prefix(Box<[Part]>),
    /// The whole path, decoded.
    Regex(Box<Expression>),
}

/// A path as an expression may mean it: without a slash at the end, and with it
/// if it was sent.
fn readings<'a>(path: &CanonicalPath<'a>) -> impl Iterator<Item = Cow<'a, [u8]>> {
    let plain = path.decoded();
    let has_slash = path.as_bytes().ends_with(b"/") && *plain != *b"/";
    let with_slash = has_slash.then(|| [&*plain, b"/"].concat().into());
    iter::once(plain).chain(with_slash)
}

/// What stands at one segment's place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    /// Decoded.
    Literal(Box<[u8]>),
    /// Any segment, under this name.
    Parameter(Box<str>),
}

/// Whether capital and small letters are told apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Case {
    Matters,
    Ignored,
}

// === impl Pattern ===

impl Pattern {
    pub(crate) fn path(template: &str) -> Result<Self, InvalidMatch> {
        let parts = parts("path", template)?;
        no_name_twice(template, &parts)?;
        Ok(Self::Path(parts))
    }

    pub(crate) fn prefix(prefix: &str) -> Result<Self, InvalidMatch> {
        let parts = parts("prefix", prefix)?;
        if parts.iter().any(|part| matches!(part, Part::Parameter(_))) {
            return Err(InvalidMatch::PrefixParameter(prefix.to_owned()));
        }
        Ok(Self::Prefix(parts))
    }

    pub(crate) fn regex(pattern: &str) -> Result<Self, InvalidMatch> {
        let expression = Expression::compile(pattern).map_err(InvalidMatch::Regex)?;
        Ok(Self::Regex(Box::new(expression)))
    }

    pub(crate) fn fits(&self, path: &CanonicalPath<'_>, case: Case) -> bool {
        let mut segments = path.segments();
        match self {
            Self::Path(parts) => {
                begins_with(&mut segments, parts, case) && segments.next().is_none()
            }
            Self::Prefix(parts) => begins_with(&mut segments, parts, case),
            Self::Regex(regex) => readings(path).any(|path| match case {
                Case::Matters => regex.matches(&path),
                Case::Ignored => regex.matches_in_some_case(&path),
            }),
        }
    }

    /// The names of the parameters, in order.
    pub(crate) fn parameter_names(&self) -> impl Iterator<Item = &str> {
        let Self::Path(parts) = self else { return [].iter().filter_map(Part::name) };
        parts.iter().filter_map(Part::name)
    }

    /// The parameters in a path that fits.
    pub(crate) fn parameters<'a>(
        &'a self,
        path: &CanonicalPath<'a>,
    ) -> Vec<(&'a str, Cow<'a, [u8]>)> {
        let Self::Path(parts) = self else { return Vec::new() };
        let named = parts.iter().zip(path.segments());
        named.filter_map(|(part, segment)| Some((part.name()?, segment))).collect()
    }
}

fn begins_with(segments: &mut Segments<'_>, parts: &[Part], case: Case) -> bool {
    parts.iter().all(|part| segments.next().is_some_and(|segment| part.fits(&segment, case)))
}

// === impl Part ===

impl Part {
    fn fits(&self, segment: &[u8], case: Case) -> bool {
        match self {
            Self::Parameter(_) => true,
            Self::Literal(literal) if case == Case::Matters => **literal == *segment,
            Self::Literal(literal) => literal.eq_ignore_ascii_case(segment),
        }
    }

    fn name(&self) -> Option<&str> {
        let Self::Parameter(name) = self else { return None };
        Some(name)
    }
}

fn parts(field: &'static str, template: &str) -> Result<Box<[Part]>, InvalidMatch> {
    if template.contains('?') {
        return Err(InvalidMatch::Query { field, path: template.to_owned() });
    }
    let Some(inner) = template.strip_prefix('/') else {
        return Err(InvalidMatch::Relative { field, path: template.to_owned() });
    };
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let segments = inner.split('/').filter(|_| !inner.is_empty());
    let parts =
        segments.map(|segment| part(field, template, segment)).collect::<Result<Box<[_]>, _>>()?;
    match parts.len() {
        0..=SEGMENTS_MAX => Ok(parts),
        count => Err(InvalidMatch::Segments { field, count }),
    }
}

fn part(field: &'static str, template: &str, segment: &str) -> Result<Part, InvalidMatch> {
    let inner = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    match inner {
        Some(name) => parameter(template, name),
        None if segment.contains(['{', '}']) => Err(InvalidMatch::PartialParameter {
            path: template.to_owned(),
            segment: segment.to_owned(),
        }),
        None => literal(segment).map_err(|reason| InvalidMatch::Unreachable {
            field,
            path: template.to_owned(),
            reason,
        }),
    }
}

fn parameter(template: &str, name: &str) -> Result<Part, InvalidMatch> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if name.is_empty() || !name.bytes().all(plain) {
        let (path, name) = (template.to_owned(), name.to_owned());
        return Err(InvalidMatch::ParameterName { path, name });
    }
    Ok(Part::Parameter(name.into()))
}

/// Reads a segment exactly as a request's is read.
fn literal(segment: &str) -> Result<Part, AmbiguousPath> {
    let path = format!("/{segment}");
    let mut segments = CanonicalPath::parse(path.as_bytes())?.segments();
    let segment = segments.next().ok_or(AmbiguousPath::EmptySegment)?;
    Ok(Part::Literal(segment.into_owned().into()))
}

fn no_name_twice(template: &str, parts: &[Part]) -> Result<(), InvalidMatch> {
    let mut names: Vec<_> = parts.iter().filter_map(Part::name).collect();
    names.sort_unstable();
    match names.array_windows().find(|[left, right]| left == right) {
        Some([name, _]) => Err(InvalidMatch::DuplicateParameter {
            path: template.to_owned(),
            name: (*name).to_owned(),
        }),
        None => Ok(()),
    }
}

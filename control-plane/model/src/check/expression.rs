//! Expressions that Envoy would refuse, or read otherwise than the filters do.

mod steps;
mod syntax;

use tollgate_gateway::{MatchSpec, ValueSpec};

pub use self::steps::EXPRESSION_STEPS_MAX;

/// What is wrong with a match of which the filters think nothing bad.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidExpression {
    #[error(
        "match.{field}: {pattern:?} has {what}, which Envoy reads otherwise; use the syntax of RE2"
    )]
    Foreign { field: String, pattern: String, what: &'static str },
    #[error(
        "match.{field}: Envoy would make up to {steps} steps of it, and takes {EXPRESSION_STEPS_MAX}; make it \
         shorter, or use fewer or smaller repetitions"
    )]
    TooLarge { field: String, steps: usize },
    #[error(
        "match.{field}: it is empty, which Envoy does not take; write `present: true` for \
         any value"
    )]
    Empty { field: String },
}

/// What Envoy would say of a match, beginning with `match.`.
pub(super) fn fault(matcher: &MatchSpec) -> Option<String> {
    let MatchSpec { path, prefix, regex, methods: _, headers, query, priority: _ } = matcher;
    let paths = [("path", path), ("prefix", prefix)].into_iter().filter_map(|(field, text)| {
        let steps = steps::of_path(text.as_ref()?);
        too_large(field.to_owned(), steps)
    });
    let regex = regex.iter().filter_map(|regex| {
        let whole = format!("(?i:{regex})/?");
        foreign("regex", regex).or_else(|| too_large("regex".to_owned(), steps::of(&whole)))
    });
    let headers = headers.iter().filter_map(|(name, value)| match value {
        ValueSpec::Regex { regex } => of_value(format!("headers.{name}.regex"), regex),
        ValueSpec::Exact(_) | ValueSpec::Present { .. } => None,
    });
    let query = query.iter().filter_map(|(name, value)| match value {
        ValueSpec::Regex { regex } => of_value(format!("query.{name}.regex"), regex),
        ValueSpec::Exact(value) => too_large(format!("query.{name}"), steps::of_query(value)),
        ValueSpec::Present { .. } => None,
    });
    let invalid = paths.chain(regex).chain(headers).chain(query).next()?;
    Some(invalid.to_string())
}

fn of_value(field: String, pattern: &str) -> Option<InvalidExpression> {
    if pattern.is_empty() {
        return Some(InvalidExpression::Empty { field });
    }
    foreign(&field, pattern).or_else(|| too_large(field, steps::of(pattern)))
}

fn foreign(field: &str, pattern: &str) -> Option<InvalidExpression> {
    let what = syntax::foreign(pattern)?;
    Some(InvalidExpression::Foreign { field: field.to_owned(), pattern: pattern.to_owned(), what })
}

fn too_large(field: String, steps: usize) -> Option<InvalidExpression> {
    (EXPRESSION_STEPS_MAX < steps).then_some(InvalidExpression::TooLarge { field, steps })
}

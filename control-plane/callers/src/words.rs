//! Configuration in the words of callers.

mod access;
mod action;
mod budget;
mod limit;

use std::time::Duration;

use tollgate_core::Principal;
use tollgate_gateway::{MatchSpec, ValueSpec};

pub(crate) use self::access::{allow, auth};
pub(crate) use self::action::{action, answer, destination};
pub(crate) use self::budget::budgets_of;
pub(crate) use self::limit::{Counting, extras, limit, limits_of, per, rate};

/// What is called: `GET /orders/{id}`, `/public/*`, `~/v[0-9]+/x`.
pub(crate) fn call(matcher: &MatchSpec) -> String {
    let path = path(matcher);
    let conditions = conditions(matcher);
    let methods = matcher.methods.join(", ");
    let space = if methods.is_empty() { "" } else { " " };
    format!("{methods}{space}{path}{conditions}")
}

fn path(matcher: &MatchSpec) -> String {
    let MatchSpec { path, prefix, regex, .. } = matcher;
    match (path, prefix, regex) {
        (Some(path), _, _) => path.clone(),
        (_, Some(prefix), _) => format!("{}/*", prefix.trim_end_matches('/')),
        (_, _, regex) => format!("~{}", regex.as_deref().unwrap_or_default()),
    }
}

/// What else a request must have.
fn conditions(matcher: &MatchSpec) -> String {
    let headers = matcher.headers.iter().map(|(name, value)| valued("header", name, value));
    let query = matcher.query.iter().map(|(name, value)| valued("parameter", name, value));
    let all: Vec<String> = headers.chain(query).collect();
    if all.is_empty() { String::new() } else { format!(" with {}", all.join(" and ")) }
}

fn valued(kind: &str, name: &str, value: &ValueSpec) -> String {
    match value {
        ValueSpec::Exact(value) => format!("{kind} {name}={value}"),
        ValueSpec::Regex { regex } => format!("{kind} {name}~{regex}"),
        ValueSpec::Present { present: true } => format!("{kind} {name}"),
        ValueSpec::Present { present: false } => format!("no {kind} {name}"),
    }
}

/// The names of the parameters of a path.
pub(crate) fn parameters(matcher: &MatchSpec) -> Vec<&str> {
    let segments = matcher.path.as_deref().unwrap_or_default().split('/');
    segments.filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect()
}

/// Whether a segment of a path stands for any.
pub(crate) fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{') && segment.ends_with('}')
}

/// Who is calling, without anything secret.
pub(crate) fn principal(principal: &Principal) -> String {
    if principal.is_anonymous() {
        return "nobody in particular".to_owned();
    }
    let Principal { method, subject, tenant, tier, scopes, .. } = principal;
    let of = tenant.as_ref().map(|tenant| format!(" of tenant {tenant}")).unwrap_or_default();
    let tier = tier.as_ref().map(|tier| format!(", tier {tier}")).unwrap_or_default();
    let scopes: Vec<&str> = scopes.iter().collect();
    let scopes =
        if scopes.is_empty() { String::new() } else { format!(", scopes {}", scopes.join(" ")) };
    format!("{subject}{of} by {method}{tier}{scopes}")
}

/// `5s`, `250ms`.
pub(crate) fn span(span: Duration) -> String {
    let milliseconds = span.as_millis();
    if milliseconds.is_multiple_of(1000) {
        format!("{}s", span.as_secs())
    } else {
        format!("{milliseconds}ms")
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(names: &[String], last: &str) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [firsts @ .., end] => format!("{} {last} {end}", firsts.join(", ")),
    }
}

//! Conditions beside the path, in Envoy's terms.

use envoy_types::pb::envoy::config::route::v3::header_matcher::HeaderMatchSpecifier;
use envoy_types::pb::envoy::config::route::v3::query_parameter_matcher::QueryParameterMatchSpecifier;
use envoy_types::pb::envoy::config::route::v3::{HeaderMatcher, QueryParameterMatcher};
use envoy_types::pb::envoy::r#type::matcher::v3::string_matcher::MatchPattern;
use envoy_types::pb::envoy::r#type::matcher::v3::{RegexMatcher, StringMatcher};
use tollgate_gateway::{MatchSpec, ValueSpec};

use super::paths::spellings;

/// The method counts as a header.
pub(crate) fn headers(spec: &MatchSpec) -> Vec<HeaderMatcher> {
    let method = match spec.methods.as_slice() {
        [] => None,
        [method] => Some(exact(method)),
        // Letters, `-` and `_`: nothing in them has a meaning in an expression.
        several => Some(regex(several.join("|"))),
    };
    let method = method.map(|method| header(":method", HeaderMatchSpecifier::StringMatch(method)));
    let others = spec.headers.iter().map(|(name, value)| match value {
        ValueSpec::Exact(value) => header(name, HeaderMatchSpecifier::StringMatch(exact(value))),
        ValueSpec::Regex { regex: pattern } => {
            header(name, HeaderMatchSpecifier::StringMatch(regex(pattern.clone())))
        }
        ValueSpec::Present { present } => {
            header(name, HeaderMatchSpecifier::PresentMatch(*present))
        }
    });
    method.into_iter().chain(others).collect()
}

fn header(name: &str, specifier: HeaderMatchSpecifier) -> HeaderMatcher {
    HeaderMatcher {
        name: name.to_ascii_lowercase(),
        header_match_specifier: Some(specifier),
        ..HeaderMatcher::default()
    }
}

pub(crate) fn query(spec: &MatchSpec) -> Vec<QueryParameterMatcher> {
    let query = spec.query.iter().map(|(name, value)| match value {
        ValueSpec::Exact(value) => {
            parameter(name, QueryParameterMatchSpecifier::StringMatch(regex(encoded(value))))
        }
        ValueSpec::Regex { regex: pattern } => {
            parameter(name, QueryParameterMatchSpecifier::StringMatch(regex(pattern.clone())))
        }
        ValueSpec::Present { present } => {
            parameter(name, QueryParameterMatchSpecifier::PresentMatch(*present))
        }
    });
    query.collect()
}

fn parameter(name: &str, specifier: QueryParameterMatchSpecifier) -> QueryParameterMatcher {
    QueryParameterMatcher {
        name: name.to_owned(),
        query_parameter_match_specifier: Some(specifier),
    }
}

/// An expression for all the ways to write a value in a query: Envoy compares
/// it as it was written, the contract decoded.
fn encoded(value: &str) -> String {
    let spelling = |byte| match byte {
        b' ' => r"(?:\+|%20)".to_owned(),
        // The digits of an escape may be capital; the character may not.
        byte => spellings(byte).replacen('%', "(?i:%", 1).replacen(')', "))", 1),
    };
    value.bytes().map(spelling).collect()
}

fn exact(value: &str) -> StringMatcher {
    pattern(MatchPattern::Exact(value.to_owned()))
}

fn regex(regex: String) -> StringMatcher {
    pattern(MatchPattern::SafeRegex(RegexMatcher { regex, ..RegexMatcher::default() }))
}

fn pattern(pattern: MatchPattern) -> StringMatcher {
    StringMatcher { match_pattern: Some(pattern), ..StringMatcher::default() }
}

/// Whether anything beside the path decides.
pub(crate) fn any(spec: &MatchSpec) -> bool {
    !(spec.methods.is_empty() && spec.headers.is_empty() && spec.query.is_empty())
}

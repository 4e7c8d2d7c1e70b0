//! How Envoy chooses a route, as far as the translation makes use of it.

use envoy_types::pb::envoy::config::route::v3::header_matcher::HeaderMatchSpecifier;
use envoy_types::pb::envoy::config::route::v3::query_parameter_matcher::QueryParameterMatchSpecifier;
use envoy_types::pb::envoy::config::route::v3::route_match::PathSpecifier;
use envoy_types::pb::envoy::config::route::v3::{
    HeaderMatcher, QueryParameterMatcher, Route, RouteConfiguration, RouteMatch,
};
use envoy_types::pb::envoy::r#type::matcher::v3::StringMatcher;
use envoy_types::pb::envoy::r#type::matcher::v3::string_matcher::MatchPattern;

use crate::Sent;

/// The first route that fits.
pub(crate) fn route<'r>(routes: &'r RouteConfiguration, sent: &Sent) -> Option<&'r Route> {
    let [host] = routes.virtual_hosts.as_slice() else { panic!("one host") };
    host.routes.iter().find(|route| fits(route.r#match.as_ref().unwrap(), sent))
}

/// What the filter reads.
pub(crate) fn contract_and_group(route: &Route) -> (&str, &str) {
    let mut words = route.name.split(' ');
    (words.next().unwrap(), words.next().unwrap())
}

fn fits(route: &RouteMatch, sent: &Sent) -> bool {
    assert!(!route.case_sensitive.as_ref().unwrap().value);
    let path = sent.path.to_ascii_lowercase();
    let path = match route.path_specifier.as_ref().unwrap() {
        PathSpecifier::Path(exact) => path == exact.to_ascii_lowercase(),
        PathSpecifier::Prefix(prefix) => path.starts_with(prefix),
        PathSpecifier::PathSeparatedPrefix(prefix) => {
            let rest = path.strip_prefix(&prefix.to_ascii_lowercase());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        PathSpecifier::SafeRegex(regex) => whole(&regex.regex, &sent.path),
        other => panic!("{other:?}"),
    };
    path && route.headers.iter().all(|one| header(one, sent))
        && route.query_parameters.iter().all(|one| parameter(one, sent))
}

fn header(matcher: &HeaderMatcher, sent: &Sent) -> bool {
    let value = match matcher.name.as_str() {
        ":method" => Some(sent.method),
        "v" => sent.version,
        other => panic!("{other}"),
    };
    match matcher.header_match_specifier.as_ref().unwrap() {
        HeaderMatchSpecifier::StringMatch(pattern) => {
            value.is_some_and(|value| string(pattern, value))
        }
        HeaderMatchSpecifier::PresentMatch(present) => value.is_some() == *present,
        other => panic!("{other:?}"),
    }
}

/// Envoy looks at the first one, as it was written.
fn parameter(matcher: &QueryParameterMatcher, sent: &Sent) -> bool {
    let pairs = sent.query.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty());
    let mut pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let value = pairs.find(|(name, _)| *name == matcher.name).map(|(_, value)| value);
    match matcher.query_parameter_match_specifier.as_ref().unwrap() {
        QueryParameterMatchSpecifier::StringMatch(pattern) => {
            value.is_some_and(|value| string(pattern, value))
        }
        QueryParameterMatchSpecifier::PresentMatch(present) => value.is_some() == *present,
    }
}

fn string(matcher: &StringMatcher, value: &str) -> bool {
    match matcher.match_pattern.as_ref().unwrap() {
        MatchPattern::Exact(exact) => value == exact,
        MatchPattern::SafeRegex(regex) => whole(&regex.regex, value),
        other => panic!("{other:?}"),
    }
}

fn whole(regex: &str, text: &str) -> bool {
    regex::Regex::new(&format!("^(?:{regex})$")).unwrap().is_match(text)
}

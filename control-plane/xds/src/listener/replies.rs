//! What Envoy itself answers, in the words and the form of the filters' own
//! answers: `application/problem+json` (RFC 9457), with the request id.

use envoy_types::pb::envoy::config::accesslog::v3::access_log_filter::FilterSpecifier;
use envoy_types::pb::envoy::config::accesslog::v3::{
    AccessLogFilter, AndFilter, ComparisonFilter, ExtensionFilter, HeaderFilter, StatusCodeFilter,
    comparison_filter, extension_filter,
};
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{
    HeaderValue, HeaderValueOption, RuntimeUInt32, SubstitutionFormatString,
};
use envoy_types::pb::envoy::config::route::v3::HeaderMatcher;
use envoy_types::pb::envoy::config::route::v3::header_matcher::HeaderMatchSpecifier;
use envoy_types::pb::envoy::extensions::access_loggers::filters::cel::v3::ExpressionFilter;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    LocalReplyConfig, ResponseMapper,
};
use envoy_types::pb::envoy::r#type::matcher::v3::StringMatcher;
use envoy_types::pb::envoy::r#type::matcher::v3::string_matcher::MatchPattern;
use envoy_types::util::pack_any;

use crate::json;

/// What Envoy answers by itself, by status: the problem's name and title.
const PROBLEMS: [(u32, &str, &str); 12] = [
    (400, "bad-request", "The request is not valid HTTP, or could be read in two ways"),
    (403, "forbidden", "The request is not allowed"),
    (404, "no-route", "Nothing is served at this host and path"),
    (408, "request-timeout", "The request took too long to arrive"),
    (413, "body-too-large", "The body of the request is too large"),
    (426, "upgrade-required", "The request needs another version of HTTP"),
    (429, "too-many-requests", "There are too many requests"),
    (431, "headers-too-large", "The headers of the request are too large or too many"),
    (500, "internal", "The gateway cannot serve the request"),
    (502, "backend-invalid", "The backend's answer is not valid HTTP"),
    (503, "backend-unavailable", "The backend cannot be reached, or is busy"),
    (504, "backend-timeout", "The backend took too long to answer"),
];

/// Filters say what is the matter in a body of their own, and routes that answer
/// by themselves answer what is written.
const NOT_OURS: &str = "!(response.code_details.startsWith('tollgate.') || response.code_details == 'direct_response')";

pub(super) fn as_problems() -> LocalReplyConfig {
    LocalReplyConfig {
        mappers: PROBLEMS.map(|(status, name, title)| mapper(status, name, title)).into(),
        ..LocalReplyConfig::default()
    }
}

fn mapper(status: u32, name: &str, title: &str) -> ResponseMapper {
    let filters = vec![is_status(status), is_not_grpc(), is_not_of_a_filter()];
    ResponseMapper {
        filter: Some(filter(FilterSpecifier::AndFilter(AndFilter { filters }))),
        body_format_override: Some(problem(name, title)),
        headers_to_add: (status == 503).then(retry_after).into_iter().collect(),
        ..ResponseMapper::default()
    }
}

/// A backend that is busy may have room in a moment.
fn retry_after() -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: "retry-after".to_owned(),
            value: "1".to_owned(),
            ..HeaderValue::default()
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd as i32,
        ..HeaderValueOption::default()
    }
}

fn problem(name: &str, title: &str) -> SubstitutionFormatString {
    let kind = format!("urn:tollgate:problem:{name}");
    SubstitutionFormatString {
        content_type: "application/problem+json".to_owned(),
        ..json::format([
            ("type", &kind),
            ("title", title),
            ("status", "%RESPONSE_CODE%"),
            ("request_id", "%REQ(X-REQUEST-ID)%"),
        ])
    }
}

fn filter(specifier: FilterSpecifier) -> AccessLogFilter {
    AccessLogFilter { filter_specifier: Some(specifier) }
}

fn is_status(status: u32) -> AccessLogFilter {
    let comparison = ComparisonFilter {
        op: comparison_filter::Op::Eq as i32,
        // Envoy asks for a name under which the value could be overridden.
        value: Some(RuntimeUInt32 {
            default_value: status,
            runtime_key: format!("tollgate.problem.{status}"),
        }),
    };
    filter(FilterSpecifier::StatusCodeFilter(StatusCodeFilter { comparison: Some(comparison) }))
}

/// Callers of gRPC methods get grpc-status and a message, which is no place for JSON.
fn is_not_grpc() -> AccessLogFilter {
    let matcher = HeaderMatcher {
        name: "content-type".to_owned(),
        header_match_specifier: Some(HeaderMatchSpecifier::StringMatch(StringMatcher {
            match_pattern: Some(MatchPattern::Prefix("application/grpc".to_owned())),
            ignore_case: true,
        })),
        invert_match: true,
        treat_missing_header_as_empty: true,
    };
    filter(FilterSpecifier::HeaderFilter(HeaderFilter { header: Some(matcher) }))
}

fn is_not_of_a_filter() -> AccessLogFilter {
    let expression =
        ExpressionFilter { expression: NOT_OURS.to_owned(), ..ExpressionFilter::default() };
    filter(FilterSpecifier::ExtensionFilter(ExtensionFilter {
        name: "envoy.access_loggers.extension_filters.cel".to_owned(),
        config_type: Some(extension_filter::ConfigType::TypedConfig(pack_any(expression))),
    }))
}

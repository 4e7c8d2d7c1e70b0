//! How many requests backends bear: one of Envoy's filters for each of them, behind the
//! module. That filter knows no cluster and no settings of routes, so another picks it
//! by the cluster that the route has chosen.

use std::collections::BTreeMap;

use envoy_types::pb::cel::expr::constant::ConstantKind;
use envoy_types::pb::cel::expr::expr::{Call, ExprKind, Ident, Select};
use envoy_types::pb::cel::expr::{Constant, Expr, ParsedExpr};
use envoy_types::pb::envoy::config::core::v3::{RuntimeFeatureFlag, TypedExtensionConfig};
use envoy_types::pb::envoy::extensions::common::matching::v3::ExtensionWithMatcher;
use envoy_types::pb::envoy::extensions::filters::http::adaptive_concurrency::v3::adaptive_concurrency::ConcurrencyControllerConfig;
use envoy_types::pb::envoy::extensions::filters::http::adaptive_concurrency::v3::gradient_controller_config::{
    ConcurrencyLimitCalculationParams, MinimumRttCalculationParams,
};
use envoy_types::pb::envoy::extensions::filters::http::adaptive_concurrency::v3::{
    AdaptiveConcurrency as EnvoyAdaptiveConcurrency, GradientControllerConfig,
};
use envoy_types::pb::envoy::extensions::filters::http::composite::v3::{
    Composite, ExecuteFilterAction,
};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpFilter, http_filter,
};
use envoy_types::pb::envoy::r#type::v3::Percent;
use envoy_types::pb::google::protobuf::Any;
use envoy_types::pb::xds::core::v3::TypedExtensionConfig as Extension;
use envoy_types::pb::xds::r#type::matcher::v3::matcher::matcher_list::predicate::single_predicate::Matcher as Matched;
use envoy_types::pb::xds::r#type::matcher::v3::matcher::matcher_list::predicate::{
    MatchType, SinglePredicate,
};
use envoy_types::pb::xds::r#type::matcher::v3::matcher::matcher_list::{FieldMatcher, Predicate};
use envoy_types::pb::xds::r#type::matcher::v3::matcher::{
    MatcherList, MatcherType, OnMatch, on_match,
};
use envoy_types::pb::xds::r#type::matcher::v3::Matcher;
use envoy_types::pb::xds::r#type::v3::CelExpression;
use envoy_types::util::pack_any;
use prost::{Message, Name};
use tollgate_model::{AdaptiveConcurrency, Backend};

use crate::wrap;

const NAME: &str = "tollgate.concurrency";
const FILTER: &str = "envoy.filters.http.adaptive_concurrency";

/// How often the limit is found anew.
const UPDATE_MILLIS: u64 = 100;

/// Matches by an expression. It is among what Envoy knows, and not among `envoy_types`.
#[derive(Clone, PartialEq, Message)]
struct CelMatcher {
    #[prost(message, optional, tag = "1")]
    expr_match: Option<CelExpression>,
}

/// What it is about: the attributes of the request.
#[derive(Clone, PartialEq, Message)]
struct HttpAttributesCelMatchInput {}

impl Name for CelMatcher {
    const NAME: &'static str = "CelMatcher";
    const PACKAGE: &'static str = "xds.type.matcher.v3";

    fn type_url() -> String {
        format!("type.googleapis.com/{}", Self::full_name())
    }
}

impl Name for HttpAttributesCelMatchInput {
    const NAME: &'static str = "HttpAttributesCelMatchInput";
    const PACKAGE: &'static str = "xds.type.matcher.v3";

    fn type_url() -> String {
        format!("type.googleapis.com/{}", Self::full_name())
    }
}

/// The backends of which it is found out how much they bear.
pub(crate) fn adaptive(
    backends: &BTreeMap<String, Backend>,
) -> BTreeMap<&str, (AdaptiveConcurrency, u32)> {
    let adaptive = backends.iter().filter_map(|(name, backend)| {
        Some((name.as_str(), (backend.adaptive_concurrency?, backend.caps.in_flight)))
    });
    adaptive.collect()
}

/// None if there are none.
pub(crate) fn filter(backends: &BTreeMap<&str, (AdaptiveConcurrency, u32)>) -> Option<HttpFilter> {
    let matchers: Vec<_> = backends.iter().map(|(name, one)| of_backend(name, *one)).collect();
    if matchers.is_empty() {
        return None;
    }
    let matcher = Matcher {
        matcher_type: Some(MatcherType::MatcherList(MatcherList { matchers })),
        ..Matcher::default()
    };
    let matching = ExtensionWithMatcher {
        xds_matcher: Some(matcher),
        extension_config: Some(TypedExtensionConfig {
            name: "composite".to_owned(),
            typed_config: Some(pack_any(Composite::default())),
        }),
        ..ExtensionWithMatcher::default()
    };
    Some(HttpFilter {
        name: NAME.to_owned(),
        config_type: Some(http_filter::ConfigType::TypedConfig(pack_any(matching))),
        ..HttpFilter::default()
    })
}

fn of_backend(name: &str, (written, in_flight): (AdaptiveConcurrency, u32)) -> FieldMatcher {
    let filter = TypedExtensionConfig {
        name: FILTER.to_owned(),
        typed_config: Some(pack_any(from_adaptive_concurrency(written, in_flight))),
    };
    let action = ExecuteFilterAction { typed_config: Some(filter), ..<_>::default() };
    let predicate = SinglePredicate {
        input: extension("cel", pack_any(HttpAttributesCelMatchInput::default())),
        matcher: extension("cel", pack_any(goes_to(name))).map(Matched::CustomMatch),
    };
    FieldMatcher {
        predicate: Some(Predicate { match_type: Some(MatchType::SinglePredicate(predicate)) }),
        on_match: Some(OnMatch {
            on_match: extension("filter", pack_any(action)).map(on_match::OnMatch::Action),
            ..OnMatch::default()
        }),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as each place of one takes it")]
fn extension(name: &str, config: Any) -> Option<Extension> {
    Some(Extension { name: name.to_owned(), typed_config: Some(config) })
}

fn from_adaptive_concurrency(
    written: AdaptiveConcurrency,
    in_flight: u32,
) -> EnvoyAdaptiveConcurrency {
    let AdaptiveConcurrency { percentile, interval, in_flight_min, .. } = written;
    let controller = GradientControllerConfig {
        sample_aggregate_percentile: Some(Percent { value: percentile.into() }),
        concurrency_limit_params: Some(ConcurrencyLimitCalculationParams {
            max_concurrency_limit: wrap::number(in_flight),
            concurrency_update_interval: wrap::duration(std::time::Duration::from_millis(
                UPDATE_MILLIS,
            )),
            min_concurrency_limit: wrap::number(in_flight_min),
        }),
        min_rtt_calc_params: Some(MinimumRttCalculationParams {
            interval: wrap::duration(interval),
            min_concurrency: wrap::number(in_flight_min),
            ..MinimumRttCalculationParams::default()
        }),
    };
    EnvoyAdaptiveConcurrency {
        enabled: Some(RuntimeFeatureFlag {
            default_value: Some(wrap::truth(true)),
            runtime_key: "tollgate.adaptive_concurrency.enabled".to_owned(),
        }),
        concurrency_controller_config: Some(ConcurrencyControllerConfig::GradientControllerConfig(
            controller,
        )),
        ..EnvoyAdaptiveConcurrency::default()
    }
}

/// `xds.cluster_name == NAME`, as the tree that Envoy takes.
fn goes_to(name: &str) -> CelMatcher {
    let (xds, field) = ("xds".to_owned(), "cluster_name".to_owned());
    let xds = node(1, ExprKind::IdentExpr(Ident { name: xds }));
    let select = Select { operand: Some(Box::new(xds)), field, test_only: false };
    let text = Constant { constant_kind: Some(ConstantKind::StringValue(name.to_owned())) };
    let args =
        vec![node(2, ExprKind::SelectExpr(Box::new(select))), node(3, ExprKind::ConstExpr(text))];
    let call = Call { target: None, function: "_==_".to_owned(), args };
    let whole = node(4, ExprKind::CallExpr(Box::new(call)));
    let parsed = ParsedExpr { expr: Some(whole), source_info: None };
    let expression = CelExpression { cel_expr_parsed: Some(parsed), ..CelExpression::default() };
    CelMatcher { expr_match: Some(expression) }
}

fn node(id: i64, kind: ExprKind) -> Expr {
    Expr { id, expr_kind: Some(kind) }
}

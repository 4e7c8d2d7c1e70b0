//! How a listener finds the piece of the routes that serves a request.
//!
//! Envoy looks a piece up by host and first segment as they were sent. Where that
//! finds nothing, scripts say what else to look for; a filter of wasm could say so
//! too, but would not see what was found ([decision 12](../../../docs/decisions/)).

use envoy_types::pb::envoy::config::common::mutation_rules::v3::HeaderMutation as Mutation;
use envoy_types::pb::envoy::config::common::mutation_rules::v3::header_mutation::Action;
use envoy_types::pb::envoy::config::core::v3::data_source::Specifier;
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{
    DataSource, HeaderValue, HeaderValueOption, TypedExtensionConfig,
};
use envoy_types::pb::envoy::extensions::filters::http::header_mutation::v3::HeaderMutation;
use envoy_types::pb::envoy::extensions::filters::http::lua::v3::Lua;
use envoy_types::pb::envoy::extensions::filters::http::on_demand::v3::OnDemand;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::scoped_routes::scope_key_builder::{
    FragmentBuilder, fragment_builder,
};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::scoped_routes::scope_key_builder::fragment_builder::{
    HeaderValueExtractor, header_value_extractor::ExtractType,
};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::scoped_routes::{
    ConfigSpecifier, ScopeKeyBuilder,
};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpFilter, ScopedRds, ScopedRoutes, http_filter,
};
use envoy_types::pb::envoy::extensions::http::early_header_mutation::header_mutation::v3::HeaderMutation as EarlyMutation;
use envoy_types::pb::google::protobuf::Any;
use envoy_types::util::pack_any;

use crate::ads;
use crate::shards::Lookup;

/// What a request is looked up by. Written over whatever a caller sent, left alone
/// by the module, and taken out by the routes.
pub(crate) const HEADERS: [&str; 2] = ["x-tollgate-shard-host", "x-tollgate-shard-path"];

/// What is written into them.
const VALUES: [&str; 2] = ["%REQ(:AUTHORITY)%", "%PATH(NQ:PATH)%"];

const FOLDED: &str = include_str!("folded.lua");
const WILDCARDS: &str = include_str!("wildcards.lua");

pub(super) fn routes() -> ScopedRoutes {
    let [host, path] = HEADERS;
    ScopedRoutes {
        name: "shards".to_owned(),
        scope_key_builder: Some(ScopeKeyBuilder {
            // The name without its port; what stands behind the first slash.
            fragments: vec![part(host, ":", 0), part(path, "/", 1)],
        }),
        rds_config_source: Some(ads::source()),
        config_specifier: Some(ConfigSpecifier::ScopedRds(ScopedRds {
            scoped_rds_config_source: Some(ads::source()),
            ..ScopedRds::default()
        })),
    }
}

fn part(header: &str, separator: &str, index: u32) -> FragmentBuilder {
    let extractor = HeaderValueExtractor {
        name: header.to_owned(),
        element_separator: separator.to_owned(),
        extract_type: Some(ExtractType::Index(index)),
    };
    FragmentBuilder { r#type: Some(fragment_builder::Type::HeaderValueExtractor(extractor)) }
}

/// Before Envoy chooses a route, and after it has normalised the path.
pub(super) fn early_mutation() -> TypedExtensionConfig {
    let written = HEADERS.into_iter().zip(VALUES).map(|(key, value)| Mutation {
        action: Some(Action::Append(HeaderValueOption {
            header: Some(HeaderValue {
                key: key.to_owned(),
                value: value.to_owned(),
                ..HeaderValue::default()
            }),
            append_action: HeaderAppendAction::OverwriteIfExistsOrAdd as i32,
            keep_empty_value: true,
            ..HeaderValueOption::default()
        })),
    });
    TypedExtensionConfig {
        name: "envoy.http.early_header_mutation.header_mutation".to_owned(),
        typed_config: Some(pack_any(EarlyMutation { mutations: written.collect() })),
    }
}

/// Before the module, which has to see the route.
pub(super) fn filters(lookup: &Lookup) -> impl Iterator<Item = HttpFilter> {
    let Lookup { wildcards, on_demand } = lookup;
    let waits =
        on_demand.then(|| filter("envoy.filters.http.on_demand", pack_any(OnDemand::default())));
    let patterns = (!wildcards.is_empty()).then(|| {
        let patterns: Vec<_> = wildcards.iter().map(|one| format!("[{one:?}] = true")).collect();
        let patterns = patterns.join(", ");
        script("wildcards", format!("local PATTERNS = {{ {patterns} }}\n{WILDCARDS}"))
    });
    // It changes nothing, but has Envoy choose the route that the last script named.
    let chooses = filter("tollgate.shards.chosen", pack_any(HeaderMutation::default()));
    let found = [script("folded", FOLDED.to_owned())].into_iter().chain(patterns);
    waits.into_iter().chain(found).chain([chooses])
}

fn script(name: &str, text: String) -> HttpFilter {
    let source =
        DataSource { specifier: Some(Specifier::InlineString(text)), ..DataSource::default() };
    let lua = Lua { default_source_code: Some(source), ..Lua::default() };
    filter(&format!("tollgate.shards.{name}"), pack_any(lua))
}

fn filter(name: &str, config: Any) -> HttpFilter {
    HttpFilter {
        name: name.to_owned(),
        config_type: Some(http_filter::ConfigType::TypedConfig(config)),
        ..HttpFilter::default()
    }
}

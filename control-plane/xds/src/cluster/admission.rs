//! What is kept from a backend most of whose answers are errors: a filter among those
//! of the cluster, so that it sees every attempt and only those to this backend.

use envoy_types::pb::envoy::config::core::v3::{
    RuntimeDouble, RuntimeFeatureFlag, RuntimePercent, RuntimeUInt32,
};
use envoy_types::pb::envoy::extensions::filters::http::admission_control::v3::AdmissionControl as EnvoyAdmissionControl;
use envoy_types::pb::envoy::extensions::filters::http::admission_control::v3::admission_control::{
    EvaluationCriteria, SuccessCriteria,
};
use envoy_types::pb::envoy::extensions::filters::http::upstream_codec::v3::UpstreamCodec;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpFilter, http_filter,
};
use envoy_types::pb::envoy::r#type::v3::Percent;
use envoy_types::pb::google::protobuf::Any;
use envoy_types::util::pack_any;
use tollgate_model::AdmissionControl;

use crate::wrap;

/// The filters of a cluster's requests: this, and what Envoy asks for last.
pub(super) fn filters(written: AdmissionControl) -> Vec<HttpFilter> {
    let codec = pack_any(UpstreamCodec::default());
    let admission = pack_any(from_admission_control(written));
    vec![
        filter("envoy.filters.http.admission_control", admission),
        filter("envoy.filters.http.upstream_codec", codec),
    ]
}

fn filter(name: &str, config: Any) -> HttpFilter {
    let config_type = Some(http_filter::ConfigType::TypedConfig(config));
    HttpFilter { name: name.to_owned(), config_type, ..HttpFilter::default() }
}

fn from_admission_control(written: AdmissionControl) -> EnvoyAdmissionControl {
    let AdmissionControl { success_percent, window, rate_min, max_rejection_percent, .. } = written;
    EnvoyAdmissionControl {
        enabled: Some(RuntimeFeatureFlag {
            default_value: Some(wrap::truth(true)),
            runtime_key: key("enabled"),
        }),
        sampling_window: wrap::duration(window),
        aggression: Some(RuntimeDouble { default_value: 1.0, runtime_key: key("aggression") }),
        sr_threshold: Some(percent(success_percent, "success")),
        rps_threshold: Some(RuntimeUInt32 { default_value: rate_min, runtime_key: key("rate") }),
        max_rejection_probability: Some(percent(max_rejection_percent, "rejection")),
        // What a server is to blame for, by HTTP and by gRPC.
        evaluation_criteria: Some(EvaluationCriteria::SuccessCriteria(SuccessCriteria::default())),
    }
}

fn percent(value: u32, name: &str) -> RuntimePercent {
    let default_value = Some(Percent { value: value.into() });
    RuntimePercent { default_value, runtime_key: key(name) }
}

/// Envoy asks for names under which values could be overridden.
fn key(name: &str) -> String {
    format!("tollgate.admission_control.{name}")
}

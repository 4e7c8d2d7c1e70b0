//! One line of JSON for each request. Never a header that may carry a
//! credential, never the query; Envoy escapes what is not printable.

use envoy_types::pb::envoy::config::accesslog::v3::AccessLog;
use envoy_types::pb::envoy::config::accesslog::v3::access_log::ConfigType;
use envoy_types::pb::envoy::extensions::access_loggers::stream::v3::StdoutAccessLog;
use envoy_types::pb::envoy::extensions::access_loggers::stream::v3::stdout_access_log::AccessLogFormat;
use envoy_types::util::pack_any;

use crate::json;

/// The fields and what Envoy puts there. Paths are the caller's, so they are cut.
const FIELDS: [(&str, &str); 19] = [
    ("time", "%START_TIME%"),
    ("request_id", "%REQ(X-REQUEST-ID)%"),
    ("route", "%ROUTE_NAME%"),
    ("host", "%REQ(:AUTHORITY):256%"),
    ("method", "%REQ(:METHOD):32%"),
    ("path", "%PATH(NQ:ORIG_OR_PATH):1024%"),
    ("protocol", "%PROTOCOL%"),
    ("status", "%RESPONSE_CODE%"),
    ("details", "%RESPONSE_CODE_DETAILS%"),
    // What would have refused the request, if that is only reported.
    ("shadow", "%FILTER_STATE(wasm.tollgate.shadow:PLAIN)%"),
    // What was under way when it was let in, or refused for that.
    ("in_flight", "%FILTER_STATE(wasm.tollgate.in_flight:PLAIN)%"),
    ("flags", "%RESPONSE_FLAGS%"),
    ("caller", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
    ("duration_ms", "%DURATION%"),
    ("backend", "%UPSTREAM_CLUSTER%"),
    ("backend_address", "%UPSTREAM_HOST%"),
    ("backend_ms", "%COMMON_DURATION(US_TX_BEG:US_RX_BEG:ms)%"),
    ("bytes_in", "%BYTES_RECEIVED%"),
    ("bytes_out", "%BYTES_SENT%"),
];

pub(super) fn to_stdout() -> AccessLog {
    let format = json::format(FIELDS);
    let log = StdoutAccessLog { access_log_format: Some(AccessLogFormat::LogFormat(format)) };
    AccessLog {
        name: "envoy.access_loggers.stdout".to_owned(),
        config_type: Some(ConfigType::TypedConfig(pack_any(log))),
        ..AccessLog::default()
    }
}

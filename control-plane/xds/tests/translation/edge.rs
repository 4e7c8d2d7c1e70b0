//! Envoy's advice for proxies that face the internet, and what the gateway
//! needs of a listener besides, setting by setting.

use serde_json::{Value, json};
use tollgate_xds::Kind;

use crate::reflect;

const FILE: &str = "
listeners:
  public: { address: 127.0.0.1:8080, trusted_hops: 1 }
backends:
  orders: { endpoints: [127.0.0.1:9000], protocol: http2, in_flight: 7 }
apis:
  orders:
    hosts: ['*']
    routes:
      all: { match: { prefix: / }, backend: orders, auth: none }
";

/// Where a setting stands, and what it must be. Null: it must not be set.
#[track_caller]
fn check(kind: Kind, name: &str, under: &str, settings: &[(&str, Value)]) {
    let snapshot = reflect::snapshot_of("tollgate.yaml", FILE).unwrap();
    let json = reflect::json_of(kind, &snapshot.get(kind, name).unwrap().body);
    let json = json.pointer(under).unwrap();
    for (pointer, expected) in settings {
        let is = json.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(is, *expected, "{under}{pointer}");
    }
}

#[test]
fn listeners_are_fit_for_the_internet() {
    check(Kind::Listener, "public", "", &[("/perConnectionBufferLimitBytes", json!(32_768))]);
    check(
        Kind::Listener,
        "public",
        "/filterChains/0/filters/0/typedConfig",
        &[
            // Who calls.
            ("/useRemoteAddress", json!(true)),
            ("/xffNumTrustedHops", json!(1)),
            ("/skipXffAppend", json!(null)),
            ("/internalAddressConfig", json!({})),
            ("/forwardClientCertDetails", json!(null)), // SANITIZE, which is 0
            ("/generateRequestId", json!(true)),
            ("/preserveExternalRequestId", json!(null)),
            // One spelling.
            ("/normalizePath", json!(true)),
            ("/mergeSlashes", json!(true)),
            ("/pathWithEscapedSlashesAction", json!("REJECT_REQUEST")),
            ("/stripTrailingHostDot", json!(true)),
            ("/commonHttpProtocolOptions/headersWithUnderscoresAction", json!("REJECT_REQUEST")),
            // How much.
            ("/maxRequestHeadersKb", json!(60)),
            ("/commonHttpProtocolOptions/maxHeadersCount", json!(100)),
            ("/http2ProtocolOptions/maxConcurrentStreams", json!(100)),
            ("/http2ProtocolOptions/initialStreamWindowSize", json!(65_536)),
            ("/http2ProtocolOptions/initialConnectionWindowSize", json!(1_048_576)),
            // How long.
            ("/requestHeadersTimeout", json!("10s")),
            ("/requestTimeout", json!("300s")),
            ("/streamIdleTimeout", json!("300s")),
            ("/commonHttpProtocolOptions/idleTimeout", json!("3600s")),
            // What is told.
            ("/serverHeaderTransformation", json!("PASS_THROUGH")),
            ("/via", json!(null)),
            ("/addUserAgent", json!(null)),
            // What is not served.
            ("/upgradeConfigs", json!(null)),
            ("/httpProtocolOptions", json!(null)), // no HTTP/1.0, no trailers
            // The filter first, from the control plane only, then the router.
            ("/httpFilters/0/name", json!("tollgate.public")),
            ("/httpFilters/0/disabled", json!(null)),
            ("/httpFilters/0/isOptional", json!(null)),
            ("/httpFilters/0/configDiscovery/defaultConfig", json!(null)),
            ("/httpFilters/0/configDiscovery/applyDefaultConfigWithoutWarming", json!(null)),
            (
                "/httpFilters/0/configDiscovery/typeUrls",
                json!(["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"]),
            ),
            ("/httpFilters/1/name", json!("envoy.filters.http.router")),
            ("/httpFilters/1/typedConfig/suppressEnvoyHeaders", json!(true)),
            ("/httpFilters/2", json!(null)),
        ],
    );
}

#[test]
fn clusters_are_bounded() {
    let options =
        "/typedExtensionProtocolOptions/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    check(
        Kind::Cluster,
        "orders",
        "",
        &[
            ("/perConnectionBufferLimitBytes", json!(32_768)),
            ("/connectTimeout", json!("2s")),
            ("/circuitBreakers/thresholds/0/maxRequests", json!(7)),
            ("/circuitBreakers/thresholds/0/maxPendingRequests", json!(7)),
            ("/circuitBreakers/thresholds/0/maxConnections", json!(4_294_967_295_u32)),
        ],
    );
    check(
        Kind::Cluster,
        "orders",
        options,
        &[
            ("/commonHttpProtocolOptions/idleTimeout", json!("30s")),
            ("/explicitHttpConfig/http2ProtocolOptions/initialStreamWindowSize", json!(65_536)),
            (
                "/explicitHttpConfig/http2ProtocolOptions/initialConnectionWindowSize",
                json!(1_048_576),
            ),
        ],
    );
}

#[test]
fn routes_end() {
    check(
        Kind::Routes,
        "public",
        "/virtualHosts/0/routes/0/route",
        &[
            ("/timeout", json!("15s")),
            // Beside it Envoy would take no notice of the timeout.
            ("/maxStreamDuration", json!(null)),
            ("/retryPolicy/retryOn", json!("connect-failure,refused-stream")),
            ("/upgradeConfigs", json!(null)),
        ],
    );
}

#[test]
fn the_module_is_a_file_and_fails_closed() {
    check(
        Kind::Extension,
        "tollgate.public",
        "/typedConfig/config",
        &[
            ("/failurePolicy", json!("FAIL_RELOAD")),
            ("/failOpen", json!(null)),
            ("/reloadConfig/backoff/baseInterval", json!("0.200s")),
            ("/allowOnHeadersStopIteration", json!(true)),
            ("/vmConfig/vmId", json!("tollgate")),
            ("/vmConfig/runtime", json!("envoy.wasm.runtime.v8")),
            (
                "/vmConfig/code",
                json!({"local": {"filename": "/modules/gateway.0123456789abcdef.wasm"}}),
            ),
        ],
    );
}

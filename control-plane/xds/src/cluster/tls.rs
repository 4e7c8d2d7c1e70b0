//! TLS on the way to a backend, but for its secrets, which arrive apart from it
//! (SDS). Whoever answers is verified: by authority and by name.

use envoy_types::pb::envoy::config::core::v3::TransportSocket;
use envoy_types::pb::envoy::config::core::v3::transport_socket::ConfigType;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::certificate_validation_context::SystemRootCerts;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::common_tls_context::{
    CombinedCertificateValidationContext, ValidationContextType,
};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::subject_alt_name_matcher::SanType;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, CommonTlsContext, SubjectAltNameMatcher, UpstreamTlsContext,
};
use envoy_types::pb::envoy::r#type::matcher::v3::StringMatcher;
use envoy_types::pb::envoy::r#type::matcher::v3::string_matcher::MatchPattern;
use envoy_types::util::pack_any;
use tollgate_model::{BackendTls, Protocol};

use crate::{secrets, tls};

pub(super) fn socket(backend: &str, tls: &BackendTls, protocol: Protocol) -> TransportSocket {
    let context = UpstreamTlsContext {
        common_tls_context: Some(common(backend, tls, protocol)),
        sni: tls.server_name.clone(),
        ..UpstreamTlsContext::default()
    };
    TransportSocket {
        name: tls::SOCKET.to_owned(),
        config_type: Some(ConfigType::TypedConfig(pack_any(context))),
    }
}

fn common(backend: &str, written: &BackendTls, protocol: Protocol) -> CommonTlsContext {
    let spoken = match protocol {
        Protocol::Http1 => "http/1.1",
        Protocol::Http2 | Protocol::Grpc => "h2",
    };
    let shown = written.client.iter();
    CommonTlsContext {
        tls_params: Some(tls::parameters(written.min_version)),
        alpn_protocols: vec![spoken.to_owned()],
        tls_certificate_sds_secret_configs: shown
            .map(|_| tls::secret(secrets::backend_certificate_name(backend)))
            .collect(),
        validation_context_type: Some(validation(backend, written)),
        ..CommonTlsContext::default()
    }
}

fn validation(backend: &str, tls: &BackendTls) -> ValidationContextType {
    let by_name = CertificateValidationContext {
        match_typed_subject_alt_names: vec![dns_name(&tls.server_name)],
        ..CertificateValidationContext::default()
    };
    if tls.ca.is_none() {
        return ValidationContextType::ValidationContext(CertificateValidationContext {
            system_root_certs: Some(SystemRootCerts {}),
            ..by_name
        });
    }
    let authorities = tls::secret(secrets::backend_authorities_name(backend));
    ValidationContextType::CombinedValidationContext(CombinedCertificateValidationContext {
        default_validation_context: Some(by_name),
        validation_context_sds_secret_config: Some(authorities),
        ..CombinedCertificateValidationContext::default()
    })
}

/// Envoy lets a name with a star in the certificate stand for it.
fn dns_name(name: &str) -> SubjectAltNameMatcher {
    SubjectAltNameMatcher {
        san_type: SanType::Dns as i32,
        matcher: Some(StringMatcher {
            match_pattern: Some(MatchPattern::Exact(name.to_owned())),
            ..StringMatcher::default()
        }),
        ..SubjectAltNameMatcher::default()
    }
}

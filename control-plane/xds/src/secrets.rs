//! Certificates, keys and authorities (SDS).

use envoy_types::pb::envoy::config::core::v3::DataSource;
use envoy_types::pb::envoy::config::core::v3::data_source::Specifier;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::secret::Type;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, Secret, TlsCertificate,
};
use tollgate_model::PrivateKey;

/// What the certificate of a listener is called.
pub(crate) fn certificate_name(listener: &str) -> String {
    format!("certificate.{listener}")
}

/// What those are called who may sign the certificates of a listener's callers.
pub(crate) fn authorities_name(listener: &str) -> String {
    format!("authorities.{listener}")
}

/// What the certificate is called that a backend is shown. No listener can have
/// a name with a dot in it.
pub(crate) fn backend_certificate_name(backend: &str) -> String {
    format!("certificate.backend.{backend}")
}

/// What those are called who may sign the certificate of a backend.
pub(crate) fn backend_authorities_name(backend: &str) -> String {
    format!("authorities.backend.{backend}")
}

pub(crate) fn certificate(name: String, chain: &str, key: &PrivateKey) -> Secret {
    let certificate = TlsCertificate {
        certificate_chain: inline(chain),
        private_key: inline(key.expose()),
        ..TlsCertificate::default()
    };
    Secret { name, r#type: Some(Type::TlsCertificate(certificate)) }
}

/// The chain of every certificate that is shown is verified: nothing here says
/// otherwise, and nothing may.
pub(crate) fn authorities(name: String, ca: &str, crl: Option<&str>) -> Secret {
    let context = CertificateValidationContext {
        trusted_ca: inline(ca),
        crl: crl.and_then(inline),
        ..CertificateValidationContext::default()
    };
    Secret { name, r#type: Some(Type::ValidationContext(context)) }
}

#[expect(clippy::unnecessary_wraps, reason = "every field that takes one may be absent")]
fn inline(pem: &str) -> Option<DataSource> {
    let specifier = Some(Specifier::InlineString(pem.to_owned()));
    Some(DataSource { specifier, ..DataSource::default() })
}

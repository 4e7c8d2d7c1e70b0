//! Certificates, keys and authorities (SDS).

use envoy_types::pb::envoy::config::core::v3::DataSource;
use envoy_types::pb::envoy::config::core::v3::data_source::Specifier;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::secret::Type;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, Secret, TlsCertificate,
};
use tollgate_model::{ClientTls, Tls};

/// What the certificate of a listener is called.
pub(crate) fn certificate_name(listener: &str) -> String {
    format!("certificate.{listener}")
}

/// What those are called who may sign the certificates of a listener's callers.
pub(crate) fn authorities_name(listener: &str) -> String {
    format!("authorities.{listener}")
}

pub(crate) fn certificate(listener: &str, tls: &Tls) -> Secret {
    let certificate = TlsCertificate {
        certificate_chain: inline(&tls.certificate),
        private_key: inline(tls.key.expose()),
        ..TlsCertificate::default()
    };
    Secret { name: certificate_name(listener), r#type: Some(Type::TlsCertificate(certificate)) }
}

/// The chain of every certificate that is shown is verified: nothing here says
/// otherwise, and nothing may.
pub(crate) fn authorities(listener: &str, clients: &ClientTls) -> Secret {
    let context = CertificateValidationContext {
        trusted_ca: inline(&clients.ca),
        crl: clients.crl.as_ref().and_then(|crl| inline(crl)),
        ..CertificateValidationContext::default()
    };
    Secret { name: authorities_name(listener), r#type: Some(Type::ValidationContext(context)) }
}

#[expect(clippy::unnecessary_wraps, reason = "every field that takes one may be absent")]
fn inline(pem: &str) -> Option<DataSource> {
    let specifier = Some(Specifier::InlineString(pem.to_owned()));
    Some(DataSource { specifier, ..DataSource::default() })
}

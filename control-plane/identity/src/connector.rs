use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Makes connections, with TLS where the address says so.
pub(crate) type Connector = TimeoutConnector<HttpsConnector<HttpConnector>>;

/// Many servers close what has been idle for five seconds. A call that crosses
/// such a close is lost, so idle connections are closed on this side before.
const IDLE_MAX: Duration = Duration::from_secs(4);

/// Trusts the certificates in `ca`, or the public ones. None if there are none in `ca`.
pub(crate) fn connector(ca: Option<&[u8]>, within: Duration) -> Option<Connector> {
    let provider: Arc<CryptoProvider> = ring::default_provider().into();
    let builder = HttpsConnectorBuilder::new();
    let builder = match ca {
        None => builder.with_provider_and_webpki_roots(provider).ok()?,
        Some(pem) => builder.with_tls_config(trusting(pem, provider)?),
    };
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    let https = builder.https_or_http().enable_http1().wrap_connector(http);
    let mut connector = TimeoutConnector::new(https);
    // A connection that is no longer waited for is not left to itself.
    connector.set_connect_timeout(Some(within));
    Some(connector)
}

/// The certificates in a PEM file, all of which must be good; none if there are none.
pub(crate) fn roots(pem: &[u8]) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.ok()?).ok()?;
    }
    Some(roots).filter(|roots| !roots.is_empty())
}

fn trusting(pem: &[u8], provider: Arc<CryptoProvider>) -> Option<ClientConfig> {
    let roots = roots(pem)?;
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().ok()?;
    Some(config.with_root_certificates(roots).with_no_client_auth())
}

/// A client that keeps connections for the next call, and follows no redirects.
pub(crate) fn client(connector: Connector) -> Client<Connector, Full<Bytes>> {
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_MAX)
        .pool_timer(TokioTimer::new())
        .build(connector)
}

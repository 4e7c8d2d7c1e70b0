use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
pub use rcgen::{ExtendedKeyUsagePurpose, SanType};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Protocol;

/// An authority, which signs what it is asked to.
#[derive(Debug)]
pub struct Authority {
    pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
#[derive(Debug)]
pub struct Certificate {
    /// The certificate, in PEM.
    pub pem: String,
    /// The key, in PEM.
    pub key_pem: String,
    der: CertificateDer<'static>,
    key: Vec<u8>,
    serial: u64,
}

/// What is to be certified.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The common name.
    pub common_name: String,
    /// The alternative names.
    pub names: Vec<SanType>,
    /// The first and the last year in which it holds.
    pub years: (i32, i32),
    /// For what it may be used.
    pub usage: ExtendedKeyUsagePurpose,
}

/// Somebody who speaks TLS, with one memory of sessions for all its connections.
#[derive(Clone, Debug)]
pub struct TlsClient {
    protocol: Protocol,
    config: Arc<ClientConfig>,
}

const PATIENCE: Duration = Duration::from_secs(20);

/// No two certificates have one number, whoever signs them.
static SERIALS: AtomicU64 = AtomicU64::new(1);

// === impl Authority ===

impl Authority {
    /// A new authority.
    pub fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        Ok(Self { pem, der, issuer: Issuer::new(params, key) })
    }

    /// Its own certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Signs what is wanted.
    pub fn sign(&self, wanted: &Wanted) -> Result<Certificate> {
        let serial = SERIALS.fetch_add(1, Ordering::Relaxed);
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, wanted.common_name.as_str());
        params.subject_alt_names.clone_from(&wanted.names);
        params.not_before = date_time_ymd(wanted.years.0, 1, 1);
        params.not_after = date_time_ymd(wanted.years.1, 1, 1);
        params.extended_key_usages = vec![wanted.usage.clone()];
        params.serial_number = Some(SerialNumber::from(serial));
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Certificate {
            pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            der: certificate.der().clone(),
            key: key.serialize_der(),
            serial,
        })
    }

    /// Its list of revoked certificates.
    pub fn crl(&self, number: u64, revoked: &[&Certificate]) -> Result<String> {
        let entry = |certificate: &&Certificate| RevokedCertParams {
            serial_number: SerialNumber::from(certificate.serial),
            revocation_time: date_time_ymd(2026, 1, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2099, 1, 1),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.issuer)?.pem()?)
    }
}

// === impl Certificate ===

impl Certificate {
    /// Its bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }
}

// === impl Wanted ===

impl Wanted {
    /// A server on this machine.
    pub fn server() -> Result<Self> {
        let names = vec![SanType::DnsName("localhost".try_into()?)];
        let usage = ExtendedKeyUsagePurpose::ServerAuth;
        Ok(Self { common_name: "localhost".to_owned(), names, years: (2020, 2099), usage })
    }

    /// A client with this URI.
    pub fn client(uri: &str) -> Result<Self> {
        let names = vec![SanType::URI(uri.try_into()?)];
        let usage = ExtendedKeyUsagePurpose::ClientAuth;
        Ok(Self { common_name: "client".to_owned(), names, years: (2020, 2099), usage })
    }
}

/// How a server speaks TLS that shows this, and asks for certificates of `clients`.
pub(crate) fn server(shows: &Certificate, clients: Option<&Authority>) -> Result<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.der.clone())?;
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build()?)
        }
    };
    let key = PrivateKeyDer::try_from(shows.key.clone()).map_err(anyhow::Error::msg)?;
    let mut config = builder.with_single_cert(vec![shows.der.clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

// === impl TlsClient ===

impl TlsClient {
    /// One that trusts servers of an authority, and shows a certificate if it has one.
    pub fn new(
        protocol: Protocol,
        trusts: &Authority,
        shows: Option<&Certificate>,
    ) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(trusts.der.clone())?;
        let builder = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut config = match shows {
            Some(Certificate { der, key, .. }) => {
                let key = PrivateKeyDer::try_from(key.clone()).map_err(anyhow::Error::msg)?;
                builder.with_client_auth_cert(vec![der.clone()], key)?
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![match protocol {
            Protocol::Http1 => b"http/1.1".to_vec(),
            Protocol::Http2 => b"h2".to_vec(),
        }];
        Ok(Self { protocol, config: config.into() })
    }

    /// What it speaks.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    pub(crate) fn config(&self) -> ClientConfig {
        ClientConfig::clone(&self.config)
    }

    /// The certificate that a server shows.
    pub async fn certificate_of(&self, address: SocketAddr) -> Result<Vec<u8>> {
        let stream = self.connect(address).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        Ok(shown.context("the server showed no certificate")?.to_vec())
    }

    pub(crate) async fn connect(&self, address: SocketAddr) -> Result<TlsStream<TcpStream>> {
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost")?;
        let connector = TlsConnector::from(Arc::clone(&self.config));
        Ok(timeout(PATIENCE, connector.connect(name, stream)).await??)
    }
}

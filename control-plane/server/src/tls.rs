//! The certificates by which the control plane and Envoys know each other.

mod identity;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

pub(crate) use self::identity::{CertifiedNode, NotCertified};
use crate::config::{UnreadableFile, read_file};
use crate::dial::Secured;
use crate::report;
use crate::watch::Watch;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Where the files are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFiles {
    /// The certificates that are shown, leaf first, in PEM.
    pub certificate: PathBuf,
    /// The private key of the first of them.
    pub key: PathBuf,
    /// Who may sign the certificates of the other side.
    pub authorities: PathBuf,
}

/// Why no connection can be secured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum UnusableTls {
    #[error(transparent)]
    File(#[from] UnreadableFile),
    #[error("{file}: is not PEM: {reason}")]
    NotPem { file: String, reason: String },
    #[error("{file}: has no certificate; it takes certificates in PEM")]
    NoCertificate { file: String },
    #[error("{file}: has no private key; it takes one in PEM")]
    NoKey { file: String },
    #[error("{file}: has a certificate that nobody can be verified with: {reason}")]
    Authority { file: String, reason: String },
    #[error("{file}: cannot be used with the key in {key}: {reason}")]
    Pair { file: String, key: String, reason: String },
    #[error("{file}: nobody can be verified with it: {reason}")]
    Verifier { file: String, reason: VerifierBuilderError },
}

/// What a server shows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ShownFiles {
    /// The certificates that are shown, leaf first, in PEM.
    pub certificate: PathBuf,
    /// The private key of the first of them.
    pub key: PathBuf,
}

/// Secures connections, by what the files say now.
#[derive(Clone)]
pub(crate) struct ServerTls {
    shown: ShownFiles,
    /// Who may sign the certificates that clients then have to show.
    authorities: Option<PathBuf>,
    newest: Arc<RwLock<Arc<ServerConfig>>>,
}

/// Secures connections to a control plane of this name.
pub(crate) struct ClientTls {
    files: TlsFiles,
    name: ServerName<'static>,
    newest: RwLock<Arc<ClientConfig>>,
}

// === impl ServerTls ===

impl ServerTls {
    /// For Envoys, of which nobody is served who does not show a certificate.
    pub(crate) fn open(files: TlsFiles) -> Result<Self, UnusableTls> {
        let TlsFiles { certificate, key, authorities } = files;
        Self::of(ShownFiles { certificate, key }, Some(authorities))
    }

    /// For people and their programs, who show who they are in another way.
    pub(crate) fn open_to_all(shown: ShownFiles) -> Result<Self, UnusableTls> {
        Self::of(shown, None)
    }

    fn of(shown: ShownFiles, authorities: Option<PathBuf>) -> Result<Self, UnusableTls> {
        let newest = server(&shown, authorities.as_deref())?;
        Ok(Self { shown, authorities, newest: Arc::new(RwLock::new(Arc::new(newest))) })
    }

    /// For the next connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&newest))
    }

    /// Reads the files again whenever they change, for as long as it is polled.
    /// What is bad does not replace what was good.
    pub(crate) async fn follow(&self) {
        let mut watch = self.watch();
        // What has changed since they were opened is read here, what changes from now on is noticed.
        if let Err(why) = self.reload() {
            report::certificates_kept(&why);
        }
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            ticks.tick().await;
            if watch.changed() {
                match self.reload() {
                    Ok(()) => report::certificates_again(),
                    Err(why) => report::certificates_kept(&why),
                }
            }
        }
    }

    /// Notices changes of the files from now on.
    fn watch(&self) -> Watch {
        let mut watch = Watch::new(&self.shown.certificate);
        watch.also([self.shown.key.clone()].into_iter().chain(self.authorities.clone()).collect());
        watch.changed();
        watch
    }

    fn reload(&self) -> Result<(), UnusableTls> {
        let config = Arc::new(server(&self.shown, self.authorities.as_deref())?);
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }
}

// === impl ClientTls ===

impl ClientTls {
    pub(crate) fn open(files: TlsFiles, name: ServerName<'static>) -> Result<Self, UnusableTls> {
        let newest = Arc::new(client(&files)?);
        Ok(Self { files, name, newest: RwLock::new(newest) })
    }

    /// For the next connection, by what the files say now if that is good.
    pub(crate) fn connector(&self) -> Secured {
        let mut newest = self.newest.write().unwrap_or_else(PoisonError::into_inner);
        match client(&self.files) {
            Ok(config) => *newest = Arc::new(config),
            Err(why) => report::certificates_kept(&why),
        }
        (TlsConnector::from(Arc::clone(&newest)), self.name.clone())
    }
}

/// TLS 1.3 only where both ends are ours: where certificates are asked for.
fn server(shown: &ShownFiles, authorities: Option<&Path>) -> Result<ServerConfig, UnusableTls> {
    let ShownFiles { certificate, key: key_file } = shown;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let pair = |error: rustls::Error| pair(certificate, key_file, &error);
    let versions = match authorities {
        Some(_) => &[&rustls::version::TLS13][..],
        None => rustls::DEFAULT_VERSIONS,
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_protocol_versions(versions).map_err(pair)?;
    let (builder, protocol) = match authorities {
        Some(file) => (builder.with_client_cert_verifier(verifier(file, provider)?), &b"h2"[..]),
        None => (builder.with_no_client_auth(), &b"http/1.1"[..]),
    };
    let (chain, key) = (chain(certificate)?, key(key_file)?);
    let mut config = builder.with_single_cert(chain, key).map_err(pair)?;
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(config)
}

fn verifier(
    authorities: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, UnusableTls> {
    let roots = Arc::new(roots(authorities)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
    let file = || authorities.display().to_string();
    verifier.build().map_err(|reason| UnusableTls::Verifier { file: file(), reason })
}

fn client(files: &TlsFiles) -> Result<ClientConfig, UnusableTls> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let pair = |error: rustls::Error| pair(&files.certificate, &files.key, &error);
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).map_err(pair)?;
    let builder = builder.with_root_certificates(roots(&files.authorities)?);
    let (chain, key) = (chain(&files.certificate)?, key(&files.key)?);
    let mut config = builder.with_client_auth_cert(chain, key).map_err(pair)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn pair(certificate: &Path, key: &Path, error: &rustls::Error) -> UnusableTls {
    UnusableTls::Pair {
        file: certificate.display().to_string(),
        key: key.display().to_string(),
        reason: error.to_string(),
    }
}

fn roots(path: &Path) -> Result<RootCertStore, UnusableTls> {
    let file = || path.display().to_string();
    let mut roots = RootCertStore::empty();
    for certificate in chain(path)? {
        let added = roots.add(certificate);
        added.map_err(|e| UnusableTls::Authority { file: file(), reason: e.to_string() })?;
    }
    Ok(roots)
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, UnusableTls> {
    let file = || path.display().to_string();
    let pem = read_file(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.map_err(|e| UnusableTls::NotPem { file: file(), reason: e.to_string() })?;
    if chain.is_empty() { Err(UnusableTls::NoCertificate { file: file() }) } else { Ok(chain) }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, UnusableTls> {
    let pem = read_file(path)?;
    // What the parser says of it might show some of it.
    PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| UnusableTls::NoKey { file: path.display().to_string() })
}

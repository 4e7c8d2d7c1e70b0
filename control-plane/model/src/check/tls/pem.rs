use std::collections::BTreeSet;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::oid_registry::{OID_KEY_TYPE_EC_PUBLIC_KEY, OID_PKCS1_RSAENCRYPTION};
use x509_parser::prelude::{X509Certificate, parse_x509_certificate, parse_x509_crl};

use super::InvalidTls;

/// The certificates of a file; at least one, and each of them can be read.
pub(super) struct Certificates {
    name: String,
    pub(super) pem: Vec<u8>,
    der: Vec<CertificateDer<'static>>,
}

// === impl Certificates ===

impl Certificates {
    pub(super) fn parse(name: &str, pem: &[u8]) -> Result<Self, InvalidTls> {
        let malformed = || InvalidTls::Malformed(name.to_owned());
        let der: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|_| malformed())?;
        if der.is_empty() {
            return Err(InvalidTls::NoCertificate(name.to_owned()));
        }
        let this = Self { name: name.to_owned(), pem: pem.to_vec(), der };
        if this.parsed().count() < this.der.len() { Err(malformed()) } else { Ok(this) }
    }

    /// Only authorities can have signed the certificates of callers.
    pub(super) fn are_authorities(&self) -> Result<(), InvalidTls> {
        match self.parsed().find(|certificate| !certificate.is_ca()) {
            None => Ok(()),
            Some(other) => {
                Err(InvalidTls::NoAuthority(self.name.clone(), other.subject().to_string()))
            }
        }
    }

    fn parsed(&self) -> impl Iterator<Item = X509Certificate<'_>> {
        self.der.iter().filter_map(|der| whole(der))
    }

    fn has_usable_key(&self) -> bool {
        self.parsed().next().is_some_and(|certificate| {
            let algorithm = &certificate.public_key().algorithm.algorithm;
            [OID_KEY_TYPE_EC_PUBLIC_KEY, OID_PKCS1_RSAENCRYPTION].contains(algorithm)
        })
    }
}

/// A certificate with nothing after it.
fn whole(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, certificate) = parse_x509_certificate(der).ok()?;
    rest.is_empty().then_some(certificate)
}

/// Whether a file holds the key of a certificate, of a kind that Envoy takes.
pub(super) fn key(
    name: &str,
    pem: &[u8],
    certificate: Option<&Certificates>,
) -> Result<(), InvalidTls> {
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| InvalidTls::NoKey(name.to_owned()))?;
    let unusable = || InvalidTls::UnusableKey(name.to_owned());
    let key = ring::sign::any_supported_type(&key).map_err(|_| unusable())?;
    let Some(certificate) = certificate else { return Ok(()) };
    if CertifiedKey::new(certificate.der.clone(), key).keys_match().is_err() {
        let (key, certificate) = (name.to_owned(), certificate.name.clone());
        return Err(InvalidTls::OtherKey { key, certificate });
    }
    if certificate.has_usable_key() { Ok(()) } else { Err(unusable()) }
}

/// Whether a file holds a list of each authority: Envoy refuses every
/// certificate of one whose list it does not have.
pub(super) fn crl(
    name: &str,
    pem: &[u8],
    authorities: Option<&Certificates>,
) -> Result<(), InvalidTls> {
    let none = || InvalidTls::NoCrl(name.to_owned());
    let lists: Vec<CertificateRevocationListDer<'static>> =
        CertificateRevocationListDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|_| none())?;
    let issuers: Option<BTreeSet<Vec<u8>>> = lists
        .iter()
        .map(|der| Some(parse_x509_crl(der).ok()?.1.issuer().as_raw().to_vec()))
        .collect();
    let issuers = issuers.filter(|issuers| !issuers.is_empty()).ok_or_else(none)?;
    let mut known = authorities.into_iter().flat_map(Certificates::parsed);
    match known.find(|authority| !issuers.contains(authority.subject().as_raw())) {
        None => Ok(()),
        Some(other) => Err(InvalidTls::CrlMissing(name.to_owned(), other.subject().to_string())),
    }
}

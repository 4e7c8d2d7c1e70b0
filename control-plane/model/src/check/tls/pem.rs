use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use tollgate_core::Timestamp;
use x509_parser::oid_registry::{OID_KEY_TYPE_EC_PUBLIC_KEY, OID_PKCS1_RSAENCRYPTION};
use x509_parser::prelude::{
    ASN1Time, CertificateRevocationList, X509Certificate, parse_x509_certificate, parse_x509_crl,
};

use super::InvalidTls;

/// The certificates of a file; at least one, and each of them can be read.
pub(super) struct Certificates {
    name: String,
    pub(super) pem: String,
    der: Vec<CertificateDer<'static>>,
}

// === impl Certificates ===

impl Certificates {
    pub(super) fn parse(name: &str, pem: &str) -> Result<Self, InvalidTls> {
        let malformed = || InvalidTls::Malformed(name.to_owned());
        let der: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|_| malformed())?;
        if der.is_empty() {
            return Err(InvalidTls::NoCertificate(name.to_owned()));
        }
        let this = Self { name: name.to_owned(), pem: pem.to_owned(), der };
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

    /// When the first of them expires.
    pub(super) fn until(&self) -> Timestamp {
        let until = self.parsed().map(|one| timestamp(one.validity().not_after)).min();
        until.unwrap_or(NEVER)
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
    pem: &str,
    certificate: Option<&Certificates>,
) -> Result<(), InvalidTls> {
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| InvalidTls::NoKey(name.to_owned()))?;
    let unusable = || InvalidTls::UnusableKey(name.to_owned());
    let key = ring::sign::any_supported_type(&key).map_err(|_| unusable())?;
    let Some(certificate) = certificate else { return Ok(()) };
    if CertifiedKey::new(certificate.der.clone(), key).keys_match().is_err() {
        let (key, certificate) = (name.to_owned(), certificate.name.clone());
        return Err(InvalidTls::OtherKey { key, certificate });
    }
    if certificate.has_usable_key() { Ok(()) } else { Err(unusable()) }
}

/// Lists of revoked certificates.
pub(super) struct Crl {
    pub(super) pem: String,
    /// When the first of them is out of date.
    pub(super) until: Timestamp,
}

// === impl Crl ===

impl Crl {
    /// Reads a file, which has to hold a list of each authority: Envoy refuses
    /// every certificate of one whose list it does not have.
    pub(super) fn parse(
        name: &str,
        pem: &str,
        authorities: Option<&Certificates>,
    ) -> Result<Self, InvalidTls> {
        let none = || InvalidTls::NoCrl(name.to_owned());
        let lists: Vec<CertificateRevocationListDer<'static>> =
            CertificateRevocationListDer::pem_slice_iter(pem.as_bytes())
                .collect::<Result<_, _>>()
                .map_err(|_| none())?;
        let lists: Option<Vec<_>> =
            lists.iter().map(|der| Some(parse_x509_crl(der).ok()?.1)).collect();
        let lists = lists.filter(|lists| !lists.is_empty()).ok_or_else(none)?;
        let has_list = |authority: &X509Certificate<'_>| {
            lists.iter().any(|list| list.issuer().as_raw() == authority.subject().as_raw())
        };
        if let Some(other) =
            authorities.into_iter().flat_map(Certificates::parsed).find(|one| !has_list(one))
        {
            return Err(InvalidTls::CrlMissing(name.to_owned(), other.subject().to_string()));
        }
        let until =
            lists.iter().filter_map(CertificateRevocationList::next_update).map(timestamp).min();
        Ok(Self { pem: pem.to_owned(), until: until.unwrap_or(NEVER) })
    }
}

const NEVER: Timestamp = Timestamp::from_nanos(u64::MAX);

/// What was before 1970 is long over.
fn timestamp(time: ASN1Time) -> Timestamp {
    Timestamp::from_seconds(u64::try_from(time.timestamp()).unwrap_or(0))
}

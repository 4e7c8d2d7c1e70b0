//! The certificates, keys and authorities of listeners and backends.

mod backend;
mod pem;

use tollgate_core::Timestamp;

pub(super) use self::backend::of_backend;
use self::pem::{Certificates, Crl};
use super::outside::beside;
use crate::at::At;
use crate::fault::Faults;
use crate::spec::{Http3Spec, TlsSpec};
use crate::{ClientTls, Expiry, Fault, Http3, Loaded, Place, PrivateKey, Reference, Tls};

/// Why the TLS of a listener was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum InvalidTls {
    #[error("{0:?} cannot be read: {1}; write a path relative to this file")]
    Unreadable(String, String),
    #[error(
        "{0:?} is not text; write it as PEM, with `openssl x509 -inform der` or `openssl pkey`"
    )]
    NotText(String),
    #[error("{0:?} holds no certificate; write a PEM file with -----BEGIN CERTIFICATE-----")]
    NoCertificate(String),
    #[error("{0:?} holds a certificate that is malformed; write it anew as PEM")]
    Malformed(String),
    #[error(
        "{0:?} holds no private key; write a PEM file with -----BEGIN PRIVATE KEY-----, without a password"
    )]
    NoKey(String),
    #[error(
        "{0:?} holds a key that cannot be used; make one of ECDSA on P-256 or P-384, or of RSA \
         with 2048 bits or more"
    )]
    UnusableKey(String),
    #[error("{key:?} is not the key of {certificate:?}; write the one that belongs to it")]
    OtherKey { key: String, certificate: String },
    #[error(
        "{0:?} holds the certificate of {1}, which is no authority; write those that signed it"
    )]
    NoAuthority(String, String),
    #[error(
        "{0:?} holds no list of revoked certificates; write a PEM file with -----BEGIN X509 CRL-----"
    )]
    NoCrl(String),
    #[error(
        "{0:?} holds no list of the authority {1}, so that all its certificates would be \
         refused; add it"
    )]
    CrlMissing(String, String),
    #[error("callers are not asked for certificates without `client_ca`; write it, or remove this")]
    NoClientCa,
    #[error("callers can show no certificate over HTTP/3; remove it, or `client_ca`")]
    Http3,
}

/// Those of listeners and of backends.
const FILES: [&str; 5] = ["certificate", "key", "client_ca", "crl", "ca"];

/// The files that listeners and backends name.
pub(super) fn references(root: &At<'_>) -> Vec<Reference> {
    let sections = ["listeners", "backends"].into_iter().flat_map(|name| root.fields(name));
    let all = sections.filter_map(|(_, one)| one.get("tls"));
    all.flat_map(|tls| FILES.map(|field| reference(&tls.get(field)?))).flatten().collect()
}

fn reference(file: &At<'_>) -> Option<Reference> {
    Some(Reference::File(beside(&file.node.spot.file, file.text()?)))
}

/// The TLS of a listener, if it has one and all of it is good.
pub(super) fn tls(
    listener: &At<'_>,
    loaded: &Loaded,
    faults: &mut Faults,
    found: &mut Vec<Expiry>,
) -> Option<Tls> {
    let at = listener.get("tls")?;
    let spec: TlsSpec = at.read(faults)?;
    let certificate = certificate(&at, loaded, faults);
    let key = key(&at, certificate.as_ref(), loaded, faults);
    let authorities = authorities(&at, "client_ca", loaded, faults);
    let crl = crl(&at, authorities.as_ref(), loaded, faults);
    found.extend(expiries(&at, certificate.as_ref(), authorities.as_ref(), crl.as_ref()));
    if at.get("client_ca").is_none() {
        without_client_ca(&at, faults);
    } else if let Some(at) = at.get("http3") {
        at.fault(faults, InvalidTls::Http3.to_string());
    }
    Some(Tls {
        certificate: certificate?.pem,
        key: key?,
        clients: authorities.map(|authorities| ClientTls {
            ca: authorities.pem,
            crl: crl.map(|crl| crl.pem),
            certificates: spec.client_certificates.unwrap_or_default(),
        }),
        min_version: spec.min_version,
        http3: spec.http3.map(|Http3Spec { port }| Http3 { port }),
    })
}

fn without_client_ca(at: &At<'_>, faults: &mut Faults) {
    for field in ["client_certificates", "crl"] {
        if let Some(at) = at.get(field) {
            at.fault(faults, InvalidTls::NoClientCa.to_string());
        }
    }
}

/// What is to be said of files once they have expired.
fn expiries(
    tls: &At<'_>,
    certificate: Option<&Certificates>,
    authorities: Option<&Certificates>,
    crl: Option<&Crl>,
) -> Vec<Expiry> {
    let dated = [
        ("certificate", certificate.map(Certificates::until), "callers refuse it"),
        ("client_ca", authorities.map(Certificates::until), "certificates of callers are refused"),
        ("crl", crl.map(|crl| crl.until), "every certificate of a caller is refused"),
    ];
    dated.into_iter().filter_map(|(field, at, then)| expiry(tls, field, at, then)).collect()
}

fn expiry(tls: &At<'_>, field: &str, at: Option<Timestamp>, consequence: &str) -> Option<Expiry> {
    let (at, file) = (at?, tls.get(field)?);
    let name = file.text().unwrap_or_default();
    let message = format!("{name:?} has expired, so {consequence}; write a new one");
    let (place, path) = (Place::from(&file.node.spot), file.path.to_string());
    Some(Expiry { at, fault: Fault { place, path, message } })
}

/// A file that a field names, by the name that is written.
struct File<'a> {
    name: &'a str,
    text: &'a str,
}

fn file<'a>(at: &At<'a>, loaded: &'a Loaded) -> Result<File<'a>, InvalidTls> {
    let name = at.text().unwrap_or_default();
    let unreadable = |why: &str| InvalidTls::Unreadable(name.to_owned(), why.to_owned());
    match reference(at).and_then(|reference| loaded.0.get(&reference)) {
        Some(Ok(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(File { name, text }),
            Err(_) => Err(InvalidTls::NotText(name.to_owned())),
        },
        Some(Err(why)) => Err(unreadable(why)),
        None => Err(unreadable("it was not loaded")),
    }
}

fn told<T>(result: Result<T, InvalidTls>, at: &At<'_>, faults: &mut Faults) -> Option<T> {
    result.map_err(|invalid| at.fault(faults, invalid.to_string())).ok()
}

fn certificate(at: &At<'_>, loaded: &Loaded, faults: &mut Faults) -> Option<Certificates> {
    let at = at.get("certificate")?;
    told(file(&at, loaded).and_then(|file| Certificates::parse(file.name, file.text)), &at, faults)
}

fn key(
    at: &At<'_>,
    certificate: Option<&Certificates>,
    loaded: &Loaded,
    faults: &mut Faults,
) -> Option<PrivateKey> {
    let at = at.get("key")?;
    let checked = file(&at, loaded).and_then(|file| {
        pem::key(file.name, file.text, certificate).map(|()| PrivateKey::new(file.text))
    });
    told(checked, &at, faults)
}

fn authorities(
    at: &At<'_>,
    field: &str,
    loaded: &Loaded,
    faults: &mut Faults,
) -> Option<Certificates> {
    let at = at.get(field)?;
    let checked = file(&at, loaded).and_then(|file| {
        let certificates = Certificates::parse(file.name, file.text)?;
        certificates.are_authorities().map(|()| certificates)
    });
    told(checked, &at, faults)
}

fn crl(
    at: &At<'_>,
    authorities: Option<&Certificates>,
    loaded: &Loaded,
    faults: &mut Faults,
) -> Option<Crl> {
    let at = at.get("crl")?;
    let checked = file(&at, loaded).and_then(|file| Crl::parse(file.name, file.text, authorities));
    told(checked, &at, faults)
}

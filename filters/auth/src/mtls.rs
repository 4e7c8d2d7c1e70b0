//! Callers who are known by the certificate of their connection.

mod pattern;
mod spec;

use std::collections::BTreeMap;
use std::rc::Rc;

use tollgate_core::{Host, Principal, Reply, Scopes};

pub use self::pattern::{InvalidPattern, Match, Pattern};
pub use self::spec::{CertificateNameSpec, MtlsSpec};
use crate::challenge::Challenges;
use crate::name::{AN_ID, is_id, is_scope};
use crate::tenants::Tenants;

/// How callers with a certificate proved who they are.
pub(crate) const MTLS: &str = "mtls";

/// Which tenant a certificate is of.
///
/// Envoy has verified it before a request can be sent on the connection, and it
/// is asked of Envoy alone: what a header says of a certificate is not read.
pub(crate) struct Mtls {
    method: Rc<str>,
    names: Names,
    scopes: Scopes,
}

enum Names {
    /// A property of the connection, and what it must look like.
    Patterned { property: &'static [u8], folds_case: bool, pattern: Pattern },
    /// Tenants by the fingerprints of their certificates, in lower case.
    Listed(BTreeMap<Box<str>, Rc<str>>),
}

/// Why an identity by certificates was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidMtls {
    #[error("mtls.pattern: {0}")]
    Pattern(#[from] InvalidPattern),
    #[error(
        "mtls.pattern: missing; write how the name of a tenant's certificate looks, such as \
         \"spiffe://example/tenant/{{tenant}}\""
    )]
    NoPattern,
    #[error("mtls.pattern: a fingerprint has no parts; remove it, and write `fingerprints`")]
    PatternOfFingerprint,
    #[error("mtls.fingerprints: only `tenant: fingerprint` reads them; remove them")]
    UnusedFingerprints,
    #[error(
        "mtls.fingerprints: is empty, so nobody could call; write the SHA-256 of a certificate \
         and the tenant that it is of"
    )]
    NoFingerprints,
    #[error(
        "mtls.fingerprints: {0:?} is not 64 hexadecimal digits; write what `openssl x509 \
         -noout -fingerprint -sha256` prints, without the colons"
    )]
    Fingerprint(String),
    #[error("mtls.fingerprints: {0:?} stands twice in different case; remove one")]
    SameFingerprint(String),
    #[error("mtls.fingerprints.{fingerprint}: {tenant:?} is not an id; {AN_ID}")]
    Tenant { fingerprint: String, tenant: String },
    #[error(
        "mtls.scopes[{index}]: {scope:?} is not a scope; use printable ASCII without blanks, \
         quotes and backslashes"
    )]
    Scope { index: usize, scope: String },
}

/// Properties of the connection; Envoy tells only the first name of a kind.
const URI_SAN: &[u8] = b"connection\0uri_san_peer_certificate";
const DNS_SAN: &[u8] = b"connection\0dns_san_peer_certificate";
const SUBJECT: &[u8] = b"connection\0subject_peer_certificate";
const FINGERPRINT: &[u8] = b"connection\0sha256_peer_certificate_digest";
/// One byte, 1 if the caller showed a certificate.
const IS_MTLS: &[u8] = b"connection\0mtls";

// === impl Mtls ===

impl Mtls {
    pub(crate) fn compile(spec: MtlsSpec) -> Result<Self, InvalidMtls> {
        let MtlsSpec { tenant, pattern, fingerprints, scopes } = spec;
        if let Some((index, scope)) = scopes.iter().enumerate().find(|(_, scope)| !is_scope(scope))
        {
            return Err(InvalidMtls::Scope { index, scope: scope.clone() });
        }
        let names = if tenant == CertificateNameSpec::Fingerprint {
            listed(pattern.as_deref(), fingerprints)?
        } else {
            patterned(tenant, pattern.as_deref(), &fingerprints)?
        };
        Ok(Self { method: MTLS.into(), names, scopes: scopes.into_iter().collect() })
    }

    /// Who shows a certificate on this connection; nobody if none is shown. One
    /// that is nobody's here is refused.
    pub(crate) fn caller(
        &self,
        tenants: &Tenants,
        challenges: &Challenges,
        host: &mut dyn Host,
    ) -> Result<Option<Rc<Principal>>, Reply> {
        match self.name(host) {
            Some(name) => {
                let owner = self.principal(name, tenants);
                Ok(Some(owner.ok_or_else(|| challenges.invalid_certificate())?))
            }
            // A certificate without a name of that kind is shown all the same.
            None if is_shown(host) => Err(challenges.invalid_certificate()),
            None => Ok(None),
        }
    }

    /// Whose certificate this connection began with, if it is anybody's here.
    pub(crate) fn owner(&self, tenants: &Tenants, host: &mut dyn Host) -> Option<Rc<Principal>> {
        self.name(host).and_then(|name| self.principal(name, tenants))
    }

    fn name(&self, host: &mut dyn Host) -> Option<Vec<u8>> {
        host.property(self.names.property()).filter(|name| !name.is_empty())
    }

    fn principal(&self, name: Vec<u8>, tenants: &Tenants) -> Option<Rc<Principal>> {
        let Found { tenant, subject } = self.names.find(name)?;
        Some(Rc::new(Principal {
            method: Rc::clone(&self.method),
            subject,
            tier: tenants.tier(&tenant),
            tenant: Some(tenant),
            scopes: self.scopes.clone(),
            ..Principal::default()
        }))
    }
}

fn is_shown(host: &mut dyn Host) -> bool {
    host.property(IS_MTLS).is_some_and(|bytes| bytes.iter().any(|&byte| byte != 0))
}

fn patterned(
    name: CertificateNameSpec,
    pattern: Option<&str>,
    fingerprints: &BTreeMap<String, String>,
) -> Result<Names, InvalidMtls> {
    if !fingerprints.is_empty() {
        return Err(InvalidMtls::UnusedFingerprints);
    }
    let pattern = pattern.ok_or(InvalidMtls::NoPattern)?;
    // Host names are the same in any case (RFC 4343).
    let folds_case = name == CertificateNameSpec::DnsSan;
    let pattern = Pattern::parse(pattern, folds_case)?;
    let property = match name {
        CertificateNameSpec::UriSan => URI_SAN,
        CertificateNameSpec::DnsSan => DNS_SAN,
        CertificateNameSpec::Subject => SUBJECT,
        CertificateNameSpec::Fingerprint => FINGERPRINT,
    };
    Ok(Names::Patterned { property, folds_case, pattern })
}

fn listed(
    pattern: Option<&str>,
    fingerprints: BTreeMap<String, String>,
) -> Result<Names, InvalidMtls> {
    if pattern.is_some() {
        return Err(InvalidMtls::PatternOfFingerprint);
    }
    if fingerprints.is_empty() {
        return Err(InvalidMtls::NoFingerprints);
    }
    let mut listed = BTreeMap::new();
    for (fingerprint, tenant) in fingerprints {
        if fingerprint.len() != 64 || !fingerprint.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidMtls::Fingerprint(fingerprint));
        }
        if !is_id(&tenant) {
            return Err(InvalidMtls::Tenant { fingerprint, tenant });
        }
        let lower = fingerprint.to_ascii_lowercase();
        if listed.insert(lower.into(), tenant.into()).is_some() {
            return Err(InvalidMtls::SameFingerprint(fingerprint));
        }
    }
    Ok(Names::Listed(listed))
}

/// Whom a name is of.
struct Found {
    tenant: Rc<str>,
    subject: Rc<str>,
}

// === impl Names ===

impl Names {
    fn property(&self) -> &'static [u8] {
        match self {
            Self::Patterned { property, .. } => property,
            Self::Listed(_) => FINGERPRINT,
        }
    }

    fn find(&self, mut name: Vec<u8>) -> Option<Found> {
        match self {
            Self::Patterned { folds_case, pattern, .. } => {
                if *folds_case {
                    name.make_ascii_lowercase();
                }
                let Match { tenant, subject } = pattern.matches(&name)?;
                Some(Found { tenant: tenant.into(), subject: subject.into() })
            }
            Self::Listed(listed) => {
                let name = std::str::from_utf8(&name).ok()?;
                Some(Found { tenant: Rc::clone(listed.get(name)?), subject: name.into() })
            }
        }
    }
}

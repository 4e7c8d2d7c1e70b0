use std::fmt;

use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::node::Node;

/// Which Envoys a certificate is for: one of a group, or every one of it.
///
/// It stands in a URI among the certificate's alternative names,
/// `spiffe://DOMAIN/tollgate/GROUP/NODE` or `spiffe://DOMAIN/tollgate/GROUP`:
/// the group is Envoy's `node.cluster`, the node its `node.id`. The domain is
/// the affair of whoever signs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct CertifiedNode {
    group: String,
    id: Option<String>,
}

/// Why an Envoy is not who it says it is.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum NotCertified {
    #[error(
        "the certificate names no Envoy; it needs the URI spiffe://DOMAIN/tollgate/GROUP/NODE among \
         its alternative names, with node.cluster and node.id in the places of GROUP and NODE"
    )]
    Nobody,
    #[error(
        "node.cluster: is {said:?}, and the certificate is for {certified}; set node.cluster, or have \
         another certificate signed"
    )]
    Group { said: String, certified: CertifiedNode },
    #[error(
        "node.id: is {said:?}, and the certificate is for {certified}; set node.id, or have another \
         certificate signed"
    )]
    Id { said: String, certified: CertifiedNode },
}

/// In every URI, after the domain.
const FOLDER: &str = "tollgate";

// === impl CertifiedNode ===

impl CertifiedNode {
    /// Reads a certificate that was verified.
    pub(crate) fn from_der(certificate: &[u8]) -> Result<Self, NotCertified> {
        let (_, certificate) =
            X509Certificate::from_der(certificate).map_err(|_| NotCertified::Nobody)?;
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names.iter().flat_map(|names| &names.value.general_names);
        let mut uris = names.filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        });
        uris.find_map(Self::from_uri).ok_or(NotCertified::Nobody)
    }

    fn from_uri(uri: &str) -> Option<Self> {
        let mut segments = uri.strip_prefix("spiffe://")?.split('/');
        let is_ours = !segments.next()?.is_empty() && segments.next()? == FOLDER;
        let group = segments.next().filter(|group| is_ours && !group.is_empty())?;
        let id = segments.next();
        if segments.next().is_some() || id == Some("") {
            return None;
        }
        Some(Self { group: group.to_owned(), id: id.map(str::to_owned) })
    }

    /// Whether it is for this Envoy.
    pub(crate) fn admit(&self, node: &Node) -> Result<(), NotCertified> {
        let certified = || self.clone();
        if self.group != node.group {
            return Err(NotCertified::Group { said: node.group.clone(), certified: certified() });
        }
        if self.id.as_ref().is_some_and(|id| *id != node.id) {
            return Err(NotCertified::Id { said: node.id.clone(), certified: certified() });
        }
        Ok(())
    }
}

impl fmt::Display for CertifiedNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "{:?} of group {:?}", id, self.group),
            None => write!(f, "those of group {:?}", self.group),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(uri: &str, group: &str, id: &str) -> String {
        let node = Node { id: id.to_owned(), group: group.to_owned() };
        match CertifiedNode::from_uri(uri) {
            None => "names nobody".to_owned(),
            Some(certified) => match certified.admit(&node) {
                Ok(()) => "admitted".to_owned(),
                Err(why) => why.to_string(),
            },
        }
    }

    #[test]
    fn a_certificate_is_for_one_envoy_or_for_a_group() {
        for (uri, group, id, expected) in [
            ("spiffe://example.com/tollgate/edge/gw-1", "edge", "gw-1", "admitted"),
            ("spiffe://example.com/tollgate/edge", "edge", "gw-2", "admitted"),
            (
                "spiffe://example.com/tollgate/edge/gw-1",
                "edge",
                "gw-2",
                "node.id: is \"gw-2\", and the certificate is for \"gw-1\" of group \"edge\"; set \
                 node.id, or have another certificate signed",
            ),
            (
                "spiffe://example.com/tollgate/edge",
                "inner",
                "gw-1",
                "node.cluster: is \"inner\", and the certificate is for those of group \"edge\"; set \
                 node.cluster, or have another certificate signed",
            ),
        ] {
            assert_eq!(said(uri, group, id), expected, "{uri}");
        }
    }

    #[test]
    fn what_is_not_of_this_form_names_nobody() {
        for uri in [
            "https://example.com/tollgate/edge/gw-1",
            "spiffe:///tollgate/edge/gw-1",
            "spiffe://example.com/other/edge/gw-1",
            "spiffe://example.com/tollgate",
            "spiffe://example.com/tollgate/",
            "spiffe://example.com/tollgate/edge/",
            "spiffe://example.com/tollgate/edge/gw-1/more",
        ] {
            assert_eq!(said(uri, "edge", "gw-1"), "names nobody", "{uri}");
        }
        assert_eq!(CertifiedNode::from_der(b"no certificate"), Err(NotCertified::Nobody));
    }
}

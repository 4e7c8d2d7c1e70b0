//! Where somebody may write APIs.

use std::fmt;
use std::str::FromStr;

use tollgate_gateway::MatchSpec;

use crate::Gateway;
use crate::check::host_pattern;
use crate::piece::is_plain;

/// A host, or a pattern of hosts, and the beginning of paths there:
/// `orders.example.com`, `*.example.com/orders`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Site {
    host: String,
    /// In small letters: case makes no difference.
    segments: Vec<String>,
}

/// Why a text is no site.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSite {
    /// What should be a host is none.
    #[error("{0}")]
    Host(String),
    /// It could be written in several ways.
    #[error(
        "{site:?} has the segment {segment:?}; write the letters, digits and `-._~` that every path \
         begins with"
    )]
    Segment {
        /// All of it.
        site: String,
        /// What is in the way.
        segment: String,
    },
}

// === impl Site ===

impl Site {
    /// The first route of an API that lies at none of these.
    pub fn outside_of(sites: &[Self], gateway: &Gateway, api: &str) -> Option<String> {
        let routes = gateway.hosts.iter().flat_map(|(host, routes)| {
            let own = routes.iter().filter(|route| route.api == api);
            own.map(move |route| (host, route))
        });
        let mut outside = routes.filter(|(host, route)| {
            !sites.iter().any(|site| site.has_host(host) && site.has_paths_of(&route.matcher))
        });
        let (host, route) = outside.next()?;
        Some(format!("apis.{api}.routes.{} at {host}", route.route))
    }

    fn has_host(&self, host: &str) -> bool {
        let below = self.host.strip_prefix('*');
        self.host == host || below.is_some_and(|below| host.ends_with(below))
    }

    /// Whether every path that a match takes begins as they do here.
    fn has_paths_of(&self, matcher: &MatchSpec) -> bool {
        let path = matcher.path.as_deref().or(matcher.prefix.as_deref()).unwrap_or_default();
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        self.segments
            .iter()
            .all(|own| segments.next().is_some_and(|other| own.eq_ignore_ascii_case(other)))
    }
}

impl FromStr for Site {
    type Err = InvalidSite;

    fn from_str(text: &str) -> Result<Self, InvalidSite> {
        let (host, path) = text.split_once('/').unwrap_or((text, ""));
        let host = host_pattern(host).map_err(InvalidSite::Host)?;
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        if let Some(segment) = segments.clone().find(|segment| !is_plain(segment)) {
            let (site, segment) = (text.to_owned(), segment.to_owned());
            return Err(InvalidSite::Segment { site, segment });
        }
        Ok(Self { host, segments: segments.map(str::to_ascii_lowercase).collect() })
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        self.segments.iter().try_for_each(|segment| write!(f, "/{segment}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Loaded, Source, read};

    fn site(text: &str) -> Site {
        text.parse().unwrap()
    }

    /// What of an API on two hosts lies outside of some sites.
    fn outside(sites: &[&str], matcher: &str) -> Option<String> {
        let text = format!(
            "
listeners: {{ a: {{ address: 127.0.0.1:80 }} }}
apis:
  shop:
    hosts: [shop.example, a.shop.example]
    routes: {{ get: {{ match: {matcher}, respond: {{ status: 204 }}, auth: none }} }}
  other:
    hosts: [other.example]
    routes: {{ get: {{ match: {{ path: / }}, respond: {{ status: 204 }}, auth: none }} }}
"
        );
        let source = Source { name: "t.yaml".to_owned(), bytes: text.into_bytes() };
        let gateway = read(&[source]).unwrap().compile(&Loaded::default()).unwrap();
        let sites: Vec<_> = sites.iter().map(|text| site(text)).collect();
        Site::outside_of(&sites, &gateway, "shop")
    }

    #[test]
    fn sites_are_hosts_and_beginnings_of_paths() {
        for (text, shown) in [
            ("shop.example", "shop.example"),
            ("Shop.Example/", "shop.example"),
            ("*.example/Orders//v1/", "*.example/orders/v1"),
            ("*", "*"),
        ] {
            assert_eq!(site(text).to_string(), shown);
        }
        let fault = |text: &str| text.parse::<Site>().unwrap_err().to_string();
        assert_eq!(
            fault("a b"),
            "\"a b\" is not a host name; write one such as orders.example.com"
        );
        assert_eq!(
            fault("a.example:80/x"),
            "\"a.example:80\" has a port; write the name alone, it is served on every listener"
        );
        assert_eq!(
            fault("a.example/{id}"),
            "\"a.example/{id}\" has the segment \"{id}\"; write the letters, digits and `-._~` that \
             every path begins with"
        );
    }

    #[test]
    fn an_api_lies_where_all_its_hosts_and_paths_do() {
        let both = ["shop.example", "a.shop.example"];
        let path = "{ path: \"/Orders/{id}\" }";
        for (sites, matcher, is_inside) in [
            (&both[..], path, true),
            (&["*"], path, true),
            (&["shop.example", "*.shop.example"], path, true),
            (&["*.example/orders"], path, true),
            (&["*.example/orders"], "{ prefix: /ORDERS }", true),
            (&["*.example/orders/v1", "*.example/orders/v2"], path, false),
            (&["*.example/order"], path, false),
            (&["*.example/orders"], "{ prefix: / }", false),
            (&["*.example/orders"], "{ path: \"/{any}/orders\" }", false),
            (&["*.example/orders"], "{ regex: /orders }", false),
            (&["*.example"], "{ regex: /orders }", true),
            (&["shop.example"], path, false),
            (&["*.shop.example"], path, false),
            (&["hop.example", "*.hop.example"], path, false),
            (&[], path, false),
        ] {
            let found = outside(sites, matcher);
            assert_eq!(found.is_none(), is_inside, "{sites:?} {matcher}: {found:?}");
        }
        assert_eq!(
            outside(&["shop.example"], path).unwrap(),
            "apis.shop.routes.get at a.shop.example"
        );
    }
}

use std::net::IpAddr;

use tollgate_core::{Headers, RequestHead, Timestamp, is_header_name, is_header_value};

/// A request that is only thought of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// `http` or `https`, the host, the path and the query.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The caller's address.
    pub from: IpAddr,
    /// When it comes.
    pub at: Timestamp,
}

/// Why a request cannot be thought of.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidRequest {
    #[error("url: {0:?} is not one; write https://HOST/PATH")]
    Url(String),
    #[error("method: {0:?} is not one; write one such as GET, in capitals")]
    Method(String),
    #[error("headers: {0:?} is not a header name")]
    HeaderName(String),
    #[error("headers.{0}: the value cannot stand in a header")]
    HeaderValue(String),
}

// === impl Request ===

impl Request {
    /// Its host, and the first segment of its path, both in small letters: by which the
    /// routes are found that may take it.
    pub fn site(&self) -> Result<(String, String), InvalidRequest> {
        let head = Head::of(self)?;
        let path = RequestHead { headers: &head.headers }.path();
        let first = path.ok().and_then(|path| path.segments().next()).unwrap_or_default();
        let first = String::from_utf8_lossy(&first).to_ascii_lowercase();
        Ok((head.host, first))
    }
}

/// What Envoy makes of it.
pub(crate) struct Head {
    /// Without port, in small letters.
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    pub(crate) headers: Headers,
}

// === impl Head ===

impl Head {
    pub(crate) fn of(request: &Request) -> Result<Self, InvalidRequest> {
        let Request { method, url, headers, .. } = request;
        let parts = parts(url).ok_or_else(|| InvalidRequest::Url(url.clone()))?;
        if method.is_empty()
            || !method.bytes().all(|b| b.is_ascii_alphabetic() || b"-_".contains(&b))
        {
            return Err(InvalidRequest::Method(method.clone()));
        }
        headers.iter().try_for_each(|(name, value)| check(name, value))?;
        let named = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let authority = named.map_or(parts.authority, |(_, host)| host.as_str());
        let (host, port) = host_and_port(authority);
        let pseudo = [
            (":method".to_owned(), method.as_str()),
            (":scheme".to_owned(), parts.scheme),
            (":authority".to_owned(), authority),
            (":path".to_owned(), parts.target.as_str()),
        ];
        let others = headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host"));
        let others = others.map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()));
        let headers = pseudo.into_iter().chain(others).collect();
        Ok(Self { host: host.to_ascii_lowercase(), port, headers })
    }
}

fn check(name: &str, value: &str) -> Result<(), InvalidRequest> {
    if !is_header_name(&name.to_ascii_lowercase()) {
        return Err(InvalidRequest::HeaderName(name.to_owned()));
    }
    if !is_header_value(value.as_bytes()) {
        return Err(InvalidRequest::HeaderValue(name.to_owned()));
    }
    Ok(())
}

struct Parts<'u> {
    scheme: &'u str,
    authority: &'u str,
    /// Path and query, as they are sent: without a fragment.
    target: String,
}

fn parts(url: &str) -> Option<Parts<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    if !matches!(scheme, "http" | "https") || !url.bytes().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    let rest = rest.split('#').next()?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(end)?;
    if authority.is_empty() || authority.contains('@') {
        return None;
    }
    let slash = if target.starts_with('/') { "" } else { "/" };
    Some(Parts { scheme, authority, target: format!("{slash}{target}") })
}

/// An address of IPv6 stands in brackets, which belong to it.
fn host_and_port(authority: &str) -> (&str, Option<u16>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, url: &str, headers: &[(&str, &str)]) -> Result<Head, InvalidRequest> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Head::of(&Request {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: headers.iter().map(owned).collect(),
            body: Vec::new(),
            from: [127, 0, 0, 1].into(),
            at: Timestamp::EPOCH,
        })
    }

    #[test]
    fn a_url_is_taken_apart_as_it_is_sent() {
        for (url, host, port, path) in [
            ("https://Orders.example.com", "orders.example.com", None, "/"),
            ("http://o.example:8080/a?b=c#d", "o.example", Some(8080), "/a?b=c"),
            ("https://[::1]:9/x", "[::1]", Some(9), "/x"),
            ("https://[::1]/x", "[::1]", None, "/x"),
            ("http://o?b", "o", None, "/?b"),
        ] {
            let head = head("GET", url, &[]).unwrap();
            let sent = head.headers.get(":path").unwrap();
            assert_eq!((head.host.as_str(), head.port), (host, port), "{url}");
            assert_eq!(sent, path.as_bytes(), "{url}");
        }
    }

    #[test]
    fn a_host_header_names_the_host() {
        let head = head("GET", "http://127.0.0.1:8080/", &[("Host", "o.example")]).unwrap();
        assert_eq!(head.host, "o.example");
        assert_eq!(head.headers.get(":authority"), Some(&b"o.example"[..]));
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        for (method, url, headers, expected) in [
            ("GET", "orders", &[][..], "url: \"orders\" is not one; write https://HOST/PATH"),
            ("GET", "ftp://x/", &[], "url: \"ftp://x/\" is not one; write https://HOST/PATH"),
            ("GET", "http:///x", &[], "url: \"http:///x\" is not one; write https://HOST/PATH"),
            ("GET", "http://a b/", &[], "url: \"http://a b/\" is not one; write https://HOST/PATH"),
            ("", "http://x/", &[], "method: \"\" is not one; write one such as GET, in capitals"),
            (
                "G T",
                "http://x/",
                &[],
                "method: \"G T\" is not one; write one such as GET, in capitals",
            ),
            ("GET", "http://x/", &[("a b", "")], "headers: \"a b\" is not a header name"),
            ("GET", "http://x/", &[("a", "\n")], "headers.a: the value cannot stand in a header"),
        ] {
            let told = head(method, url, headers).err().map(|invalid| invalid.to_string());
            assert_eq!(told.as_deref(), Some(expected));
        }
    }
}

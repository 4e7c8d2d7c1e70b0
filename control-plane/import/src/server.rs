use serde_json::Value;

use crate::document::{Document, fields, text};

/// Where requests go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Server {
    /// `HOST:PORT`.
    pub(crate) endpoint: String,
    pub(crate) tls: bool,
    /// What stands before every path; without a slash at the end.
    pub(crate) base: String,
}

/// Where requests go until somebody says it.
const NOWHERE: &str = "127.0.0.1:8000";

/// The document's first server, or what was asked for instead of it.
pub(crate) fn server(
    document: Document<'_>,
    backend: Option<&str>,
    notices: &mut Vec<String>,
) -> Server {
    let servers = document.servers();
    if 1 < servers.len() {
        notices.push(format!("of {} servers the first is taken", servers.len()));
    }
    let url = servers.first().map(filled).unwrap_or_default();
    let server = parts(&url);
    if let Some(backend) = backend {
        return Server { endpoint: backend.to_owned(), tls: false, ..server };
    }
    if !server.endpoint.is_empty() {
        return server;
    }
    notices.push(format!(
        "the document names no server; requests go to {NOWHERE}, which is to be filled in"
    ));
    Server { endpoint: NOWHERE.to_owned(), ..server }
}

/// A server's URL with the defaults of its variables.
fn filled(server: &Value) -> String {
    let mut url = text(server, "url").unwrap_or_default().to_owned();
    for (name, variable) in fields(server, "variables").into_iter().flatten() {
        let default = text(variable, "default").unwrap_or_default();
        url = url.replace(&format!("{{{name}}}"), default);
    }
    url
}

fn parts(url: &str) -> Server {
    let (tls, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (scheme.eq_ignore_ascii_case("https"), rest),
        None => (false, url),
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, base) = match rest.find('/').and_then(|slash| rest.split_at_checked(slash)) {
        Some((host, base)) if url.contains("://") => (host, base),
        None if url.contains("://") => (rest, ""),
        // Relative to wherever the document is: only the path is said.
        _ => ("", rest),
    };
    let port = if tls { 443 } else { 80 };
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    let endpoint = match host {
        "" => String::new(),
        _ if has_port => host.to_owned(),
        _ => format!("{host}:{port}"),
    };
    let base = base.trim_end_matches('/');
    let slash = if base.is_empty() || base.starts_with('/') { "" } else { "/" };
    Server { endpoint, tls, base: format!("{slash}{base}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_under_which_path() {
        for (url, endpoint, tls, base) in [
            ("https://api.example.com/v1/", "api.example.com:443", true, "/v1"),
            ("http://api.example.com:8080", "api.example.com:8080", false, ""),
            ("http://[::1]/v1", "[::1]:80", false, "/v1"),
            ("/v1", "", false, "/v1"),
            ("v1", "", false, "/v1"),
            ("", "", false, ""),
        ] {
            let expected = Server { endpoint: endpoint.to_owned(), tls, base: base.to_owned() };
            assert_eq!(parts(url), expected, "{url}");
        }
    }
}

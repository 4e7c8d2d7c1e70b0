//! The configuration as it is written.

use std::fmt::Write as _;

use serde_json::Value;

use crate::import::Draft;
use crate::operation::{Path, Route};
use crate::security::{Auth, Issuer, Schemes};
use crate::server::Server;

/// What is written of a draft.
pub(crate) fn of(draft: &Draft) -> String {
    let Draft { title, name, hosts, server, schemes, routes } = draft;
    let mut text = format!("# Imported from an OpenAPI document: {}\n", quoted(title));
    text.push_str("listeners:\n  public: { address: \"127.0.0.1:8080\" }\n\n");
    identity(schemes, &mut text);
    backend(name, server, &mut text);
    let _ = writeln!(text, "apis:\n  {name}:\n    hosts: {}\n    routes:", list(hosts));
    for one in routes {
        route(one, name, &mut text);
    }
    text
}

fn identity(schemes: &Schemes, text: &mut String) {
    let Schemes { places, issuers, .. } = schemes;
    if places.is_empty() && issuers.is_empty() {
        return;
    }
    text.push_str("identity:\n");
    if !places.is_empty() {
        let places = places.iter().map(|(kind, name)| format!("{{ {kind}: {} }}", quoted(name)));
        let places = places.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "  api_key: {{ from: [{places}] }}");
    }
    if !issuers.is_empty() {
        text.push_str("  jwt:\n");
    }
    for (name, Issuer { name: issuer, audience, jwks }) in issuers {
        let (issuer, audience, jwks) = (quoted(issuer), quoted(audience), quoted(jwks));
        let _ =
            writeln!(text, "    {name}:\n      issuer: {issuer}\n      audiences: [{audience}]");
        let _ = writeln!(text, "      jwks: {{ url: {jwks} }}");
    }
    text.push('\n');
}

fn backend(name: &str, server: &Server, text: &mut String) {
    let Server { endpoint, tls, base: _ } = server;
    let tls = if *tls { ", tls: {}" } else { "" };
    let endpoint = quoted(endpoint);
    let _ = writeln!(text, "backends:\n  {name}: {{ endpoints: [{endpoint}]{tls} }}\n");
}

fn route(route: &Route, backend: &str, text: &mut String) {
    let Route { call: _, name, method, path, auth } = route;
    let (field, path) = match path {
        Path::Template(path) => ("path", quoted(path)),
        Path::Regex(regex) => ("regex", quoted(regex)),
    };
    let _ = writeln!(text, "      {name}:");
    let _ = writeln!(text, "        match: {{ {field}: {path}, methods: [{method}] }}");
    let _ = writeln!(text, "        backend: {backend}");
    match auth {
        Auth::Anybody => text.push_str("        auth: none\n"),
        Auth::Callers { methods, optional, scopes } => {
            let field = if *optional { "optional" } else { "any_of" };
            let _ = writeln!(text, "        auth: {{ {field}: [{}] }}", methods.join(", "));
            if !scopes.is_empty() {
                let _ = writeln!(text, "        allow: {{ scopes: {} }}", list(scopes));
            }
        }
    }
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

/// A text of JSON is one of YAML, on one line.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::document::{Described, Document, security, text};
use crate::naming::Names;
use crate::security::{Auth, Schemes};
use crate::server::Server;

/// One route.
pub(crate) struct Route {
    /// In the document: `GET /orders/{id}`.
    pub(crate) call: String,
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) path: Path,
    pub(crate) auth: Auth,
}

/// Which paths it serves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Path {
    /// Parameters are whole segments.
    Template(String),
    /// Some are a part of one.
    Regex(String),
}

/// What callers have to escape.
const ESCAPED: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'^').add(b'`').add(b'|');

/// A route for each operation whose callers can be judged.
pub(crate) fn routes(
    document: Document<'_>,
    server: &Server,
    schemes: &Schemes,
    names: &mut Names,
    notices: &mut Vec<String>,
) -> Vec<Route> {
    let mut routes = Vec::new();
    for Described { path, method, operation } in document.operations() {
        let call = format!("{method} {path}");
        let asked = security(operation).or(document.security());
        let auth = match schemes.auth(asked, &call, notices) {
            Ok(auth) => auth,
            Err(why) => {
                notices.push(format!("{call} is left out: {why}"));
                continue;
            }
        };
        let wanted = text(operation, "operationId").unwrap_or(&call);
        let name = names.give(wanted, "route");
        let path = Path::of(&format!("{}{path}", server.base));
        routes.push(Route { call, name, method, path, auth });
    }
    routes
}

// === impl Path ===

impl Path {
    fn of(path: &str) -> Self {
        let whole = |segment: &str| {
            let inner = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            inner.is_some_and(|inner| !inner.contains(['{', '}'])) || !segment.contains(['{', '}'])
        };
        let segments: Vec<&str> = path.split('/').collect();
        if segments.iter().all(|segment| whole(segment)) {
            let segments: Vec<String> = segments.into_iter().map(templated).collect();
            return Self::Template(segments.join("/"));
        }
        Self::Regex(expression(path))
    }
}

fn templated(segment: &str) -> String {
    match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(name) => {
            let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
            format!("{{{}}}", name.chars().map(plain).collect::<String>())
        }
        None => utf8_percent_encode(segment, ESCAPED).to_string(),
    }
}

/// For the whole path, as it reads decoded: a parameter is anything in one segment.
fn expression(path: &str) -> String {
    let mut expression = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        expression.push_str(&literal(before));
        expression.push_str("[^/]+");
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    expression + &literal(rest)
}

fn literal(text: &str) -> String {
    let escaped = |c: char| {
        let special = c.is_ascii_punctuation() && !"/_-~@%&,;:=!'\"<>#`".contains(c);
        if special { format!("\\{c}") } else { c.to_string() }
    };
    text.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_templates_where_parameters_are_whole_segments() {
        let template = |path: &str| Path::Template(path.to_owned());
        let regex = |regex: &str| Path::Regex(regex.to_owned());
        for (path, expected) in [
            ("/orders/{order.id}", template("/orders/{order_id}")),
            ("/a b/ü", template("/a%20b/%C3%BC")),
            ("/files/{name}.json", regex(r"/files/[^/]+\.json")),
            ("/{a}-{b}/c", regex("/[^/]+-[^/]+/c")),
            ("/{a", regex("/[^/]+")),
        ] {
            assert_eq!(Path::of(path), expected, "{path}");
        }
    }
}

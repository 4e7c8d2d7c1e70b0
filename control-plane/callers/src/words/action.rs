use std::collections::BTreeMap;

use tollgate_model::{
    Action, Backend, Forward, Gateway, HashKey, PathRewrite, Piece, Redirect, Respond,
};

use super::{listed, span};

/// What becomes of requests that pass.
pub(crate) fn action(action: &Action, gateway: &Gateway) -> Vec<String> {
    match action {
        Action::Forward(one) => forward(one, &gateway.backends),
        Action::Redirect(_) | Action::Respond(_) => vec!["none is needed".to_owned()],
    }
}

/// Who answers requests that pass, and with what.
pub(crate) fn answer(action: &Action) -> String {
    match action {
        Action::Forward(forward) => format!("from {}", backends(forward)),
        Action::Redirect(redirect) => format!("{} to {}", status(redirect), target(redirect)),
        Action::Respond(Respond { status, .. }) => format!("{status} from the gateway"),
    }
}

/// What becomes of a request, as it follows the request.
pub(crate) fn destination(action: &Action) -> String {
    match action {
        Action::Forward(forward) => format!("goes to {}", backends(forward)),
        Action::Redirect(_) | Action::Respond(_) => format!("is answered {}", answer(action)),
    }
}

fn backends(forward: &Forward) -> String {
    listed(&forward.split.keys().cloned().collect::<Vec<_>>(), "or")
}

fn status(redirect: &Redirect) -> u16 {
    use tollgate_model::RedirectStatus::{
        Found, MovedPermanently, PermanentRedirect, SeeOther, TemporaryRedirect,
    };
    match redirect.status {
        MovedPermanently => 301,
        Found => 302,
        SeeOther => 303,
        TemporaryRedirect => 307,
        PermanentRedirect => 308,
    }
}

/// What is not said stays as it was asked for.
fn target(redirect: &Redirect) -> String {
    let scheme = match redirect.https {
        Some(true) => "https://",
        Some(false) => "http://",
        None => "",
    };
    let host = redirect.host.as_deref().unwrap_or("the same host");
    let port = redirect.port.map(|port| format!(":{port}")).unwrap_or_default();
    let path = redirect.path.as_ref().map_or_else(|| "/…".to_owned(), rewritten);
    format!("{scheme}{host}{port}{path}")
}

fn forward(forward: &Forward, backends: &BTreeMap<String, Backend>) -> Vec<String> {
    let Forward { split, hash, mirror, timeout, retries, path, host, websocket, .. } = forward;
    let mut says: Vec<String> =
        split.iter().map(|(name, weight)| to(name, *weight, split, backends)).collect();
    if !hash.is_empty() {
        let keys: Vec<String> = hash.iter().map(hash_key).collect();
        says.push(format!("the same {} goes to the same place", listed(&keys, "or")));
    }
    says.extend(mirror.iter().map(|one| format!("copies of {}% to {}", one.percent, one.backend)));
    says.extend(timeout.map(|timeout| format!("within {}", span(timeout))));
    says.extend(retries.iter().map(|one| format!("tried again {} times at most", one.attempts)));
    says.extend(path.iter().map(|path| format!("the path becomes {}", rewritten(path))));
    says.extend(host.iter().map(|host| format!("the host becomes {host}")));
    says.extend(websocket.iter().map(|_| "web sockets may be opened".to_owned()));
    says
}

fn to(
    name: &str,
    weight: u32,
    split: &BTreeMap<String, u32>,
    backends: &BTreeMap<String, Backend>,
) -> String {
    let share = if split.len() == 1 {
        String::new()
    } else {
        let all: u64 = split.values().map(|weight| u64::from(*weight)).sum();
        format!(" for {weight} of {all}")
    };
    let at = backends.get(name).map(endpoints).unwrap_or_default();
    format!("{name}{share}{at}")
}

/// ` at 127.0.0.1:9001`, with all of them up to three.
fn endpoints(backend: &Backend) -> String {
    let shown: Vec<String> =
        backend.endpoints.iter().take(3).map(|one| format!("{}:{}", one.host, one.port)).collect();
    let more = backend.endpoints.len().saturating_sub(shown.len());
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!(" at {}{more}", shown.join(", "))
}

fn hash_key(key: &HashKey) -> String {
    match key {
        HashKey::Ip => "address".to_owned(),
        HashKey::Header(name) => format!("header {name}"),
        HashKey::Cookie(name) => format!("cookie {name}"),
        HashKey::Query(name) => format!("parameter {name}"),
    }
}

fn rewritten(path: &PathRewrite) -> String {
    match path {
        PathRewrite::Whole { template, .. } => template.iter().map(piece).collect(),
        PathRewrite::Prefix { matched, prefix } => format!("{prefix} instead of {matched}"),
        PathRewrite::Regex { regex, substitution } => {
            format!("{substitution} where it is ~{regex}")
        }
    }
}

fn piece(piece: &Piece) -> String {
    match piece {
        Piece::Text(text) => text.clone(),
        Piece::Parameter(place) => format!("{{{place}}}"),
    }
}

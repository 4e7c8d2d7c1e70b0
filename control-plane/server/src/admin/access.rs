//! Who asks, and may they.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST};
use tollgate_store::{OperatorToken, Role};

use super::Admin;
use super::answer::Problem;

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Actor {
    pub(super) id: String,
    pub(super) role: Role,
}

// === impl Actor ===

impl Actor {
    pub(super) fn needs(&self, role: Role) -> Result<(), Problem> {
        if role <= self.role { Ok(()) } else { Err(Problem::forbidden(role)) }
    }
}

impl Admin {
    /// Who asks. While there is no operator, whoever is on the same machine may do
    /// all; from elsewhere nobody can ask then.
    pub(super) async fn actor(&self, headers: &HeaderMap) -> Result<Actor, Problem> {
        let Some(store) = self.ledger.store() else { return self.nobody(headers) };
        if let Some(token) = bearer(headers) {
            let found = store.find_operator(&OperatorToken::shown(token)).await?;
            let found = found.ok_or_else(Problem::unauthenticated)?;
            return Ok(Actor { id: found.id, role: found.role });
        }
        let operators = store.operators().await?;
        // An operator that was revoked is no reason to let everybody in.
        if operators.is_empty() { self.nobody(headers) } else { Err(Problem::unauthenticated()) }
    }

    fn nobody(&self, headers: &HeaderMap) -> Result<Actor, Problem> {
        if !self.is_local {
            return Err(Problem::unauthenticated());
        }
        // A page in a browser on this machine can have any name lead here.
        if names_this_machine(headers) { Ok(Actor::local()) } else { Err(Problem::elsewhere()) }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = address.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    name.eq_ignore_ascii_case("localhost") || is_loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_own() {
        for (host, expected) in [
            ("localhost", true),
            ("LocalHost:18001", true),
            ("127.0.0.1:18001", true),
            ("127.9.9.9", true),
            ("[::1]:18001", true),
            ("[::1]", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("10.0.0.1:18001", false),
            ("", false),
        ] {
            let headers = [(HOST, host.parse().unwrap())].into_iter().collect();
            assert_eq!(names_this_machine(&headers), expected, "{host}");
        }
    }
}

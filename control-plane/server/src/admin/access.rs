//! Who asks, and may they.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST};
use tollgate_model::{Gateway, InvalidSite, Site};
use tollgate_store::{Operator, OperatorToken, Role};

use super::Admin;
use super::answer::Problem;
use super::endpoints::{Endpoint, Kind, What};

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Actor {
    pub(super) id: String,
    pub(super) role: Role,
    /// Where it may write APIs, and nothing else then.
    pub(super) sites: Option<Vec<Site>>,
}

// === impl Actor ===

impl Actor {
    /// Whoever is on the same machine, while there is no operator.
    fn local() -> Self {
        Self { id: "local".to_owned(), role: Role::Admin, sites: None }
    }

    fn of(Operator { id, role, sites, .. }: Operator) -> Result<Self, Problem> {
        if sites.is_empty() {
            return Ok(Self { id, role, sites: None });
        }
        let sites = sites.iter().map(|text| text.parse()).collect::<Result<_, InvalidSite>>();
        let sites = sites.map_err(|fault| Problem::nowhere(&fault.to_string()))?;
        Ok(Self { id, role, sites: Some(sites) })
    }

    /// Whether it may do something of this kind at all.
    pub(super) fn may(&self, endpoint: &Endpoint) -> Result<(), Problem> {
        if self.role < endpoint.role {
            return Err(Problem::forbidden(endpoint.role));
        }
        let is_confined =
            matches!(endpoint.what, What::PutObject(Kind::Apis) | What::DeleteObject(Kind::Apis));
        match &self.sites {
            Some(sites) if endpoint.changes() && !is_confined => Err(Problem::confined(sites)),
            _ => Ok(()),
        }
    }

    /// Whether an API, if there is one, lies where this operator may write. Where nobody
    /// can tell, it may not.
    pub(super) fn may_write(&self, gateway: Option<&Gateway>, api: &str) -> Result<(), Problem> {
        let Some(sites) = &self.sites else { return Ok(()) };
        let gateway = gateway.ok_or_else(Problem::whose)?;
        Site::outside_of(sites, gateway, api).map_or(Ok(()), |route| Err(self.outside(&route)))
    }

    /// That a route lies where it may not write.
    pub(super) fn outside(&self, route: &str) -> Problem {
        Problem::outside(route, self.sites.as_deref().unwrap_or_default())
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
            return Actor::of(found);
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

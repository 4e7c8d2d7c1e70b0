//! What is refused, who may use this API, and what they did.

use tollgate_model::{InvalidSite, Site};
use tollgate_store::{
    Deed, NewOperator, Operator, OperatorToken, Revocation, Revoked, Role, UnknownRole,
};

use super::Admin;
use super::answer::{Answer, Problem};
use super::asked::Asked;
use super::views::{
    CreatedOperator, DeedView, Deeds, OperatorBody, OperatorView, Operators, RevocationBody,
    RevocationView, Revocations, RevokedBody,
};
use crate::clock::now;
use crate::store::entropy;
use crate::store::when::{self, shown};

impl Admin {
    pub(super) async fn list_revocations(&self) -> Result<Answer, Problem> {
        let all = self.store()?.revocations(now()).await?;
        let revocations = all.into_iter().map(revocation).collect();
        Ok(Answer::json(200, &Revocations { revocations }))
    }

    pub(super) async fn revoke(&self, asked: &Asked) -> Result<Answer, Problem> {
        let RevocationBody { what, until } = asked.read()?;
        let until = until.map(|text| when::time("until", &text, now())).transpose();
        let until = until.map_err(|fault| Problem::unprocessable(fault.to_string()))?;
        self.store()?.revoke(&revoked(what), until, now()).await?;
        Ok(Answer::nothing())
    }

    pub(super) async fn list_operators(&self) -> Result<Answer, Problem> {
        let operators = self.store()?.operators().await?.into_iter().map(operator).collect();
        Ok(Answer::json(200, &Operators { operators }))
    }

    pub(super) async fn create_operator(&self, asked: &Asked) -> Result<Answer, Problem> {
        let OperatorBody { id, role, sites } = asked.read()?;
        let role: Role = role.parse().map_err(|unknown: UnknownRole| {
            Problem::unprocessable(format!("role: {role:?} {unknown}"))
        })?;
        for (index, site) in sites.iter().enumerate() {
            site.parse::<Site>().map_err(|fault: InvalidSite| {
                Problem::unprocessable(format!("sites[{index}]: {fault}"))
            })?;
        }
        let entropy = entropy().map_err(|_| Problem::unavailable("no randomness"))?;
        let token = OperatorToken::generate(entropy);
        let new = NewOperator { id: &id, role, sites: &sites };
        self.store()?.create_operator(new, &token, now()).await?;
        Ok(Answer::json(201, &CreatedOperator { id, token: token.as_str().to_owned() }))
    }

    pub(super) async fn revoke_operator(&self, asked: &Asked) -> Result<Answer, Problem> {
        self.store()?.revoke_operator(asked.name(), now()).await?;
        Ok(Answer::nothing())
    }

    pub(super) async fn list_deeds(&self, asked: &Asked) -> Result<Answer, Problem> {
        let (before, limit) = asked.page()?;
        let deeds = self.store()?.deeds(before, limit).await?.into_iter().map(deed).collect();
        Ok(Answer::json(200, &Deeds { deeds }))
    }
}

fn revoked(body: RevokedBody) -> Revoked {
    match body {
        RevokedBody::Token { issuer, jti } => Revoked::Token { issuer, jti },
        RevokedBody::Subject { issuer, subject } => Revoked::Subject { issuer, subject },
        RevokedBody::ApiKey(id) => Revoked::ApiKey(id),
        RevokedBody::Tenant(id) => Revoked::Tenant(id),
    }
}

fn revocation(revocation: Revocation) -> RevocationView {
    let Revocation { what, at, until, .. } = revocation;
    let (kind, issuer, name) = match what {
        Revoked::Token { issuer, jti } => ("token", Some(issuer), jti),
        Revoked::Subject { issuer, subject } => ("subject", Some(issuer), subject),
        Revoked::ApiKey(id) => ("api_key", None, id),
        Revoked::Tenant(id) => ("tenant", None, id),
    };
    RevocationView { kind, issuer, name, at: shown(at), until: until.map(shown) }
}

fn operator(operator: Operator) -> OperatorView {
    let Operator { id, role, sites, created_at, revoked_at } = operator;
    let (created_at, revoked_at) = (shown(created_at), revoked_at.map(shown));
    OperatorView { id, role: role.to_string(), sites, created_at, revoked_at }
}

fn deed(deed: Deed) -> DeedView {
    let Deed { number, at, actor, action, status } = deed;
    DeedView { number, at: shown(at), actor, action, status }
}

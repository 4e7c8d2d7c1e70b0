use std::io::Write;

use serde_json::{Value, json};
use tollgate_store::{Revocation, Revoked};

use super::{Session, StoreCommandFailed};
use crate::cli::store::{ListArgs, RevokeArgs, RevokedArgs, TokensCommand};
use crate::store::show::{self, cell};
use crate::store::when::{self, shown};

impl<W: Write> Session<'_, W> {
    pub(crate) async fn tokens(mut self, command: TokensCommand) -> Result<(), StoreCommandFailed> {
        match command {
            TokensCommand::Revoke(revoke) => self.revoke(revoke).await,
            TokensCommand::List(list) => self.list_revocations(list).await,
        }
    }

    async fn revoke(&mut self, args: RevokeArgs) -> Result<(), StoreCommandFailed> {
        let RevokeArgs { what, issuer, until } = args;
        let until = until.map(|text| when::time("--until", &text, self.now)).transpose()?;
        // The parser lets exactly one through.
        for what in named(what, &issuer.unwrap_or_default()) {
            self.store.revoke(&what, until, self.now).await?;
            let end =
                until.map_or("for good".to_owned(), |until| format!("until {}", shown(until)));
            writeln!(self.notes, "{} refused {end}", told(&what))?;
        }
        Ok(())
    }

    async fn list_revocations(&mut self, list: ListArgs) -> Result<(), StoreCommandFailed> {
        let revocations = self.store.revocations(self.now).await?;
        if list.json {
            show::json(&revocations.iter().map(to_json).collect(), self.out)?;
            return Ok(());
        }
        let rows = revocations.into_iter().map(|revocation| {
            let (kind, issuer, name) = parts(&revocation.what);
            let (at, until) = (shown(revocation.at), show::time(revocation.until));
            [kind.to_owned(), name.to_owned(), at, until, cell(issuer.map(str::to_owned))]
        });
        Ok(show::table(["WHAT", "NAME", "REVOKED", "UNTIL", "ISSUER"], rows, self.out)?)
    }
}

fn named(args: RevokedArgs, issuer: &str) -> impl Iterator<Item = Revoked> {
    let RevokedArgs { jti, subject, api_key, tenant } = args;
    let issuer = || issuer.to_owned();
    let token = jti.map(|jti| Revoked::Token { issuer: issuer(), jti });
    let subject = subject.map(|subject| Revoked::Subject { issuer: issuer(), subject });
    [token, subject, api_key.map(Revoked::ApiKey), tenant.map(Revoked::Tenant)]
        .into_iter()
        .flatten()
}

fn told(what: &Revoked) -> String {
    match what {
        Revoked::Token { issuer, jti } => format!("token {jti} of {issuer} is"),
        Revoked::Subject { issuer, subject } => {
            format!("tokens of {subject} that {issuer} issued until now are")
        }
        Revoked::ApiKey(id) => format!("API key {id} is"),
        Revoked::Tenant(id) => format!("tokens of tenant {id} that were issued until now are"),
    }
}

fn parts(what: &Revoked) -> (&'static str, Option<&str>, &str) {
    match what {
        Revoked::Token { issuer, jti } => ("token", Some(issuer), jti),
        Revoked::Subject { issuer, subject } => ("subject", Some(issuer), subject),
        Revoked::ApiKey(id) => ("api-key", None, id),
        Revoked::Tenant(id) => ("tenant", None, id),
    }
}

fn to_json(revocation: &Revocation) -> Value {
    let (kind, issuer, name) = parts(&revocation.what);
    json!({
        "what": kind,
        "name": name,
        "issuer": issuer,
        "at": shown(revocation.at),
        "until": revocation.until.map(shown),
    })
}

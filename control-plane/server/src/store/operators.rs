use std::io::Write;

use serde_json::{Value, json};
use tollgate_store::{NewOperator, Operator, OperatorToken};

use super::{Session, StoreCommandFailed, entropy};
use crate::cli::admin::OperatorsCommand;
use crate::cli::store::ListArgs;
use crate::store::show;
use crate::store::when::shown;

impl<W: Write> Session<'_, W> {
    pub(crate) async fn operators(
        self,
        command: OperatorsCommand,
    ) -> Result<(), StoreCommandFailed> {
        match command {
            OperatorsCommand::Create { id, role, site } => {
                let role = role.parse().map_err(StoreCommandFailed::Role)?;
                let token = OperatorToken::generate(entropy()?);
                let sites: Vec<_> = site.iter().map(ToString::to_string).collect();
                let new = NewOperator { id: &id, role, sites: &sites };
                self.store.create_operator(new, &token, self.now).await?;
                if let Err(error) = writeln!(self.out, "{}", token.as_str()) {
                    self.store.revoke_operator(&id, self.now).await?;
                    return Err(error.into());
                }
                writeln!(self.notes, "operator {id} is a {role}")?;
                writeln!(self.notes, "the token is printed this once and not kept: store it now")?;
            }
            OperatorsCommand::List(list) => self.list_operators(list).await?,
            OperatorsCommand::Revoke { id } => {
                self.store.revoke_operator(&id, self.now).await?;
                writeln!(self.notes, "operator {id} is revoked")?;
            }
        }
        Ok(())
    }

    async fn list_operators(self, list: ListArgs) -> Result<(), StoreCommandFailed> {
        let operators = self.store.operators().await?;
        if list.json {
            show::json(&operators.iter().map(to_json).collect(), self.out)?;
            return Ok(());
        }
        let rows = operators.into_iter().map(|one| {
            let ended = show::time(one.revoked_at);
            let sites = if one.sites.is_empty() { "*".to_owned() } else { one.sites.join(" ") };
            [one.id, one.role.to_string(), sites, shown(one.created_at), ended]
        });
        Ok(show::table(["OPERATOR", "ROLE", "SITES", "CREATED", "REVOKED"], rows, self.out)?)
    }
}

fn to_json(operator: &Operator) -> Value {
    let Operator { id, role, sites, created_at, revoked_at } = operator;
    json!({
        "id": id,
        "role": role.to_string(),
        "sites": sites,
        "created_at": shown(*created_at),
        "revoked_at": revoked_at.map(shown),
    })
}

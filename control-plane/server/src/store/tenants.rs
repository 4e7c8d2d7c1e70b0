use std::io::Write;

use serde_json::{Value, json};
use tollgate_store::{ChangeFailed, Factor, Tenant};

use super::{Session, StoreCommandFailed};
use crate::cli::store::{ListArgs, TenantsCommand};
use crate::store::show::{self, cell};
use crate::store::when::{self, shown};

impl<W: Write> Session<'_, W> {
    pub(crate) async fn tenants(
        mut self,
        command: TenantsCommand,
    ) -> Result<(), StoreCommandFailed> {
        match command {
            TenantsCommand::Create { id, tier } => {
                self.store.create_tenant(&id, tier.as_deref(), self.now).await?;
                writeln!(self.notes, "tenant {id} is created")?;
            }
            TenantsCommand::List(list) => self.list_tenants(list).await?,
            TenantsCommand::Show { id, list } => self.show_tenant(id, list).await?,
            TenantsCommand::SetTier { id, tier } => {
                self.store.set_tier(&id, tier.as_deref()).await?;
                match tier {
                    Some(tier) => writeln!(self.notes, "tenant {id} has tier {tier}")?,
                    None => writeln!(self.notes, "tenant {id} has no tier")?,
                }
            }
            TenantsCommand::Suspend { id } => {
                self.store.suspend(&id, true).await?;
                writeln!(self.notes, "tenant {id} is suspended")?;
            }
            TenantsCommand::Resume { id } => {
                self.store.suspend(&id, false).await?;
                writeln!(self.notes, "tenant {id} is back")?;
            }
            TenantsCommand::Uplift { id, factor: Some(factor), r#for: Some(span), end: false } => {
                self.uplift(&id, &factor, &span).await?;
            }
            TenantsCommand::Uplift { id, .. } => {
                self.store.end_uplift(&id, self.now).await?;
                writeln!(self.notes, "tenant {id} has its usual limits again")?;
            }
            TenantsCommand::Override { id, tier, factor } => {
                self.set_override(&id, tier.as_deref(), factor.as_deref()).await?;
            }
            TenantsCommand::Delete { id } => {
                let keys = self.store.delete_tenant(&id, self.now).await?;
                writeln!(self.notes, "tenant {id} is deleted, and {keys} of its API keys revoked")?;
            }
        }
        Ok(())
    }

    async fn uplift(
        &mut self,
        id: &str,
        factor: &str,
        span: &str,
    ) -> Result<(), StoreCommandFailed> {
        let factor: Factor = factor.parse()?;
        let until = self.now.plus(when::span("--for", span)?);
        self.store.uplift(id, factor, until, self.now).await?;
        writeln!(self.notes, "tenant {id} has {factor} times its limits until {}", shown(until))?;
        Ok(())
    }

    async fn set_override(
        &mut self,
        id: &str,
        tier: Option<&str>,
        factor: Option<&str>,
    ) -> Result<(), StoreCommandFailed> {
        let factor: Option<Factor> = factor.map(str::parse).transpose()?;
        self.store.set_override(id, tier, factor, self.now).await?;
        let tier = tier.map(|tier| format!("the limits of tier {tier}"));
        let factor = factor.map(|factor| format!("{factor} times its limits"));
        let gets: Vec<String> = [tier, factor].into_iter().flatten().collect();
        if gets.is_empty() {
            writeln!(self.notes, "tenant {id} has the limits that are configured")?;
        } else {
            writeln!(self.notes, "tenant {id} has {}", gets.join(", "))?;
        }
        Ok(())
    }

    async fn list_tenants(&mut self, list: ListArgs) -> Result<(), StoreCommandFailed> {
        let tenants = self.store.tenants().await?;
        if list.json {
            show::json(&tenants.iter().map(to_json).collect(), self.out)?;
        } else {
            let rows = tenants.into_iter().map(|tenant| {
                [tenant.id.clone(), state(&tenant), cell(tenant.tier), shown(tenant.created_at)]
            });
            show::table(["TENANT", "STATE", "TIER", "CREATED"], rows, self.out)?;
        }
        Ok(())
    }

    async fn show_tenant(&mut self, id: String, list: ListArgs) -> Result<(), StoreCommandFailed> {
        let Some(tenant) = self.store.tenant(&id).await? else {
            return Err(ChangeFailed::UnknownTenant(id).into());
        };
        if list.json {
            show::json(&to_json(&tenant), self.out)?;
            return Ok(());
        }
        let overrides = self.store.overrides(self.now).await?;
        let own = overrides.into_iter().find(|own| own.tenant == id).unwrap_or_default();
        let keys = self.store.keys(Some(&id)).await?;
        let valid = keys.iter().filter(|key| key.is_valid(self.now)).count();
        writeln!(self.out, "tenant:   {id}")?;
        writeln!(self.out, "state:    {}", state(&tenant))?;
        writeln!(self.out, "tier:     {}", cell(tenant.tier))?;
        writeln!(self.out, "created:  {}", shown(tenant.created_at))?;
        if let Some(tier) = own.tier {
            writeln!(self.out, "instead:  tier {tier}")?;
        }
        if let Some(factor) = own.factor {
            writeln!(self.out, "limits:   {factor} times what is configured")?;
        }
        if let Some((factor, until)) = own.uplift {
            writeln!(self.out, "uplift:   {factor} times until {}", shown(until))?;
        }
        writeln!(self.out, "API keys: {valid} valid of {}", keys.len())?;
        Ok(())
    }
}

fn state(tenant: &Tenant) -> String {
    if tenant.suspended { "suspended" } else { "active" }.to_owned()
}

fn to_json(tenant: &Tenant) -> Value {
    json!({
        "id": tenant.id,
        "tier": tenant.tier,
        "suspended": tenant.suspended,
        "created_at": shown(tenant.created_at),
    })
}

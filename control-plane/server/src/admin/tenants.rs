//! Tenants of the store, and their API keys.

use tollgate_store::{ApiKey, KeyRecord, NewKey, Tenant};

use super::Admin;
use super::answer::{Answer, Problem};
use super::asked::Asked;
use super::views::{CreatedKey, KeyBody, KeyView, Keys, TenantBody, TenantView, Tenants};
use crate::clock::now;
use crate::store::entropy;
use crate::store::when::{self, shown};

impl Admin {
    pub(super) async fn list_tenants(&self) -> Result<Answer, Problem> {
        let tenants = self.store()?.tenants().await?.into_iter().map(view).collect();
        Ok(Answer::json(200, &Tenants { tenants }))
    }

    pub(super) async fn one_tenant(&self, asked: &Asked) -> Result<Answer, Problem> {
        let tenant = self.tenant(asked.name()).await?;
        let sequence = tenant.sequence;
        Ok(Answer::json(200, &view(tenant)).tagged(sequence))
    }

    pub(super) async fn put_tenant(&self, asked: &Asked) -> Result<Answer, Problem> {
        let TenantBody { tier, suspended } = asked.read()?;
        let (id, store) = (asked.name(), self.store()?);
        let condition = asked.condition()?;
        let _alone = self.edits.lock().await;
        let before = store.tenant(id).await?;
        condition.check(before.as_ref().map_or(0, |tenant| tenant.sequence))?;
        let status = if before.is_none() { 201 } else { 200 };
        match &before {
            None => drop(store.create_tenant(id, tier.as_deref(), now()).await?),
            Some(_) => store.set_tier(id, tier.as_deref()).await?,
        }
        if before.is_some_and(|before| before.suspended) != suspended {
            store.suspend(id, suspended).await?;
        }
        let tenant = self.tenant(id).await?;
        let sequence = tenant.sequence;
        Ok(Answer::json(status, &view(tenant)).tagged(sequence))
    }

    pub(super) async fn delete_tenant(&self, asked: &Asked) -> Result<Answer, Problem> {
        let condition = asked.condition();
        let _alone = self.edits.lock().await;
        let tenant = self.tenant(asked.name()).await?;
        condition?.check(tenant.sequence)?;
        self.store()?.delete_tenant(asked.name(), now()).await?;
        Ok(Answer::nothing())
    }

    pub(super) async fn list_keys(&self, asked: &Asked) -> Result<Answer, Problem> {
        let tenant = self.tenant(asked.name()).await?;
        let keys = self.store()?.keys(Some(&tenant.id)).await?.into_iter().map(key_view).collect();
        Ok(Answer::json(200, &Keys { keys }))
    }

    pub(super) async fn create_key(&self, asked: &Asked) -> Result<Answer, Problem> {
        let KeyBody { id, scopes, tier, expires } = asked.read()?;
        let hasher = self.hasher.as_ref().ok_or_else(Problem::no_store)?;
        let expires = expires.map(|text| when::time("expires", &text, now())).transpose();
        let expires_at = expires.map_err(|fault| Problem::unprocessable(fault.to_string()))?;
        let key = ApiKey::generate(entropy().map_err(|_| Problem::unavailable("no randomness"))?);
        let new = NewKey { id, tenant: asked.name().to_owned(), scopes, tier, expires_at };
        let record = self.store()?.create_key(new, &key, hasher, now()).await?;
        let key = key.as_str().to_owned();
        Ok(Answer::json(201, &CreatedKey { key, record: key_view(record) }))
    }

    pub(super) async fn revoke_key(&self, asked: &Asked) -> Result<Answer, Problem> {
        self.store()?.revoke_key(asked.name(), now()).await?;
        Ok(Answer::nothing())
    }

    async fn tenant(&self, id: &str) -> Result<Tenant, Problem> {
        let found = self.store()?.tenant(id).await?;
        found.ok_or_else(|| Problem::not_found(format!("tenant {id:?} is not in the store")))
    }
}

fn view(tenant: Tenant) -> TenantView {
    let Tenant { id, tier, suspended, created_at, .. } = tenant;
    TenantView { id, tier, suspended, created_at: shown(created_at) }
}

fn key_view(record: KeyRecord) -> KeyView {
    let state = record.state(now()).to_string();
    let KeyRecord { id, tenant, hint, scopes, tier, created_at, expires_at, .. } = record;
    let (created_at, expires_at) = (shown(created_at), expires_at.map(shown));
    KeyView { id, tenant, hint, state, scopes, tier, created_at, expires_at }
}

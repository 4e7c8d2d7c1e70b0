use std::io::Write;

use serde_json::{Value, json};
use tollgate_core::Timestamp;
use tollgate_store::{ApiKey, ChangeFailed, KeyHasher, KeyRecord, NewKey, Rotation};

use super::{Session, StoreCommandFailed, entropy};
use crate::cli::store::{KeysCommand, ListArgs, NewKeyArgs, RotateArgs, SecretArgs};
use crate::store::show::{self, cell};
use crate::store::when::{self, shown};

impl<W: Write> Session<'_, W> {
    pub(crate) async fn keys(mut self, command: KeysCommand) -> Result<(), StoreCommandFailed> {
        match command {
            KeysCommand::Create(new) => self.create_key(new).await,
            KeysCommand::List { tenant, list } => self.list_keys(tenant.as_deref(), list).await,
            KeysCommand::Rotate(rotation) => self.rotate_key(rotation).await,
            KeysCommand::Revoke { id } => {
                self.store.revoke_key(&id, self.now).await?;
                Ok(writeln!(self.notes, "API key {id} is revoked")?)
            }
        }
    }

    async fn create_key(&mut self, args: NewKeyArgs) -> Result<(), StoreCommandFailed> {
        let NewKeyArgs { tenant, scopes, tier, expires, id, secret } = args;
        let expires = expires.map(|text| when::time("--expires", &text, self.now)).transpose()?;
        let hasher = self.hasher(secret).await?;
        let new = NewKey { id, tenant, scopes, tier, expires_at: expires };
        let key = ApiKey::generate(entropy()?);
        let record = self.store.create_key(new, &key, &hasher, self.now).await?;
        self.hand_over(&key, &record).await
    }

    async fn rotate_key(&mut self, args: RotateArgs) -> Result<(), StoreCommandFailed> {
        let RotateArgs { id, overlap, expires, new_id, secret } = args;
        let overlap = when::span("--overlap", &overlap)?;
        let expires = expires.map(|text| when::time("--expires", &text, self.now)).transpose()?;
        let hasher = self.hasher(secret).await?;
        let rotation = Rotation { overlap, id: new_id.as_deref(), expires_at: expires };
        let key = ApiKey::generate(entropy()?);
        let record = self.store.rotate_key(&id, rotation, &key, &hasher, self.now).await?;
        self.hand_over(&key, &record).await?;
        let end = shown(self.now.plus(overlap));
        Ok(writeln!(self.notes, "API key {id}, which it replaces, works until {end}")?)
    }

    /// Prints the key, alone on its line. Nobody will ever know one that could
    /// not be printed.
    async fn hand_over(
        &mut self,
        key: &ApiKey,
        record: &KeyRecord,
    ) -> Result<(), StoreCommandFailed> {
        let printed = writeln!(self.out, "{}", key.as_str()).and_then(|()| self.out.flush());
        if let Err(error) = printed {
            self.store.revoke_key(&record.id, self.now).await?;
            return Err(StoreCommandFailed::KeyUnshown(error.to_string()));
        }
        let KeyRecord { id, tenant, .. } = record;
        let end = record.valid_until().map_or("it is revoked".to_owned(), shown);
        writeln!(self.notes, "API key {id} of tenant {tenant} works until {end}")?;
        Ok(writeln!(self.notes, "the key is printed this once and not kept: store it now")?)
    }

    async fn list_keys(
        &mut self,
        tenant: Option<&str>,
        list: ListArgs,
    ) -> Result<(), StoreCommandFailed> {
        if let Some(tenant) = tenant
            && self.store.tenant(tenant).await?.is_none()
        {
            return Err(ChangeFailed::UnknownTenant(tenant.to_owned()).into());
        }
        let keys = self.store.keys(tenant).await?;
        let now = self.now;
        if list.json {
            show::json(&keys.iter().map(|key| to_json(key, now)).collect(), self.out)?;
            return Ok(());
        }
        let rows = keys.into_iter().map(|key| {
            let (state, until) = (key.state(now).to_string(), show::time(key.valid_until()));
            let scopes = Some(key.scopes.join(",")).filter(|scopes| !scopes.is_empty());
            let created = shown(key.created_at);
            [
                key.id,
                key.tenant,
                key.hint + "…",
                state,
                created,
                until,
                cell(key.tier),
                cell(scopes),
            ]
        });
        let headings = ["ID", "TENANT", "KEY", "STATE", "CREATED", "UNTIL", "TIER", "SCOPES"];
        Ok(show::table(headings, rows, self.out)?)
    }

    async fn hasher(&self, args: SecretArgs) -> Result<KeyHasher, StoreCommandFailed> {
        let reference = args.key_hash_secret.map(|text| text.parse()).transpose();
        let reference = reference.map_err(StoreCommandFailed::SecretReference)?;
        Ok(self.store.key_hasher(reference.as_ref(), entropy()?).await?)
    }
}

fn to_json(key: &KeyRecord, now: Timestamp) -> Value {
    json!({
        "id": key.id,
        "tenant": key.tenant,
        "hint": key.hint,
        "state": key.state(now).to_string(),
        "scopes": key.scopes,
        "tier": key.tier,
        "created_at": shown(key.created_at),
        "expires_at": key.expires_at.map(shown),
        "revoked_at": key.revoked_at.map(shown),
        "replaced_by": key.replaced_by,
        "overlap_until": key.overlap_until.map(shown),
    })
}

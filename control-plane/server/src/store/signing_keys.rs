use std::fs;
use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tollgate_core::Timestamp;
use tollgate_store::{
    ChangeFailed, NewSigningKey, SecretSeal, SigningAlgorithm, SigningKeyRecord, SigningMaterial,
};

use super::{Session, StoreCommandFailed, entropy};
use crate::cli::signing_keys::{NewSigningKeyArgs, SigningKeysCommand};
use crate::cli::store::{ListArgs, SecretArgs};
use crate::store::show::{self, cell};
use crate::store::when::{self, shown};

/// What the id of a key begins with whose owner did not choose one.
const PREFIX: &str = "sig_";
/// As many letters and digits follow.
const ID_CHARACTERS: usize = 12;

impl<W: Write> Session<'_, W> {
    pub(crate) async fn signing_keys(
        mut self,
        command: SigningKeysCommand,
    ) -> Result<(), StoreCommandFailed> {
        match command {
            SigningKeysCommand::Create(new) => self.create_signing_key(new).await,
            SigningKeysCommand::List { tenant, list } => {
                self.list_signing_keys(tenant.as_deref(), list).await
            }
            SigningKeysCommand::Revoke { id } => {
                self.store.revoke_signing_key(&id, self.now).await?;
                Ok(writeln!(self.notes, "signing key {id} is revoked")?)
            }
        }
    }

    async fn create_signing_key(
        &mut self,
        args: NewSigningKeyArgs,
    ) -> Result<(), StoreCommandFailed> {
        let NewSigningKeyArgs {
            tenant,
            kind,
            algorithm,
            public_key,
            scopes,
            tier,
            expires,
            id,
            secret,
        } = args;
        let kind = kind.parse().map_err(StoreCommandFailed::SigningKind)?;
        let algorithm: SigningAlgorithm = match algorithm {
            Some(name) => name.parse().map_err(StoreCommandFailed::SigningAlgorithm)?,
            None => SigningAlgorithm::default(),
        };
        let expires_at =
            expires.map(|text| when::time("--expires", &text, self.now)).transpose()?;
        let seal = self.seal(secret).await?;
        let material = match &public_key {
            None => SigningMaterial::Secret(URL_SAFE_NO_PAD.encode(entropy()?)),
            Some(path) => match fs::read_to_string(path) {
                Ok(pem) => SigningMaterial::PublicKey(pem),
                Err(error) => {
                    let path = path.display().to_string();
                    return Err(StoreCommandFailed::PublicKey { path, reason: error.to_string() });
                }
            },
        };
        let id = id.map_or_else(made_up, Ok)?;
        let algorithm = algorithm.0;
        let shown = material.clone();
        let new = NewSigningKey { id, tenant, kind, algorithm, material, scopes, tier, expires_at };
        let record = self.store.create_signing_key(new, &seal, self.now).await?;
        self.show_signing_key(&shown, &record).await
    }

    /// Prints the secret, alone on its line. Nobody could sign with one that
    /// could not be printed.
    async fn show_signing_key(
        &mut self,
        material: &SigningMaterial,
        record: &SigningKeyRecord,
    ) -> Result<(), StoreCommandFailed> {
        let SigningKeyRecord { id, tenant, kind, expires_at, .. } = record;
        if let SigningMaterial::Secret(secret) = material {
            let printed = writeln!(self.out, "{secret}").and_then(|()| self.out.flush());
            if let Err(error) = printed {
                self.store.revoke_signing_key(id, self.now).await?;
                return Err(StoreCommandFailed::SigningKeyUnshown(error.to_string()));
            }
        }
        let end = expires_at.map_or("it is revoked".to_owned(), shown);
        writeln!(self.notes, "signing key {id} ({kind}) of tenant {tenant} works until {end}")?;
        match material {
            SigningMaterial::Secret(_) => {
                writeln!(
                    self.notes,
                    "the secret is printed this once and kept sealed: store it now"
                )?;
            }
            SigningMaterial::PublicKey(_) => {
                writeln!(self.notes, "its private key stays with its owner")?;
            }
        }
        Ok(())
    }

    async fn list_signing_keys(
        &mut self,
        tenant: Option<&str>,
        list: ListArgs,
    ) -> Result<(), StoreCommandFailed> {
        if let Some(tenant) = tenant
            && self.store.tenant(tenant).await?.is_none()
        {
            return Err(ChangeFailed::UnknownTenant(tenant.to_owned()).into());
        }
        let keys = self.store.signing_keys(tenant).await?;
        let now = self.now;
        if list.json {
            show::json(&keys.iter().map(|key| to_json(key, now)).collect(), self.out)?;
            return Ok(());
        }
        let rows = keys.into_iter().map(|key| {
            let (state, until) = (key.state(now).to_string(), show::time(key.expires_at));
            let scopes = Some(key.scopes.join(",")).filter(|scopes| !scopes.is_empty());
            let tier = cell(key.tier);
            [key.id, key.tenant, key.kind, key.algorithm, state, until, tier, cell(scopes)]
        });
        let headings = ["ID", "TENANT", "KIND", "ALGORITHM", "STATE", "UNTIL", "TIER", "SCOPES"];
        Ok(show::table(headings, rows, self.out)?)
    }

    async fn seal(&self, args: SecretArgs) -> Result<SecretSeal, StoreCommandFailed> {
        let reference = args.key_hash_secret.map(|text| text.parse()).transpose();
        let reference = reference.map_err(StoreCommandFailed::SecretReference)?;
        Ok(self.store.secret_seal(reference.as_ref(), entropy()?).await?)
    }
}

fn made_up() -> Result<String, StoreCommandFailed> {
    let random = URL_SAFE_NO_PAD.encode(entropy()?);
    let plain = random.chars().filter(char::is_ascii_alphanumeric).take(ID_CHARACTERS);
    Ok(PREFIX.chars().chain(plain).collect())
}

fn to_json(key: &SigningKeyRecord, now: Timestamp) -> Value {
    json!({
        "id": key.id,
        "tenant": key.tenant,
        "kind": key.kind,
        "algorithm": key.algorithm,
        "state": key.state(now).to_string(),
        "scopes": key.scopes,
        "tier": key.tier,
        "created_at": shown(key.created_at),
        "expires_at": key.expires_at.map(shown),
        "revoked_at": key.revoked_at.map(shown),
    })
}

//! The secret under which API keys are hashed and signing keys are sealed.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{env, fmt};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{KeyHasher, SecretSeal, Store, StoreUnavailable};

/// Where a secret is: `env:NAME` or `file:PATH`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SecretReference {
    /// In an environment variable.
    Env(String),
    /// In a file. Blanks and line ends at its end are not part of it.
    File(PathBuf),
}

/// Why a text names no secret. It is not shown: it may be the secret itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("names no secret; write env:NAME or file:PATH")]
pub struct InvalidSecretReference;

/// Why API keys cannot be hashed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum SecretUnavailable {
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
    #[error(
        "a PostgreSQL store keeps no secret beside it; give --key-hash-secret env:NAME or \
         file:PATH"
    )]
    NotGiven,
    #[error("{reference}: cannot be read: {reason}")]
    Unreadable { reference: String, reason: String },
    #[error(
        "{reference}: has {bytes} bytes, and a secret has {BYTES_MIN} to {BYTES_MAX}; make one with \
         `openssl rand -hex 32`"
    )]
    Length { reference: String, bytes: usize },
    #[error("file:{path}: others may read it; `chmod 600` it, and think of whoever may have")]
    Exposed { path: String },
    #[error("file:{path}: cannot be made: {reason}")]
    Unwritable { path: String, reason: String },
    #[error(
        "file:{path}: is missing, and the API keys in the store are hashed under it; restore it \
         from a backup"
    )]
    Lost { path: String },
    #[error(
        "{reference}: is not the secret under which the API keys in the store are hashed; give \
         that one"
    )]
    Other { reference: String },
}

/// As many as are worth the name, and no more than anybody means.
const BYTES_MIN: usize = 32;
const BYTES_MAX: usize = 4096;
/// A little more, so that too much is noticed.
const BYTES_READ: u64 = 8192;

/// What the name of a SQLite store's own secret ends in, after a dot.
const EXTENSION: &str = "key";

// === impl SecretReference ===

impl SecretReference {
    fn uses(&self) -> Result<(KeyHasher, SecretSeal), SecretUnavailable> {
        let secret = match self {
            Self::Env(name) => env::var(name).map(String::into_bytes).map_err(|e| e.to_string()),
            Self::File(path) => read(path).map_err(|error| error.to_string()),
        };
        let reference = self.to_string();
        let secret = match secret {
            Ok(secret) => secret,
            Err(reason) => return Err(SecretUnavailable::Unreadable { reference, reason }),
        };
        let secret = secret.trim_ascii_end();
        let is_one = (BYTES_MIN..=BYTES_MAX).contains(&secret.len());
        let hasher = is_one.then(|| KeyHasher::new(secret).ok()).flatten();
        let hasher = hasher.ok_or(SecretUnavailable::Length { reference, bytes: secret.len() });
        hasher.map(|hasher| (hasher, SecretSeal::new(secret)))
    }
}

impl FromStr for SecretReference {
    type Err = InvalidSecretReference;

    fn from_str(text: &str) -> Result<Self, InvalidSecretReference> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err(InvalidSecretReference),
        }
    }
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut secret = Vec::new();
    File::open(path)?.take(BYTES_READ).read_to_end(&mut secret)?;
    Ok(secret)
}

// === impl Store ===

impl Store {
    /// The hasher of this store's API keys, under the secret that `reference`
    /// names. Without one, that is the file beside a SQLite store, which is made
    /// from `entropy` when the store is new.
    pub async fn key_hasher(
        &self,
        reference: Option<&SecretReference>,
        entropy: [u8; 32],
    ) -> Result<KeyHasher, SecretUnavailable> {
        self.secret(reference, entropy).await.map(|(hasher, _)| hasher)
    }

    /// What this store's secrets are sealed with, under the same secret.
    pub async fn secret_seal(
        &self,
        reference: Option<&SecretReference>,
        entropy: [u8; 32],
    ) -> Result<SecretSeal, SecretUnavailable> {
        self.secret(reference, entropy).await.map(|(_, seal)| seal)
    }

    async fn secret(
        &self,
        reference: Option<&SecretReference>,
        entropy: [u8; 32],
    ) -> Result<(KeyHasher, SecretSeal), SecretUnavailable> {
        let beside;
        let reference = if let Some(reference) = reference {
            reference
        } else {
            beside = self.secret_beside(entropy).await?;
            &beside
        };
        let (hasher, seal) = reference.uses()?;
        if self.recognises(&hasher).await? {
            Ok((hasher, seal))
        } else {
            Err(SecretUnavailable::Other { reference: reference.to_string() })
        }
    }

    async fn secret_beside(&self, entropy: [u8; 32]) -> Result<SecretReference, SecretUnavailable> {
        let mut path = self.address.path().ok_or(SecretUnavailable::NotGiven)?.to_owned();
        path.add_extension(EXTENSION);
        // Asked before the file is looked for: it is there before it is used.
        let is_used = self.check().await?.is_some();
        let shown = || path.display().to_string();
        match fs::metadata(&path) {
            Ok(file) if file.permissions().mode() & 0o077 != 0 => {
                Err(SecretUnavailable::Exposed { path: shown() })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_used => {
                Err(SecretUnavailable::Lost { path: shown() })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(&path, entropy).map_err(|error| SecretUnavailable::Unwritable {
                    path: shown(),
                    reason: error.to_string(),
                })?;
                Ok(SecretReference::File(path))
            }
            // Whatever else is wrong with it shows when it is read.
            _ => Ok(SecretReference::File(path)),
        }
    }

    /// Whether this is the secret of this store. The first that is used becomes it.
    async fn recognises(&self, hasher: &KeyHasher) -> Result<bool, StoreUnavailable> {
        let check = hasher.check().0;
        if self.check().await?.is_none() {
            sqlx::query("UPDATE store SET secret_check = $1 WHERE secret_check IS NULL")
                .bind(check.as_str())
                .execute(&self.pool)
                .await?;
        }
        Ok(self.check().await? == Some(check))
    }

    async fn check(&self) -> Result<Option<String>, StoreUnavailable> {
        sqlx::query_scalar("SELECT secret_check FROM store")
            .fetch_one(&self.pool)
            .await
            .map_err(StoreUnavailable::from)
    }
}

/// Makes a file that only its owner can read, whole or not at all. If another
/// has just made it, that one counts.
fn create(path: &Path, entropy: [u8; 32]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(draft, "{}", URL_SAFE_NO_PAD.encode(entropy))?;
    draft.as_file().sync_all()?;
    match draft.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => File::open(folder)?.sync_all(),
    }
}

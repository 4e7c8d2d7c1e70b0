//! What can be typed about the keys that requests are signed with.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::store::{ListArgs, SecretArgs, StoreArgs};

/// Something about signing keys.
#[derive(Args, Debug)]
pub struct SigningKeysArgs {
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: SigningKeysCommand,
}

/// What can be done about signing keys.
#[derive(Debug, Subcommand)]
pub enum SigningKeysCommand {
    /// Make a secret and print it, once, or take over a public key.
    Create(#[command(flatten)] NewSigningKeyArgs),
    /// List signing keys, which never shows a secret.
    List {
        /// Those of this tenant only.
        #[arg(long)]
        tenant: Option<String>,
        /// How they are printed.
        #[command(flatten)]
        list: ListArgs,
    },
    /// End a signing key.
    Revoke {
        /// Its id.
        id: String,
    },
}

/// What a new signing key is like.
#[derive(Args, Debug)]
pub struct NewSigningKeyArgs {
    /// Whose it is.
    #[arg(long)]
    pub tenant: String,
    /// The way of signing that it is for: `hmac`, `sigv4` or `http-signature`.
    #[arg(long)]
    pub kind: String,
    /// The algorithm of a public key (RFC 9421, section 6.2), `ed25519` for
    /// example. Without one, the key is a secret.
    #[arg(long, requires = "public_key")]
    pub algorithm: Option<String>,
    /// The file with the public key, in PEM; the private one stays with its owner.
    #[arg(long, value_name = "FILE", requires = "algorithm")]
    pub public_key: Option<PathBuf>,
    /// What a caller with it may do, divided by commas.
    #[arg(long, value_delimiter = ',')]
    pub scopes: Vec<String>,
    /// The tier whose limits apply instead of the tenant's.
    #[arg(long)]
    pub tier: Option<String>,
    /// When it ends by itself: `90d`, or a time. Never without it.
    #[arg(long, value_name = "WHEN")]
    pub expires: Option<String>,
    /// The id that callers name it by; made up without it.
    #[arg(long)]
    pub id: Option<String>,
    /// Where the secret is.
    #[command(flatten)]
    pub secret: SecretArgs,
}

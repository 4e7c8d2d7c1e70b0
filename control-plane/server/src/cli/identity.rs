//! What can be typed about who answers for tokens and API keys.

use std::net::SocketAddr;

use clap::Args;

use crate::cli::store::SecretArgs;

/// Who answers the gateways' questions about tokens and API keys.
#[derive(Args, Clone, Debug)]
pub struct IdentityArgs {
    /// The store of tenants and API keys: `sqlite:PATH`, or
    /// `postgres://USER@HOST/DATABASE` with the password in `PGPASSWORD` or a
    /// passfile. Without it, `sqlite:tollgate.db` if that is there.
    // Text until it is opened: a refusal by the parser would show a password.
    #[arg(long, value_name = "STORE", env = "TOLLGATE_STORE", hide_env_values = true)]
    pub store: Option<String>,

    /// Where the secret is under which the store's API keys are hashed.
    #[command(flatten)]
    pub key_hash: SecretArgs,

    /// Where gateways ask about tokens and API keys.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:18002")]
    pub introspection: SocketAddr,

    /// The secret by which gateways are recognised that ask there: `env:NAME` or
    /// `file:PATH`. Several control planes of the same gateways need the same;
    /// without it, it is another one at every start.
    #[arg(
        long,
        value_name = "REFERENCE",
        env = "TOLLGATE_IDENTITY_SECRET",
        hide_env_values = true
    )]
    pub identity_secret: Option<String>,

    /// Where backends read the public keys of the tokens that tell them who is
    /// calling (`identity.backend_token`): `http://ADDRESS/.well-known/jwks.json`.
    /// Without it they cannot.
    #[arg(long, value_name = "ADDRESS")]
    pub jwks: Option<SocketAddr>,

    /// A Redis or Valkey in which control planes share what providers said of
    /// tokens: `redis://[USER:PASSWORD@]HOST:PORT[/DATABASE]`, or `rediss://`.
    #[arg(long, value_name = "URL", env = "TOLLGATE_CACHE", hide_env_values = true)]
    pub cache: Option<String>,

    /// The secret with which that is sealed: `env:NAME` or `file:PATH`.
    #[arg(long, value_name = "REFERENCE", env = "TOLLGATE_CACHE_SECRET", hide_env_values = true)]
    pub cache_secret: Option<String>,

    /// A file with certificates in PEM that are trusted for it instead of the
    /// public ones.
    #[arg(long, value_name = "PATH", requires = "cache")]
    pub cache_ca: Option<std::path::PathBuf>,
}

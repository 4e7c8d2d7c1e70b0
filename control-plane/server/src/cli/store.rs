//! What can be typed about the store.

use clap::{Args, Subcommand};

/// Where the store is.
#[derive(Args, Debug)]
pub struct StoreArgs {
    /// The store: `sqlite:PATH`, or `postgres://USER@HOST/DATABASE` with the
    /// password in `PGPASSWORD` or a passfile.
    // Text until the command runs: a refusal by the parser would show a password.
    #[arg(
        long,
        global = true,
        value_name = "STORE",
        env = "TOLLGATE_STORE",
        hide_env_values = true,
        default_value = "sqlite:tollgate.db"
    )]
    pub store: String,
}

/// Where the secret is under which API keys are hashed.
#[derive(Args, Clone, Debug)]
pub struct SecretArgs {
    /// The secret under which API keys are hashed: `env:NAME` or `file:PATH`.
    /// A SQLite store has a file of its own beside it; a PostgreSQL store needs
    /// this, the same for everyone who uses it.
    #[arg(
        long,
        value_name = "REFERENCE",
        env = "TOLLGATE_KEY_HASH_SECRET",
        hide_env_values = true
    )]
    pub key_hash_secret: Option<String>,
}

/// How a list is printed.
#[derive(Args, Clone, Copy, Debug)]
pub struct ListArgs {
    /// Print JSON, for programs.
    #[arg(long)]
    pub json: bool,
}

/// Something about tenants.
#[derive(Args, Debug)]
pub struct TenantsArgs {
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: TenantsCommand,
}

/// What can be done about tenants.
#[derive(Debug, Subcommand)]
pub enum TenantsCommand {
    /// Add a tenant.
    Create {
        /// Its id, as tokens call it.
        id: String,
        /// The tier whose limits apply to it.
        #[arg(long)]
        tier: Option<String>,
    },
    /// List all tenants.
    List(#[command(flatten)] ListArgs),
    /// Show one tenant.
    Show {
        /// Its id.
        id: String,
        /// How it is printed.
        #[command(flatten)]
        list: ListArgs,
    },
    /// Move a tenant to another tier.
    SetTier {
        /// Its id.
        id: String,
        /// The tier whose limits apply to it; none without it.
        tier: Option<String>,
    },
    /// Turn a tenant's callers away, whatever they show.
    Suspend {
        /// Its id.
        id: String,
    },
    /// Let a suspended tenant's callers in again.
    Resume {
        /// Its id.
        id: String,
    },
    /// Raise a tenant's limits for a while, at every gateway within a second or
    /// two. Counts of a day, a month or in total stay as they are.
    Uplift {
        /// Its id, which need not be in the store.
        id: String,
        /// How many times as much it gets: `5`, `1.5`.
        #[arg(long, value_name = "TIMES", required_unless_present = "end")]
        factor: Option<String>,
        /// For how long: `1h`, `30m`.
        #[arg(long, value_name = "SPAN", required_unless_present = "end")]
        r#for: Option<String>,
        /// End it now.
        #[arg(long, conflicts_with_all = ["factor", "for"])]
        end: bool,
    },
    /// Give a tenant other limits than are configured, until further notice;
    /// without options, those that are configured.
    Override {
        /// Its id, which need not be in the store.
        id: String,
        /// The tier whose limits apply to it, whatever its callers show.
        #[arg(long)]
        tier: Option<String>,
        /// How many times its limits are what is configured: `2`, `0.5`. Counts
        /// of a day, a month or in total stay as they are.
        #[arg(long, value_name = "TIMES")]
        factor: Option<String>,
    },
    /// Take a tenant away and revoke its API keys.
    Delete {
        /// Its id.
        id: String,
    },
}

/// Something about API keys.
#[derive(Args, Debug)]
pub struct KeysArgs {
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: KeysCommand,
}

/// What can be done about API keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make an API key and print it, once: it is not kept.
    Create(#[command(flatten)] NewKeyArgs),
    /// List API keys, which never shows a key itself.
    List {
        /// Those of this tenant only.
        #[arg(long)]
        tenant: Option<String>,
        /// How they are printed.
        #[command(flatten)]
        list: ListArgs,
    },
    /// Make an API key that takes the place of another, and print it, once.
    Rotate(#[command(flatten)] RotateArgs),
    /// End an API key at once.
    Revoke {
        /// Its id.
        id: String,
    },
}

/// What a new API key is like.
#[derive(Args, Debug)]
pub struct NewKeyArgs {
    /// Whose it is.
    #[arg(long)]
    pub tenant: String,
    /// What a caller with it may do, divided by commas.
    #[arg(long, value_delimiter = ',')]
    pub scopes: Vec<String>,
    /// The tier whose limits apply instead of the tenant's.
    #[arg(long)]
    pub tier: Option<String>,
    /// When it ends by itself: `90d`, or a time. Never without it.
    #[arg(long, value_name = "WHEN")]
    pub expires: Option<String>,
    /// Its public name, which logs show; made up without it.
    #[arg(long)]
    pub id: Option<String>,
    /// Where the secret is.
    #[command(flatten)]
    pub secret: SecretArgs,
}

/// How an API key takes another's place.
#[derive(Args, Debug)]
pub struct RotateArgs {
    /// The id of the old one.
    pub id: String,
    /// How long the old one goes on to work.
    #[arg(long, value_name = "SPAN", default_value = "24h")]
    pub overlap: String,
    /// When the new one ends by itself: `90d`, or a time. Without it, it lives
    /// as long as the old one was meant to.
    #[arg(long, value_name = "WHEN")]
    pub expires: Option<String>,
    /// The public name of the new one; made up without it.
    #[arg(long, value_name = "ID")]
    pub new_id: Option<String>,
    /// Where the secret is.
    #[command(flatten)]
    pub secret: SecretArgs,
}

/// Something about tokens and their revocation.
#[derive(Args, Debug)]
pub struct TokensArgs {
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: TokensCommand,
}

/// What can be done about tokens.
#[derive(Debug, Subcommand)]
pub enum TokensCommand {
    /// Have gateways refuse something that looks good.
    Revoke(#[command(flatten)] RevokeArgs),
    /// List what is refused.
    List(#[command(flatten)] ListArgs),
}

/// What is refused.
#[derive(Args, Debug)]
pub struct RevokeArgs {
    /// What exactly.
    #[command(flatten)]
    pub what: RevokedArgs,
    /// The exact value of the `iss` claim.
    #[arg(long, conflicts_with_all = ["api_key", "tenant"])]
    pub issuer: Option<String>,
    /// When it may be forgotten: the token's `exp`, `30d`, or a time. Never
    /// without it.
    #[arg(long, value_name = "WHEN")]
    pub until: Option<String>,
}

/// What exactly is refused.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct RevokedArgs {
    /// The token with this `jti`.
    #[arg(long, requires = "issuer")]
    pub jti: Option<String>,
    /// All tokens of this `sub` that were issued until now.
    #[arg(long, requires = "issuer")]
    pub subject: Option<String>,
    /// The API key with this id, of the store or of a configuration file.
    #[arg(long, value_name = "ID")]
    pub api_key: Option<String>,
    /// All tokens of this tenant that were issued until now.
    #[arg(long, value_name = "ID")]
    pub tenant: Option<String>,
}

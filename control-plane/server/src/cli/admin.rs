//! What can be typed about the admin API, and what it tells.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use tollgate_model::Site;

use crate::ShownFiles;
use crate::cli::store::{ListArgs, StoreArgs};

/// Where operators ask.
#[derive(Args, Debug)]
pub struct AdminArgs {
    /// Where the admin API is served; by default at 127.0.0.1:18001, if that is
    /// free. An address that other machines reach needs an operator.
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Option<SocketAddr>,

    /// The certificate that it shows, in PEM, so that it is served by HTTPS. Read
    /// again when it changes.
    #[arg(long, value_name = "PATH", requires = "admin_key")]
    pub admin_certificate: Option<PathBuf>,

    /// The key of that certificate, in PEM.
    #[arg(long, value_name = "PATH", requires = "admin_certificate")]
    pub admin_key: Option<PathBuf>,
}

// === impl AdminArgs ===

impl AdminArgs {
    /// Both, or none: the parser saw to it.
    pub(crate) fn shown(&self) -> Option<ShownFiles> {
        let (certificate, key) = self.admin_certificate.clone().zip(self.admin_key.clone())?;
        Some(ShownFiles { certificate, key })
    }
}

/// What each Envoy has.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// Where the admin API is. Given several times, once for each control plane, all
    /// of them are asked: each knows of the Envoys that are connected to it.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:18001")]
    pub admin: Vec<String>,
    /// Where the token is that shows who asks: `env:NAME` or `file:PATH`.
    #[arg(long, value_name = "REFERENCE", env = "TOLLGATE_ADMIN_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// The certificates, in PEM, of those who sign for the admin API, if it is served
    /// by HTTPS and they are not publicly known.
    #[arg(long, value_name = "PATH")]
    pub authorities: Option<PathBuf>,
    /// Wait until this revision, or a newer one, is live on every Envoy. If that
    /// does not come to pass, those that are missing are told, and the exit code is 1.
    #[arg(long, value_name = "REVISION")]
    pub wait: Option<u64>,
    /// How long to wait for that.
    #[arg(long, value_name = "SPAN", default_value = "60s", requires = "wait")]
    pub timeout: String,
    /// Print JSON, for programs.
    #[arg(long)]
    pub json: bool,
}

/// What was published.
#[derive(Args, Debug)]
pub struct HistoryArgs {
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// How many, the newest first.
    #[arg(long, default_value_t = 20)]
    pub limit: u32,
    /// How they are printed.
    #[command(flatten)]
    pub list: ListArgs,
}

/// What is published again.
#[derive(Args, Debug)]
pub struct RollbackArgs {
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The number of the revision, as `tollgate history` tells it.
    pub revision: u64,
    /// Who does it, for the history.
    #[arg(long, env = "USER", default_value = "rollback")]
    pub author: String,
}

/// Something about operators.
#[derive(Args, Debug)]
pub struct OperatorsArgs {
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: OperatorsCommand,
}

/// What can be done about operators.
#[derive(Debug, Subcommand)]
pub enum OperatorsCommand {
    /// Add one, and print its token, once.
    Create {
        /// How the audit log is to call it.
        id: String,
        /// What it may do: `viewer`, `editor` or `admin`.
        #[arg(long)]
        role: String,
        /// Let it write APIs here, and nothing else: a host, and the beginning of
        /// paths, such as `*.shop.example/orders`. It can be given several times.
        #[arg(long, value_name = "SITE")]
        site: Vec<Site>,
    },
    /// List all.
    List(#[command(flatten)] ListArgs),
    /// End one's token.
    Revoke {
        /// Its id.
        id: String,
    },
}

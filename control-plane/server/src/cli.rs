//! What can be typed.

pub mod admin;
pub mod callers;
pub mod identity;
pub mod relay;
pub mod signing_keys;
pub mod store;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::admin::{AdminArgs, HistoryArgs, OperatorsArgs, RollbackArgs, StatusArgs};
use crate::cli::callers::{DiffArgs, ExplainArgs, ImportArgs};
use crate::cli::identity::IdentityArgs;
use crate::cli::relay::{RelayArgs, XdsArgs};
use crate::cli::signing_keys::SigningKeysArgs;
use crate::cli::store::{KeysArgs, TenantsArgs, TokensArgs};
use crate::{LogFormat, Module, Serving};

/// An API gateway's control plane.
///
/// Exits with 0 when all is well, with 1 when something is wrong with the
/// configuration or the machine, with 2 when the command line makes no sense.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Feed Envoys, and follow changes of the configuration.
    Serve(Box<ServeArgs>),

    /// Stand between the control planes and an Envoy on this machine, so that it
    /// can restart while no control plane can be reached.
    Relay(Box<RelayArgs>),

    /// Say whether a control plane serves, by the exit code: for health checks.
    Health {
        /// Where Envoys find it.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:18000")]
        xds: SocketAddr,
    },

    /// Print every fault in a configuration, one a line, or `ok`.
    ///
    /// Asks nobody: key sets named by url are not fetched.
    Check {
        /// A YAML file, or a folder of them.
        config: PathBuf,
    },

    /// Show what a configuration becomes, step by step.
    Translate {
        /// A YAML file, or a folder of them.
        config: PathBuf,
        /// Which step.
        #[arg(long, value_enum)]
        to: Step,
        /// Where the wasm module is.
        #[command(flatten)]
        module: ModuleArgs,
    },

    /// Tell what becomes of one request, stage by stage, without sending it.
    ///
    /// The filters' own code judges it. Nobody is asked: keys that would be fetched,
    /// and those of the store, are not known.
    Explain(ExplainArgs),

    /// Tell what a new configuration changes for callers.
    Diff(DiffArgs),

    /// Make a configuration of an OpenAPI document, 3.0 or 3.1.
    ///
    /// It is printed, and what could not be taken over is told on standard error.
    Import(ImportArgs),

    /// Tell what each Envoy has taken, refused and not answered yet.
    ///
    /// Of the control plane whose admin API is asked.
    Status(StatusArgs),

    /// List what was published: when, by whom, and what it changed for callers.
    History(HistoryArgs),

    /// Publish an older revision again.
    ///
    /// What the admin API had written is written again. Files are left as they are:
    /// those of the revision are served in their place until they change.
    Rollback(RollbackArgs),

    /// Who may use the admin API.
    Operators(OperatorsArgs),

    /// Tenants of the store: their tiers, and whether they may call.
    Tenants(TenantsArgs),

    /// API keys of the store's tenants.
    Keys(KeysArgs),

    /// Keys that the store's tenants sign requests with.
    SigningKeys(SigningKeysArgs),

    /// Tokens that are refused although they look good.
    Tokens(TokensArgs),

    /// Print the JSON Schema of the configuration, for editors.
    Schema,

    /// Print the reference page of the configuration, in Markdown.
    Reference,
}

/// How to serve.
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// A YAML file, or a folder of them.
    pub config: PathBuf,

    /// Where and how Envoys are served.
    #[command(flatten)]
    pub xds: XdsArgs,

    /// An Envoy that is asked whether it would take what has changed, before any that
    /// serves is told of it. What it would refuse is held back, and the rest goes out.
    #[arg(long, value_name = "PATH", env = "TOLLGATE_ENVOY")]
    pub envoy: Option<PathBuf>,

    /// A folder of its own in which what is served is written down, private keys
    /// included. A control plane that starts without its store, or with a
    /// configuration that is not good, serves that until it can do better.
    #[arg(long, value_name = "PATH")]
    pub last_good: Option<PathBuf>,

    /// Who answers for tokens and API keys.
    #[command(flatten)]
    pub identity: IdentityArgs,

    /// Where operators ask.
    #[command(flatten)]
    pub admin: AdminArgs,

    /// Where the wasm module is.
    #[command(flatten)]
    pub module: ModuleArgs,

    /// How log lines look; `RUST_LOG` says how much is logged.
    #[arg(long, value_enum, default_value_t)]
    pub log_format: LogFormat,
}

/// Where the wasm module is.
#[derive(Args, Debug)]
pub struct ModuleArgs {
    /// The wasm module, which Envoy reads from the same path. Symbolic links
    /// are followed.
    #[arg(long, value_name = "PATH", default_value_os_t = module_that_came_along())]
    module: PathBuf,

    /// The whole path of the module where Envoy runs, if that is another
    /// machine. It is passed on as it is, and a new build needs a new path.
    #[arg(long, value_name = "PATH", conflicts_with = "module")]
    module_as: Option<PathBuf>,
}

/// A step of the translation.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Step {
    /// The checked gateway.
    Model,
    /// What Envoy is told.
    Xds,
}

/// In the archive as in a checkout, modules and program lie in folders beside each other.
fn module_that_came_along() -> PathBuf {
    const MODULE: &str = "filters/gateway.wasm";
    let program = std::env::current_exe().ok();
    let beside = program.as_deref().and_then(Path::parent).and_then(Path::parent);
    let beside = beside.map(|folder| folder.join(MODULE)).filter(|module| module.is_file());
    beside.unwrap_or_else(|| Path::new("target").join(MODULE))
}

// === impl ServeArgs ===

impl From<ServeArgs> for Serving {
    fn from(args: ServeArgs) -> Self {
        let ServeArgs { config, xds, envoy, last_good, identity, admin, module, .. } = args;
        let (module, xds) = (module.into(), xds.into());
        Self { config, module, xds, identity, admin, envoy, last_good }
    }
}

// === impl ModuleArgs ===

impl From<ModuleArgs> for Module {
    fn from(ModuleArgs { module, module_as }: ModuleArgs) -> Self {
        module_as.map_or(Self::Here(module), Self::AtEnvoy)
    }
}

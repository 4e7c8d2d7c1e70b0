//! The `tollgate` command.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use tollgate::cli::{Cli, Command, ServeArgs};
use tollgate::commands::{self, is_broken_pipe};
use tollgate::store::{self, StoreCommandFailed};
use tollgate::{serve, start_logging};

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(is_good) => ExitCode::from(u8::from(!is_good)),
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(io::stderr(), "{error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

/// Nobody must believe that a key is out of use that is not.
const STORE_IS_NOT_READ: &str =
    "gateways do not read the store yet: what stands there has no effect on requests";

fn with_store(
    command: impl FnOnce(&mut dyn io::Write) -> Result<(), StoreCommandFailed>,
) -> anyhow::Result<()> {
    let mut notes = io::stderr();
    command(&mut notes)?;
    Ok(writeln!(notes, "{STORE_IS_NOT_READ}")?)
}

fn run(cli: Cli) -> anyhow::Result<bool> {
    let mut out = io::stdout().lock();
    match cli.command {
        Command::Serve(ServeArgs { config, xds, store, module, log_format }) => {
            start_logging(log_format);
            serve(&config, module.into(), xds, store.as_deref())?;
        }
        Command::Check { config } => return Ok(commands::check(&config, &mut out)?),
        Command::Translate { config, to, module } => {
            commands::translate(&config, to, &module.into(), &mut out)?;
        }
        Command::Tenants(args) => with_store(|notes| store::tenants(args, &mut out, notes))?,
        Command::Keys(args) => with_store(|notes| store::keys(args, &mut out, notes))?,
        Command::Tokens(args) => with_store(|notes| store::tokens(args, &mut out, notes))?,
        Command::Schema => commands::schema(&mut out)?,
        Command::Reference => commands::reference(&mut out)?,
    }
    Ok(true)
}

//! The `tollgate` command.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use tollgate::cli::{Cli, Command};
use tollgate::commands::{self, is_broken_pipe};
use tollgate::store;
use tollgate::{health, relay, serve, start_logging, status};

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

fn run(cli: Cli) -> anyhow::Result<bool> {
    let mut out = io::stdout().lock();
    match cli.command {
        Command::Serve(args) => {
            start_logging(args.log_format);
            serve(&(*args).into())?;
        }
        Command::Relay(args) => {
            start_logging(args.log_format);
            relay((*args).into())?;
        }
        Command::Health { xds } => health(xds)?,
        Command::Check { config } => return Ok(commands::check(&config, &mut out)?),
        Command::Translate { config, to, module } => {
            commands::translate(&config, to, &module.into(), &mut out)?;
        }
        Command::Explain(args) => commands::explain(args, &mut out)?,
        Command::Diff(args) => commands::diff(&args, &mut out)?,
        Command::Import(args) => commands::import(args, &mut out, &mut io::stderr())?,
        Command::Status(args) => return Ok(status(&args, &mut out)?),
        Command::History(args) => store::history(args, &mut out, &mut io::stderr())?,
        Command::Rollback(args) => store::rollback(args, &mut out, &mut io::stderr())?,
        Command::Operators(args) => store::operators(args, &mut out, &mut io::stderr())?,
        Command::Tenants(args) => store::tenants(args, &mut out, &mut io::stderr())?,
        Command::Keys(args) => store::keys(args, &mut out, &mut io::stderr())?,
        Command::SigningKeys(args) => store::signing_keys(args, &mut out, &mut io::stderr())?,
        Command::Tokens(args) => store::tokens(args, &mut out, &mut io::stderr())?,
        Command::Schema => commands::schema(&mut out)?,
        Command::Reference => commands::reference(&mut out)?,
    }
    Ok(true)
}

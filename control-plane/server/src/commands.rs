//! The commands that print something and end.

mod callers;

use std::error::Error;
use std::io::{self, Write};
use std::iter::successors;
use std::path::Path;

use tollgate_callers::InvalidRequest;
use tollgate_import::ImportFailed;
use tollgate_model::{Gateway, PrivateKey};
use tollgate_xds::{Deployment, translate as to_snapshot};

pub use self::callers::{diff, explain, import};
use crate::cli::Step;
use crate::clock::now;
use crate::fetch::Bodies;
use crate::load::{Fault, Written};
use crate::{Module, render};

/// Why nothing can be shown of a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShowFailed {
    /// The configuration is not good.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Faults(Vec<Fault>),
    /// The request makes no sense.
    #[error(transparent)]
    Request(#[from] InvalidRequest),
    /// The document cannot be taken over.
    #[error(transparent)]
    Import(#[from] ImportFailed),
    /// It cannot be printed.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// Prints every fault, one a line, or what is not to be forgotten, `ok` and what
/// there is. True if it is ok.
///
/// Faults go to standard output: they are what was asked for.
pub fn check(config: &Path, out: &mut impl Write) -> io::Result<bool> {
    match gateway(config) {
        Ok(gateway) => {
            for notice in gateway.expired(now()).chain(&gateway.notices) {
                writeln!(out, "notice: {notice}")?;
            }
            writeln!(out, "ok: {}", summary(&gateway))?;
            Ok(true)
        }
        Err(faults) => {
            for fault in faults {
                writeln!(out, "{fault}")?;
            }
            Ok(false)
        }
    }
}

/// Prints what a configuration becomes. Secrets are left out, so the versions
/// of what has some are not those that are served.
pub fn translate(
    config: &Path,
    to: Step,
    module: &Module,
    out: &mut impl Write,
) -> Result<(), ShowFailed> {
    let gateway = without_secrets(gateway(config).map_err(ShowFailed::Faults)?);
    match to {
        Step::Model => writeln!(out, "{gateway:#?}")?,
        Step::Xds => {
            let module = module.resolve().map_err(|f| ShowFailed::Faults(vec![f.into()]))?;
            let deployment = Deployment { module, identity: None, sync: None, limits: None };
            let snapshot = to_snapshot(&gateway, &deployment);
            serde_json::to_writer_pretty(&mut *out, &render::snapshot(&snapshot))
                .map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

/// Prints the JSON Schema of the configuration.
pub fn schema(out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &tollgate_model::schema())?;
    writeln!(out)
}

/// Prints the reference page of the configuration.
pub fn reference(out: &mut impl Write) -> io::Result<()> {
    out.write_all(tollgate_model::reference().as_bytes())
}

/// Whether whoever read our output has seen enough: `tollgate schema | head`.
pub fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let causes = successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    causes
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Whatever an url names is taken to be unreachable: nobody is asked.
fn gateway(config: &Path) -> Result<Gateway, Vec<Fault>> {
    Written::read(config)?.compile(&Bodies::new())
}

fn summary(gateway: &Gateway) -> String {
    let apis = gateway.contracts.len();
    let routes = gateway.contracts.values().map(|contract| contract.operations.len()).sum();
    let backends = gateway.backends.len();
    let listeners = gateway.listeners.len();
    [(apis, "API"), (routes, "route"), (backends, "backend"), (listeners, "listener")]
        .map(|(count, what)| counted(count, what))
        .join(", ")
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Members of a JSON Web Key that only its owner may know (RFC 7518, sections
/// 6.2.2, 6.3.2 and 6.4.1).
const PRIVATE_MEMBERS: [&str; 8] = ["k", "d", "p", "q", "dp", "dq", "qi", "oth"];

fn without_secrets(mut gateway: Gateway) -> Gateway {
    let key_sets = gateway.identity.jwt.values_mut().filter_map(|issuer| issuer.jwks.as_mut());
    let keys = key_sets.filter_map(|set| set.get_mut("keys")?.as_array_mut()).flatten();
    for key in keys.filter_map(serde_json::Value::as_object_mut) {
        for member in PRIVATE_MEMBERS {
            if let Some(secret) = key.get_mut(member) {
                *secret = "[redacted]".into();
            }
        }
    }
    for key in gateway.identity.signing_keys.keys.values_mut() {
        key.secret = key.secret.take().map(|_| "[redacted]".to_owned());
    }
    let tls = gateway.listeners.values_mut().filter_map(|listener| listener.tls.as_mut());
    let keys = tls.map(|tls| &mut tls.key);
    let shown = gateway.backends.values_mut().filter_map(|one| one.tls.as_mut()?.client.as_mut());
    let keys = keys.chain(shown.map(|client| &mut client.key));
    keys.for_each(|key| *key = PrivateKey::new(PrivateKey::REDACTED));
    gateway
}

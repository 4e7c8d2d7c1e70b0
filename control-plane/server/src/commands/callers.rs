use std::io::{self, Write};

use serde::Serialize;
use tollgate_callers::{Request, diff as differences, explain as explained};

use tollgate_import::{ImportFailed, Imported, Options, import as imported};
use tollgate_model::Source;

use super::{ShowFailed, gateway};
use crate::cli::callers::{DiffArgs, ExplainArgs, ImportArgs};
use crate::clock::now;
use crate::config::read_file;

/// Prints what becomes of a request.
pub fn explain(args: ExplainArgs, out: &mut impl Write) -> Result<(), ShowFailed> {
    let ExplainArgs { config, method, url, headers, data, from, json } = args;
    let gateway = gateway(&config).map_err(ShowFailed::Faults)?;
    let request = Request { method, url, headers, body: data.into_bytes(), from, at: now() };
    let explanation = explained(&gateway, &request)?;
    if json {
        print_json(&explanation, out)?;
    } else {
        write!(out, "{explanation}")?;
    }
    Ok(())
}

/// Prints what changes for callers.
pub fn diff(args: &DiffArgs, out: &mut impl Write) -> Result<(), ShowFailed> {
    let DiffArgs { old, new, json } = args;
    let old = gateway(old).map_err(ShowFailed::Faults)?;
    let new = gateway(new).map_err(ShowFailed::Faults)?;
    let differences = differences(&old, &new);
    if *json {
        print_json(&differences, out)?;
    } else {
        write!(out, "{differences}")?;
    }
    Ok(())
}

/// Prints what is made of a document, and beside it what could not be.
pub fn import(
    args: ImportArgs,
    out: &mut impl Write,
    notes: &mut impl Write,
) -> Result<(), ShowFailed> {
    let ImportArgs { document, name, hosts, backend, issuer, audience } = args;
    let bytes = read_file(&document).map_err(|fault| ShowFailed::Faults(vec![fault.into()]))?;
    let source = Source { name: document.display().to_string(), bytes };
    let options = Options { name, hosts, backend, issuer, audience };
    let imported = imported(&source, &options);
    if let Ok(Imported { notices, .. }) | Err(ImportFailed::Nothing(_, notices)) = &imported {
        for notice in notices {
            writeln!(notes, "notice: {notice}")?;
        }
    }
    out.write_all(imported?.text.as_bytes())?;
    Ok(())
}

fn print_json(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

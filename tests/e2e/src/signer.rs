use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// What others make of a list of requests or of claims: `tests/signer.py` says what
/// it takes and gives. It must be there: `make signers`.
pub fn signed(wanted: &Value) -> Result<Value> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../../.tools/signers/bin/python");
    ensure!(python.exists(), "run `make signers` first: {} is missing", python.display());
    let mut child = Command::new(python)
        .arg(here.join("tests/signer.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("no pipe")?.write_all(wanted.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{wanted}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

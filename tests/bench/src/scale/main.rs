//! What very many routes cost: what `make bench-scale` runs.
//!
//! A real control plane and a real Envoy with 100 operations for each API. Files
//! change, as an editor would change them, and times run from there.
//! So does one object by the admin API, beside them, up to `SCALE_BY_API_APIS` APIs.
//! `SCALE_APIS` are the sizes, `SCALE_CHANGES` how many changes there are at each,
//! `SCALE_CLIENTS` how many clients are simulated, at the sizes up to `SCALE_CLIENTS_APIS`.

#![expect(clippy::print_stdout, reason = "people read it")]

mod by_api;
mod fleet;
mod run;
mod table;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tollgate_support::Built;

const OUTPUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/bench");

#[tokio::main]
async fn main() -> Result<()> {
    let built = Built::find()?;
    let sizes = numbers("SCALE_APIS", "10,100,1000,10000")?;
    let changes = numbers("SCALE_CHANGES", "100")?.into_iter().next().unwrap_or(100);
    let clients = numbers("SCALE_CLIENTS", "200")?.into_iter().next().unwrap_or(200);
    let with_clients = numbers("SCALE_CLIENTS_APIS", "100")?.into_iter().max().unwrap_or(0);
    let by_api = numbers("SCALE_BY_API_APIS", "1000")?.into_iter().max().unwrap_or(0);
    let mut runs = Vec::new();
    for apis in sizes {
        let clients = if apis <= with_clients { clients } else { 0 };
        let run = run::measure(&built, apis, run::Asked { changes, clients, by_api }).await?;
        println!("{run:#}");
        runs.push(run);
        write(&json!({ "machine": machine(), "versions": versions(&built), "runs": runs }))?;
    }
    println!("written to target/bench/scale.json");
    Ok(())
}

fn numbers(variable: &str, default: &str) -> Result<Vec<usize>> {
    let text = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    let numbers = text.split(',').map(|number| Ok(number.trim().parse()?));
    numbers.collect::<Result<_>>().with_context(|| format!("{variable}: {text:?}"))
}

fn write(report: &Value) -> Result<()> {
    fs::create_dir_all(OUTPUT)?;
    Ok(fs::write(Path::new(OUTPUT).join("scale.json"), format!("{report:#}\n"))?)
}

fn machine() -> Value {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split(':').nth(1).unwrap_or_default().trim().to_owned()
    };
    json!({
        "cpu": field("/proc/cpuinfo", "model name"),
        "cpus": std::thread::available_parallelism().map_or(0, usize::from),
        "memory": field("/proc/meminfo", "MemTotal"),
        "load": fs::read_to_string("/proc/loadavg").unwrap_or_default().trim(),
    })
}

fn versions(built: &Built) -> Value {
    let version = |program: &Path| {
        let done = std::process::Command::new(program).arg("--version").output();
        let text = done.map(|done| String::from_utf8_lossy(&done.stdout).trim().to_owned());
        text.unwrap_or_default()
    };
    json!({ "tollgate": version(&built.tollgate), "envoy": version(&built.envoy) })
}

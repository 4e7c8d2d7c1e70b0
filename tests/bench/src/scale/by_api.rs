//! Changes of one object by the admin API, beside very many routes in files.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tollgate_support::{Answer, Built, Call, Envoy};

use crate::run::{Serving, at, ms, now, reached, received};
use crate::table::{Table, object, path_of};

/// So many objects change in turn.
const OBJECTS: usize = 10;

pub(crate) async fn measure(
    built: &Built,
    table: &Table,
    listener: SocketAddr,
    changes: usize,
) -> Result<Value> {
    let folder = tempfile::tempdir()?;
    let store = format!("sqlite:{}", folder.path().join("tollgate.db").display());
    let made = std::process::Command::new(&built.tollgate)
        .args(["tenants", "create", "acme", "--store", &store])
        .output()?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let Serving { process, xds, admin, .. } = Serving::start(built, table, Some(&store)).await?;
    let mut envoy = Envoy::start(&built.envoy, xds)?;
    envoy.ready().await.with_context(|| process.tail())?;
    let mut tags: Vec<String> = Vec::new();
    for number in 0..OBJECTS {
        let name = name(number);
        let made = put(admin, &name, ("if-none-match", "*"), "0").await?;
        tags.push(tag(&made)?);
        reached(listener, &path_of(&name), "0", now()).await?;
    }
    let (before, bytes) = (process.usage()?.cpu, received(&envoy).await?);
    let (mut live, mut answered) = (Vec::new(), Vec::new());
    for change in 1..=changes {
        let number = change.checked_rem(OBJECTS).unwrap_or_default();
        let (name, revision) = (name(number), change.to_string());
        let known = tags.get_mut(number).context("there is no such object")?;
        let start = now();
        let answer = put(admin, &name, ("if-match", known), &revision).await?;
        answered.push(start.elapsed());
        *known = tag(&answer)?;
        live.push(reached(listener, &path_of(&name), &revision, start).await?);
    }
    let spent = process.usage()?.cpu.saturating_sub(before);
    let bytes = received(&envoy).await?.saturating_sub(bytes);
    let each = |total: f64| total / f64::from(u32::try_from(changes.max(1)).unwrap_or(u32::MAX));
    live.sort();
    answered.sort();
    Ok(json!({
        "changes": changes,
        "answered_ms_p50": ms(at(&answered, 50)),
        "answered_ms_p99": ms(at(&answered, 99)),
        "live_ms_p50": ms(at(&live, 50)),
        "live_ms_p99": ms(at(&live, 99)),
        "bytes_sent": each(u32::try_from(bytes)?.into()),
        "control_plane_cpu_ms": each(ms(spent)),
    }))
}

fn name(number: usize) -> String {
    format!("object-{number}")
}

async fn put(
    admin: SocketAddr,
    name: &str,
    condition: (&str, &str),
    revision: &str,
) -> Result<Answer> {
    let call = Call::new("PUT", "localhost", &format!("/v1/apis/{name}"));
    let call = call.header("content-type", "application/json").header(condition.0, condition.1);
    let answer = call.body(object(name, revision).to_string()).send(admin).await?;
    ensure!(answer.status < 300, "{answer:?}");
    Ok(answer)
}

fn tag(answer: &Answer) -> Result<String> {
    Ok(answer.header("etag").context("there is no etag")?.to_owned())
}

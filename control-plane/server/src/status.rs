//! The command that tells what each Envoy has.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use crate::cli::admin::StatusArgs;
use crate::config::read_file;
use crate::secret::{self, UnusableSecret};
use crate::store::when::{self, InvalidWhen};

/// Why the status cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum StatusFailed {
    #[error("--token: {0}")]
    Token(UnusableSecret),
    #[error("--authorities: {0}: cannot be read: {1}")]
    Authorities(String, String),
    #[error(transparent)]
    Timeout(#[from] InvalidWhen),
    #[error("{admin}: no answer: {reason}; is `tollgate serve --admin` there?")]
    NoAnswer { admin: String, reason: String },
    #[error("{admin}: answers {status}: {detail}")]
    Refused { admin: String, status: u16, detail: String },
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
}

#[derive(Deserialize)]
struct Status {
    revision: u64,
    live: usize,
    connected: usize,
    envoys: Vec<Envoy>,
    held: Vec<Resource>,
}

#[derive(Deserialize)]
struct Envoy {
    node: String,
    peer: String,
    revision: Option<u64>,
    state: String,
    pending: Vec<Resource>,
    refused: Vec<Resource>,
}

/// Something that was sent, refused, or is held back.
#[derive(Deserialize)]
struct Resource {
    kind: String,
    name: String,
    origin: String,
    since: String,
    #[serde(default)]
    reason: String,
}

/// How often it is asked while waiting.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// No status is longer.
const BODY_BYTES_MAX: u64 = 64 << 20;

/// Prints what each Envoy has. False if it was waited for a revision, and it is
/// not live everywhere.
pub fn status(args: &StatusArgs, out: &mut impl Write) -> Result<bool, StatusFailed> {
    let timeout = when::span("--timeout", &args.timeout)?;
    let token = args.token.as_deref().map(secret::read).transpose().map_err(StatusFailed::Token)?;
    let (agent, began) = (agent(args)?, Instant::now());
    loop {
        let all = args.admin.iter().map(|admin| Told::by(&agent, admin, token.as_deref()));
        let all = all.collect::<Result<Vec<_>, _>>()?;
        let is_live = args.wait.is_none_or(|wanted| all.iter().all(|told| told.status.has(wanted)));
        if is_live || timeout <= began.elapsed() {
            let missing = args.wait.filter(|_| !is_live);
            all.iter().try_for_each(|told| told.print(args, missing, out))?;
            return Ok(is_live);
        }
        sleep(ASK_EVERY);
    }
}

/// What a control plane says.
struct Told<'a> {
    admin: &'a str,
    text: String,
    status: Status,
}

impl<'a> Told<'a> {
    fn by(agent: &Agent, admin: &'a str, token: Option<&str>) -> Result<Self, StatusFailed> {
        let text = asked(agent, admin, token)?;
        let status = serde_json::from_str(&text).map_err(|error| StatusFailed::NoAnswer {
            admin: admin.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self { admin, text, status })
    }

    /// One line of JSON for each of them, or what people read.
    fn print(
        &self,
        args: &StatusArgs,
        missing: Option<u64>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let Self { admin, text, status } = self;
        if args.json {
            return writeln!(out, "{text}");
        }
        if 1 < args.admin.len() {
            writeln!(out, "{admin}:")?;
        }
        status.print(missing.filter(|wanted| !status.has(*wanted)), out)
    }
}

/// Which believes the authorities that are named, or those that are publicly known.
fn agent(args: &StatusArgs) -> Result<Agent, StatusFailed> {
    let config = Agent::config_builder().timeout_global(Some(PATIENCE));
    let config = config.http_status_as_error(false);
    let Some(path) = &args.authorities else { return Ok(config.build().into()) };
    let failed = |reason: String| StatusFailed::Authorities(path.display().to_string(), reason);
    let pem = read_file(path).map_err(|fault| failed(fault.into_reason()))?;
    let mut authorities = Vec::new();
    for item in parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => authorities.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(failed(error.to_string())),
        }
    }
    let tls = TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(authorities))).build();
    Ok(config.tls_config(tls).build().into())
}

fn asked(agent: &Agent, admin: &str, token: Option<&str>) -> Result<String, StatusFailed> {
    let mut request = agent.get(format!("{}/v1/status", admin.trim_end_matches('/')));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let no_answer = |error: ureq::Error| StatusFailed::NoAnswer {
        admin: admin.to_owned(),
        reason: error.to_string(),
    };
    let mut response = request.call().map_err(no_answer)?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(BODY_BYTES_MAX);
    let text = body.read_to_string().map_err(no_answer)?;
    if status == 200 {
        return Ok(text);
    }
    let problem: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let detail = problem.get("detail").or_else(|| problem.get("title"));
    let detail = detail.and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    Err(StatusFailed::Refused { admin: admin.to_owned(), status, detail })
}

// === impl Status ===

impl Status {
    /// Whether every Envoy runs a revision, or a newer one, and all of it.
    fn has(&self, wanted: u64) -> bool {
        wanted <= self.revision && self.envoys.iter().all(|envoy| envoy.has(wanted))
    }

    fn print(&self, missing: Option<u64>, out: &mut impl Write) -> io::Result<()> {
        let Self { revision, live, connected, envoys, held } = self;
        writeln!(out, "revision {revision} is live on {live} of {connected} Envoys")?;
        for envoy in envoys {
            let Envoy { node, peer, revision, state, pending, refused } = envoy;
            let has = revision.map_or("nothing yet".to_owned(), |one| format!("revision {one}"));
            writeln!(out, "{node} ({peer}): {state}, has {has}")?;
            refused.iter().try_for_each(|one| one.print("refused", out))?;
            pending.iter().try_for_each(|one| one.print("has not answered", out))?;
        }
        held.iter().try_for_each(|one| one.print("held back", out))?;
        let Some(wanted) = missing else { return Ok(()) };
        let missing = envoys.iter().filter(|envoy| !envoy.has(wanted));
        let names: Vec<&str> = missing.map(|envoy| envoy.node.as_str()).collect();
        if *revision < wanted {
            writeln!(out, "revision {wanted} is not published here")
        } else {
            writeln!(out, "revision {wanted} is missing on {}", names.join(", "))
        }
    }
}

impl Envoy {
    fn has(&self, wanted: u64) -> bool {
        self.refused.is_empty() && self.revision.is_some_and(|revision| wanted <= revision)
    }
}

impl Resource {
    fn print(&self, what: &str, out: &mut impl Write) -> io::Result<()> {
        let Self { kind, name, origin, since, reason } = self;
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        writeln!(out, "  {what} {kind} {name:?}, made from {origin}, since {since}{reason}")
    }
}

//! Asks an Envoy whether it would take what has changed, before any is told of it.

mod bootstrap;

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use prost::Message as _;
use tollgate_xds::delta::Named;
use tollgate_xds::{Kind, Resource, Snapshot};

use self::bootstrap::bootstrap;
use crate::config::reason;
use crate::revision::differing;

/// An Envoy that checks and serves nobody.
pub(crate) struct Precheck {
    envoy: PathBuf,
    folder: tempfile::TempDir,
}

/// What an Envoy would refuse.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Faulty {
    pub(crate) kind: Kind,
    pub(crate) resource: Named,
    /// In Envoy's words.
    pub(crate) reason: String,
}

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum PrecheckFailed {
    #[error("--envoy: {path}: cannot be run: {reason}")]
    Run { path: String, reason: String },
    #[error("--envoy: {path}: did not end within {} s", PATIENCE.as_secs())]
    TooLong { path: String },
}

/// One resource that can be looked at by itself.
type Suspect<'a> = (Kind, &'a str, &'a Resource);

/// Those of which checking says anything.
const KINDS: [Kind; 3] = [Kind::Cluster, Kind::Listener, Kind::Routes];

/// A hundred thousand routes take it a second.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What Envoy says before the reason.
const PREAMBLE: &str = "error initializing configuration ";

// === impl Precheck ===

impl Precheck {
    /// With an Envoy that can be run.
    pub(crate) fn open(envoy: &Path) -> Result<Self, PrecheckFailed> {
        let failed = |error| run_failed(envoy, &error);
        let this = Self { envoy: envoy.to_owned(), folder: tempfile::tempdir().map_err(failed)? };
        this.end(this.command().arg("--version"))?;
        Ok(this)
    }

    /// What of the changes it would refuse. Endpoints, secrets and plugins are left
    /// to the Envoys that serve: checking says nothing of them.
    pub(crate) fn faulty(
        &self,
        old: &Snapshot,
        new: &Snapshot,
    ) -> Result<Vec<Faulty>, PrecheckFailed> {
        let differing = differing(old, new).into_iter();
        let suspects = differing.filter_map(|(kind, name)| {
            let resource = new.get(kind, name).filter(|_| KINDS.contains(&kind))?;
            let before = old.get(kind, name);
            let is_new = before.is_none_or(|before| before.version != resource.version);
            is_new.then_some((kind, name, resource))
        });
        let mut faulty = Vec::new();
        self.search(&suspects.collect::<Vec<_>>(), &mut faulty)?;
        Ok(faulty)
    }

    /// One run if all is good, and about two for each halving on the way to a fault.
    fn search(
        &self,
        suspects: &[Suspect<'_>],
        faulty: &mut Vec<Faulty>,
    ) -> Result<(), PrecheckFailed> {
        if suspects.is_empty() {
            return Ok(());
        }
        let Some(reason) = self.run(suspects)? else { return Ok(()) };
        if let [(kind, name, Resource { version, origin, .. })] = suspects {
            let (name, version) = ((*name).to_owned(), version.clone());
            let resource = Named { name, version, origin: origin.clone() };
            faulty.push(Faulty { kind: *kind, resource, reason });
            return Ok(());
        }
        let (left, right) = suspects.split_at(suspects.len().div_ceil(2));
        self.search(left, faulty)?;
        self.search(right, faulty)
    }

    /// Why these are refused together; nothing if they are not.
    fn run(&self, suspects: &[Suspect<'_>]) -> Result<Option<String>, PrecheckFailed> {
        let failed = |error: io::Error| run_failed(&self.envoy, &error);
        let (config, log) = (self.folder.path().join("new.pb"), self.folder.path().join("log"));
        fs::write(&config, bootstrap(suspects).encode_to_vec()).map_err(failed)?;
        let log_file = fs::File::create(&log).map_err(failed)?;
        let mut command = self.command();
        command.args(["--mode", "validate", "--log-level", "error", "--config-path"]);
        let is_good = self.end(command.arg(&config).stderr(log_file))?;
        if is_good { Ok(None) } else { said(&log).map(Some).map_err(failed) }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.envoy);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Whether it ended well.
    fn end(&self, command: &mut Command) -> Result<bool, PrecheckFailed> {
        let ended = command.spawn().and_then(|mut child| wait(&mut child));
        let ended = ended.map_err(|error| run_failed(&self.envoy, &error))?;
        ended.ok_or_else(|| PrecheckFailed::TooLong { path: self.envoy.display().to_string() })
    }
}

fn run_failed(envoy: &Path, error: &io::Error) -> PrecheckFailed {
    PrecheckFailed::Run { path: envoy.display().to_string(), reason: reason(error) }
}

/// Whether it ended well, if it ended.
fn wait(child: &mut Child) -> io::Result<Option<bool>> {
    let mut waited = Duration::ZERO;
    while waited < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        sleep(LOOK_EVERY);
        waited = waited.saturating_add(LOOK_EVERY);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// What it said last, without what is said of every file.
fn said(log: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(log)?.take(64 << 10).read_to_string(&mut text)?;
    let reason = text.split_once(PREAMBLE).map_or(text.as_str(), |(_, rest)| rest);
    let reason = reason.split_once("': ").map_or(reason, |(_, rest)| rest);
    Ok(reason.lines().next().unwrap_or_default().to_owned())
}

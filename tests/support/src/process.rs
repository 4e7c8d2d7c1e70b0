use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::time::ClockId;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A child process with a folder of its own, which ends when this is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    folder: TempDir,
}

/// What a process has used up so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Processor time in user and kernel mode, of all its threads.
    pub cpu: Duration,
    /// Memory that is resident.
    pub resident_bytes: u64,
}

/// How much of a log is worth showing when something failed.
const TAIL_LINES: usize = 40;

/// How often, and after what pause, is looked whether a process has ended: for five seconds.
const END_LOOKS: u32 = 500;
const END_PAUSE: Duration = Duration::from_millis(10);

/// The page size of every Linux that Envoy is built for.
const PAGE_BYTES: u64 = 4096;

impl Process {
    /// Starts `command`; `folder` is its own and is deleted with it.
    pub fn start(name: &str, mut command: Command, folder: TempDir) -> Result<Self> {
        let log = |file: &str| File::create(folder.path().join(file));
        let child = command
            .stdin(Stdio::null())
            .stdout(log("stdout")?)
            .stderr(log("stderr")?)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self { name: name.to_owned(), child, folder })
    }

    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A file in its folder.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// An error with the end of its log, if it is no longer running.
    pub fn still_running(&mut self) -> Result<()> {
        match self.ended() {
            None => Ok(()),
            Some(status) => anyhow::bail!("{} ended ({status}):\n{}", self.name, self.tail()),
        }
    }

    /// What it wrote to standard output so far.
    pub fn stdout(&self) -> String {
        self.read("stdout")
    }

    /// What it wrote to standard error so far.
    pub fn stderr(&self) -> String {
        self.read("stderr")
    }

    fn read(&self, file: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(file)).unwrap_or_default()).into_owned()
    }

    /// The end of its log.
    pub fn tail(&self) -> String {
        let log = self.stderr();
        let lines: Vec<&str> = log.lines().collect();
        let from = lines.len().saturating_sub(TAIL_LINES);
        lines.get(from..).unwrap_or_default().join("\n")
    }

    /// What is worth knowing when it does not do what it should: a process that
    /// had no time is another matter than one that hangs.
    pub fn account(&self) -> String {
        let cpu = self.usage().map(|usage| format!("{:?}", usage.cpu));
        let cpu = cpu.unwrap_or_else(|_| "an unknown amount".to_owned());
        let log = Some(self.tail()).filter(|log| !log.is_empty());
        let log = log.unwrap_or_else(|| "(nothing)".to_owned());
        format!("{} has had {cpu} of processor time; the end of its log:\n{log}", self.name)
    }

    /// What it has used up so far (proc(5): fields 14, 15 and 24 of `stat`).
    pub fn usage(&self) -> Result<Usage> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        // The name of the program, in parentheses, may contain spaces.
        let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat has no name")?;
        let field = |number: usize| -> Result<u64> {
            let at = number.saturating_sub(3);
            let text = fields.split_whitespace().nth(at).context("/proc/PID/stat is too short")?;
            Ok(text.parse()?)
        };
        let clock =
            ClockId::pid_cpu_clock_id(nix::unistd::Pid::from_raw(i32::try_from(self.id())?))?;
        Ok(Usage {
            cpu: clock.now()?.into(),
            resident_bytes: field(24)?.saturating_mul(PAGE_BYTES),
        })
    }

    /// Ends it at once, as the kernel would.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Asks it to end, so that it can end what it has started itself, and kills
    /// it if it does not.
    fn end(&mut self) {
        if self.ended().is_none() {
            let id = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
            let asked = id.is_some_and(|id| kill_process(id, Signal::TERM).is_ok());
            for _ in 0..if asked { END_LOOKS } else { 0 } {
                if self.ended().is_some() {
                    return;
                }
                thread::sleep(END_PAUSE);
            }
        }
        self.kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
        if thread::panicking() {
            let mut out = io::stderr().lock();
            let _ = io::Write::write_all(
                &mut out,
                format!("---- end of {}'s log\n{}\n----\n", self.name, self.tail()).as_bytes(),
            );
        }
    }
}

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::{Process, free_port};

/// A real PostgreSQL server with a cluster of its own.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    programs: PathBuf,
    port: u16,
    databases: AtomicU32,
}

/// The one that the tests of a program share, while any of them runs.
static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());

/// Where Debian and Fedora put the server's programs; others have them on the path.
const FOLDERS: [&str; 2] = ["/usr/lib/postgresql", "/usr/bin"];

/// `nobody`: PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;

const USER: &str = "tollgate";
const PASSWORD: &str = "sesame";

/// How often, and after what pause, is looked whether it is up: for half a minute.
const LOOKS: u32 = 600;
const PAUSE: Duration = Duration::from_millis(50);

impl Postgres {
    /// The server that all tests of this program share. It ends with the last
    /// that holds it.
    pub fn shared() -> Result<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Ok(running);
        }
        let started = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&started);
        Ok(started)
    }

    /// Starts one.
    pub fn start() -> Result<Self> {
        let programs = programs()?;
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let password = folder.path().join("password");
        fs::create_dir(&data)?;
        fs::write(&password, PASSWORD)?;
        if geteuid().is_root() {
            // Whoever it runs as must reach its folder.
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
            chown(&data, Some(NOBODY), Some(NOBODY))?;
        }
        init(&programs, &data, &password)?;
        let port = free_port()?;
        let mut command = as_nobody(&programs.join("postgres"));
        command.arg("-D").arg(&data).arg("-p").arg(port.to_string());
        // What it keeps does not outlive it, so it need not reach the disk.
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "max_connections=200",
        ] {
            command.arg("-c").arg(setting);
        }
        let process = Process::start("PostgreSQL", command, folder)?;
        let mut this = Self { process, programs, port, databases: AtomicU32::new(0) };
        this.ready()?;
        Ok(this)
    }

    /// The URL of a new, empty database.
    pub fn database(&self) -> Result<String> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(self.url(&name))
    }

    /// Runs SQL in a database of it, as another program would, and returns what
    /// it says: a row a line, columns divided by `|`.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String> {
        let output = Command::new(self.programs.join("psql"))
            .args([
                "--no-psqlrc",
                "--tuples-only",
                "--no-align",
                "--set=ON_ERROR_STOP=1",
                "--command",
            ])
            .arg(sql)
            .arg(self.url(database))
            .output()
            .context("cannot start psql")?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "psql: {error}");
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Ends it, for good. Asked to terminate, it would wait for its clients;
    /// interrupted, it does not.
    pub fn stop(&mut self) {
        let is_there = self.process.ended().is_none();
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id.filter(|_| is_there) {
            // It may have ended by itself just now.
            let _ = kill_process(id, Signal::INT);
        }
    }

    /// The port on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    fn ready(&mut self) -> Result<()> {
        for _ in 0..LOOKS {
            self.process.still_running()?;
            let asked = Command::new(self.programs.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()?;
            if asked.success() {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
        anyhow::bail!("PostgreSQL is not ready:\n{}", self.process.tail())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

fn init(programs: &Path, data: &Path, password: &Path) -> Result<()> {
    let output = as_nobody(&programs.join("initdb"))
        .args(["--no-sync", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"])
        .args(["--username", USER, "--pwfile"])
        .arg(password)
        .arg("-D")
        .arg(data)
        .stdin(Stdio::null())
        .output()
        .context("cannot start initdb")?;
    ensure!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn as_nobody(program: &Path) -> Command {
    let mut command = Command::new(program);
    if geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    // What root may have set for itself.
    command.env_remove("PGDATA").current_dir("/");
    command
}

/// The newest version's folder of programs.
fn programs() -> Result<PathBuf> {
    let [versions, plain] = FOLDERS.map(Path::new);
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(versions)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((version(&entry.file_name())?, entry.path().join("bin"))))
        .filter(|(_, folder)| has_server(folder))
        .collect();
    found.sort_unstable();
    found.pop().map(|(_, folder)| folder).or_else(|| has_server(plain).then(|| plain.into())).context(
        "PostgreSQL is missing; install it with `apt-get install postgresql` (Debian, Ubuntu) or \
         `dnf install postgresql-server` (Fedora)",
    )
}

fn version(name: &OsStr) -> Option<u32> {
    name.to_str()?.parse().ok()
}

fn has_server(folder: &Path) -> bool {
    ["initdb", "postgres"]
        .iter()
        .all(|program| folder.join(program).metadata().is_ok_and(|file| file.mode() & 0o111 != 0))
}

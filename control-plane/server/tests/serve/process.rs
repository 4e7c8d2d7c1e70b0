use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Nothing takes as long as this, unless it never happens.
pub(crate) const NEVER: Duration = Duration::from_secs(30);

/// A control plane that serves `tollgate.yaml` in a folder of its own.
pub(crate) struct Served {
    folder: tempfile::TempDir,
    process: Process,
    /// Where Envoys find it.
    pub(crate) address: String,
}

/// A process whose log is followed. Ends with its owner.
pub(crate) struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
    more: Receiver<()>,
}

/// A folder with a configuration and something that stands for a module.
pub(crate) fn folder(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tollgate.yaml"), config).unwrap();
    fs::write(folder.path().join("gateway.1.wasm"), "").unwrap();
    symlink("gateway.1.wasm", folder.path().join("gateway.wasm")).unwrap();
    folder
}

/// Serves the folder's `tollgate.yaml`.
pub(crate) fn start(folder: &Path, xds: &str) -> Process {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .current_dir(folder)
        .args([
            "serve",
            "tollgate.yaml",
            "--module",
            "gateway.wasm",
            "--xds",
            xds,
            "--introspection",
            "127.0.0.1:0",
        ])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let log = Arc::new(Mutex::new(String::new()));
    let (tell, more) = channel();
    let lines = Arc::clone(&log);
    thread::spawn(move || {
        for line in stderr.lines() {
            *lines.lock().unwrap() += &(line.unwrap() + "\n");
            tell.send(()).ok();
        }
    });
    Process { child, log, more }
}

// === impl Served ===

impl Served {
    pub(crate) fn start(config: &str) -> Self {
        let folder = folder(config);
        let process = start(folder.path(), "127.0.0.1:0");
        process.logged("serving xDS");
        let log = process.log.lock().unwrap().clone();
        let address = log.split_once("address=").unwrap().1.lines().next().unwrap().to_owned();
        Self { folder, process, address }
    }

    /// Replaces the configuration, whole, as editors do.
    pub(crate) fn write(&self, config: &str) {
        let (new, old) = (self.folder.path().join("new"), self.folder.path().join("tollgate.yaml"));
        fs::write(&new, config).unwrap();
        fs::rename(new, old).unwrap();
    }

    pub(crate) fn remove(&self) {
        fs::remove_file(self.folder.path().join("tollgate.yaml")).unwrap();
    }

    /// Puts another module in the place of the first.
    pub(crate) fn build(&self, name: &str) {
        let folder = self.folder.path();
        fs::write(folder.join(name), "").unwrap();
        symlink(name, folder.join("new")).unwrap();
        fs::rename(folder.join("new"), folder.join("gateway.wasm")).unwrap();
    }

    /// Waits until this was logged.
    pub(crate) fn logged(&self, text: &str) {
        self.process.logged(text);
    }

    /// How often this was logged.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.process.log.lock().unwrap().matches(text).count()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.process.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    pub(crate) fn into_process(self) -> Process {
        self.process
    }
}

// === impl Process ===

impl Process {
    fn logged(&self, text: &str) {
        while !self.log.lock().unwrap().contains(text) {
            let more = self.more.recv_timeout(NEVER);
            assert!(more.is_ok(), "{text:?} was not logged:\n{}", self.log.lock().unwrap());
        }
    }

    /// Its exit code and its log, when it has ended by itself.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let closed = loop {
            match self.more.recv_timeout(NEVER) {
                Ok(()) => {}
                Err(error) => break error == RecvTimeoutError::Disconnected,
            }
        };
        assert!(closed, "it does not end:\n{}", self.log.lock().unwrap());
        (self.child.wait().unwrap().code(), self.log.lock().unwrap().clone())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

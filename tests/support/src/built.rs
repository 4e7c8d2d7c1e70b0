use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// Where the things that were built before lie.
#[derive(Clone, Debug)]
pub struct Built {
    /// The `tollgate` binary.
    pub tollgate: PathBuf,
    /// The fused module.
    pub module: PathBuf,
    /// Envoy.
    pub envoy: PathBuf,
}

impl Built {
    /// Finds all of it, or says which command makes what is missing.
    pub fn find() -> Result<Self> {
        let root = root();
        Ok(Self {
            tollgate: found(&tollgate(&root), "cargo build -p tollgate")?,
            module: found(
                &or_env("MODULE", root.join("target/filters/gateway.wasm")),
                "make filters",
            )?,
            envoy: Self::envoy()?,
        })
    }

    /// Likewise, with the module that traps when it is told to.
    pub fn trapping() -> Result<Self> {
        let module = root().join("target/filters/trapping.wasm");
        let module = found(&module, "scripts/filters.py --tests")?;
        Ok(Self { module, ..Self::find()? })
    }

    /// Finds Envoy alone.
    pub fn envoy() -> Result<PathBuf> {
        found(&or_env("ENVOY", root().join(".tools/envoy")), "make setup")
    }

    /// Finds the Envoy before ours.
    pub fn previous_envoy() -> Result<PathBuf> {
        let default = root().join(".tools/envoy-previous");
        found(&or_env("PREVIOUS_ENVOY", default), "scripts/setup.py --tests")
    }
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let below = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    below.canonicalize().unwrap_or(below)
}

/// Beside the running program, or beside the folder of test binaries that it lies in.
fn tollgate(root: &Path) -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let beside = program.parent().filter(|folder| !folder.ends_with("deps"));
    let folder = beside.or_else(|| program.parent()?.parent());
    let default = folder.map_or_else(|| root.join("target/debug"), Path::to_path_buf);
    or_env("TOLLGATE", default.join("tollgate"))
}

fn or_env(variable: &str, default: PathBuf) -> PathBuf {
    env::var_os(variable).filter(|value| !value.is_empty()).map_or(default, PathBuf::from)
}

/// Through its symbolic links, because a control plane may go by a module's own name.
fn found(path: &Path, command: &str) -> Result<PathBuf> {
    ensure!(path.exists(), "{} does not exist; run `{command}`", path.display());
    path.canonicalize().with_context(|| format!("{} cannot be read", path.display()))
}

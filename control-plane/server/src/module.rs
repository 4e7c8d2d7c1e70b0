use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::config::reason;

/// Where the wasm module is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Module {
    /// A file on this machine, which Envoy shares.
    Here(PathBuf),
    /// A file where Envoy runs, which cannot be looked at from here.
    AtEnvoy(PathBuf),
}

/// Why a module cannot be named to Envoy.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidModule {
    /// Not built, or elsewhere.
    #[error(
        "--module: {path:?} does not exist; build it with `make filters`, \
         or name the path where Envoy runs with --module-as"
    )]
    Missing {
        /// As it was named.
        path: PathBuf,
    },
    /// A folder, or the system would not let us look.
    #[error("--module: {path:?} cannot be read: {reason}; name a wasm file")]
    Unreadable {
        /// As it was named.
        path: PathBuf,
        /// In the system's words.
        reason: String,
    },
    /// Envoy runs in a folder that nobody here knows.
    #[error("--module-as: {path:?} is relative; write the whole path as Envoy sees it")]
    Relative {
        /// As it was named.
        path: PathBuf,
    },
    /// Protobuf strings are UTF-8.
    #[error("the path of the module, {path:?}, is not UTF-8; rename it")]
    NotUtf8 {
        /// As it was named.
        path: PathBuf,
    },
}

// === impl Module ===

impl Module {
    /// The path that Envoy is told.
    ///
    /// Symbolic links are followed: `gateway.wasm` points to a file named by
    /// its hash, so a new build has a new path, and Envoy loads it.
    pub fn resolve(&self) -> Result<String, InvalidModule> {
        let path = match self {
            Self::Here(path) => real_path(path)?,
            Self::AtEnvoy(path) if path.is_relative() => {
                return Err(InvalidModule::Relative { path: path.clone() });
            }
            Self::AtEnvoy(path) => path.clone(),
        };
        path.into_os_string()
            .into_string()
            .map_err(|path| InvalidModule::NotUtf8 { path: PathBuf::from(path) })
    }

    /// The file on this machine, if it is on this machine.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Here(path) => Some(path),
            Self::AtEnvoy(_) => None,
        }
    }
}

fn real_path(path: &Path) -> Result<PathBuf, InvalidModule> {
    let real = fs::canonicalize(path).map_err(|error| refusal(path, &error))?;
    if real.is_file() {
        return Ok(real);
    }
    Err(InvalidModule::Unreadable { path: path.to_owned(), reason: "it is not a file".to_owned() })
}

fn refusal(path: &Path, error: &io::Error) -> InvalidModule {
    let path = path.to_owned();
    if error.kind() == io::ErrorKind::NotFound {
        InvalidModule::Missing { path }
    } else {
        InvalidModule::Unreadable { path, reason: reason(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(module: &Module) -> Result<String, String> {
        module.resolve().map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_link_is_followed_to_the_file_that_is_named_by_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let built = folder.path().canonicalize().unwrap().join("gateway.0123456789abcdef.wasm");
        fs::write(&built, "").unwrap();
        let link = folder.path().join("gateway.wasm");
        std::os::unix::fs::symlink("gateway.0123456789abcdef.wasm", &link).unwrap();
        assert_eq!(path_of(&Module::Here(link)), Ok(built.to_str().unwrap().to_owned()));
    }

    #[test]
    fn a_path_where_envoy_runs_is_passed_on_as_it_is() {
        let path = "/nowhere/here/gateway.wasm";
        assert_eq!(path_of(&Module::AtEnvoy(path.into())), Ok(path.to_owned()));
    }

    #[test]
    fn a_module_that_cannot_be_named_is_refused_with_the_remedy() {
        for (module, expected) in [
            (
                Module::Here("missing.wasm".into()),
                "--module: \"missing.wasm\" does not exist; build it with `make filters`, \
                 or name the path where Envoy runs with --module-as",
            ),
            (
                Module::Here("/".into()),
                "--module: \"/\" cannot be read: it is not a file; name a wasm file",
            ),
            (
                Module::AtEnvoy("gateway.wasm".into()),
                "--module-as: \"gateway.wasm\" is relative; \
                 write the whole path as Envoy sees it",
            ),
        ] {
            assert_eq!(path_of(&module), Err(expected.to_owned()));
        }
    }
}

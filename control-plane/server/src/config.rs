use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use tollgate_model::{FILE_BYTES_MAX, Source};

/// A file named by mistake is refused before it is read.
const BYTES_MAX: u64 = FILE_BYTES_MAX as u64;

/// Why a configuration, or a file that it names, could not be read.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnreadableFile {
    /// There is nothing of that name.
    #[error("{file}: does not exist; check the path")]
    Missing {
        /// As it was named.
        file: String,
    },
    /// A socket, a device, a folder among the files.
    #[error("{file}: is not a file; name a YAML file, or a folder of them")]
    NotAFile {
        /// As it was named.
        file: String,
    },
    /// A folder without configuration.
    #[error("{folder}: no file in this folder ends in .yaml or .yml; name one that has some")]
    NoYaml {
        /// As it was named.
        folder: String,
    },
    /// Too large.
    #[error("{file}: {bytes} bytes are more than {BYTES_MAX}; divide them into several files")]
    TooLarge {
        /// As it was named.
        file: String,
        /// How large it is, as far as it was looked at.
        bytes: u64,
    },
    /// The system would not let us.
    #[error("{file}: cannot be read: {reason}; check the file and its permissions")]
    Refused {
        /// As it was named.
        file: String,
        /// In the system's words.
        reason: String,
    },
}

// === impl UnreadableFile ===

impl UnreadableFile {
    /// Why, for a sentence that names the file itself.
    pub(crate) fn into_reason(self) -> String {
        match self {
            Self::Missing { .. } => "it does not exist".to_owned(),
            Self::NotAFile { .. } => "it is not a file".to_owned(),
            Self::TooLarge { bytes, .. } => format!("{bytes} bytes are more than {BYTES_MAX}"),
            Self::NoYaml { .. } => "it has no YAML files".to_owned(),
            Self::Refused { reason, .. } => reason,
        }
    }
}

/// Reads a configuration: one file, or a folder of `*.yaml` and `*.yml` in the
/// order of their names. Reports every file that cannot be read.
pub(crate) fn read_config(config: &Path) -> Result<Vec<Source>, Vec<UnreadableFile>> {
    let files = config_files(config).map_err(|fault| vec![fault])?;
    let mut sources = Vec::new();
    let mut faults = Vec::new();
    for file in files {
        match read_file(&file) {
            Ok(bytes) => sources.push(Source { name: file.display().to_string(), bytes }),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(sources) } else { Err(faults) }
}

/// The files of a configuration. Folders in a folder are not looked into, and
/// hidden files are not ours: editors leave some behind, and so does Kubernetes.
pub(crate) fn config_files(config: &Path) -> Result<Vec<PathBuf>, UnreadableFile> {
    let refused = |error: &io::Error| refusal(config, error);
    if !fs::metadata(config).map_err(|error| refused(&error))?.is_dir() {
        return Ok(vec![config.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(config).map_err(|error| refused(&error))? {
        let name = entry.map_err(|error| refused(&error))?.file_name();
        if is_config(Path::new(&name)) {
            files.push(config.join(name));
        }
    }
    if files.is_empty() {
        return Err(UnreadableFile::NoYaml { folder: config.display().to_string() });
    }
    files.sort();
    Ok(files)
}

/// Reads a file that is not too large.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, UnreadableFile> {
    let file = || path.display().to_string();
    let metadata = fs::metadata(path).map_err(|error| refusal(path, &error))?;
    // Opening a pipe would wait for a writer.
    if !metadata.is_file() {
        return Err(UnreadableFile::NotAFile { file: file() });
    }
    if BYTES_MAX < metadata.len() {
        return Err(UnreadableFile::TooLarge { file: file(), bytes: metadata.len() });
    }
    // The file may be growing, or be one of those whose size is told as 0.
    let bytes = read_at_most(path, BYTES_MAX.saturating_add(1)).map_err(|e| refusal(path, &e))?;
    let len = bytes.len() as u64;
    if BYTES_MAX < len {
        return Err(UnreadableFile::TooLarge { file: file(), bytes: len });
    }
    Ok(bytes)
}

fn read_at_most(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a file of a folder belongs to its configuration, by its name.
pub(crate) fn is_config(file: &Path) -> bool {
    let name = file.file_name().map_or(file, Path::new);
    let hidden = name.as_os_str().as_encoded_bytes().starts_with(b".");
    !hidden && name.extension().is_some_and(|end| end == "yaml" || end == "yml")
}

fn refusal(path: &Path, error: &io::Error) -> UnreadableFile {
    let file = path.display().to_string();
    if error.kind() == io::ErrorKind::NotFound {
        UnreadableFile::Missing { file }
    } else {
        UnreadableFile::Refused { file, reason: reason(error) }
    }
}

/// What the system says, without its number.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

use std::env;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use tollgate_store::SecretReference;

/// Why a secret cannot be used. It is never shown.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum UnusableSecret {
    #[error("names no secret; write env:NAME or file:PATH")]
    Reference,
    #[error("{reference}: cannot be read: {reason}")]
    Unreadable { reference: String, reason: String },
    #[error(
        "{reference}: has {bytes} bytes, and a secret has {BYTES_MIN} to {BYTES_MAX}; make one with \
         `openssl rand -hex 32`"
    )]
    Length { reference: String, bytes: usize },
    #[error(
        "{reference}: has other characters than visible ASCII; make one with `openssl rand -hex 32`"
    )]
    Characters { reference: String },
}

/// As many as are worth the name, and no more than anybody means.
const BYTES_MIN: usize = 32;
const BYTES_MAX: usize = 4096;
/// A little more, so that too much is noticed.
const BYTES_READ: u64 = 8192;

/// Reads what `env:NAME` or `file:PATH` names. Blanks and line ends after it are
/// not part of it.
pub(crate) fn read(reference: &str) -> Result<String, UnusableSecret> {
    let reference: SecretReference = reference.parse().map_err(|_| UnusableSecret::Reference)?;
    let found = match &reference {
        SecretReference::Env(name) => {
            env::var(name).map(String::into_bytes).map_err(|error| error.to_string())
        }
        SecretReference::File(path) => file(path).map_err(|error| error.to_string()),
    };
    let reference = reference.to_string();
    let secret = match found {
        Ok(secret) => secret,
        Err(reason) => return Err(UnusableSecret::Unreadable { reference, reason }),
    };
    let secret = secret.trim_ascii_end();
    if !(BYTES_MIN..=BYTES_MAX).contains(&secret.len()) {
        return Err(UnusableSecret::Length { reference, bytes: secret.len() });
    }
    match str::from_utf8(secret) {
        Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(text.to_owned()),
        _ => Err(UnusableSecret::Characters { reference }),
    }
}

fn file(path: &Path) -> io::Result<Vec<u8>> {
    let mut secret = Vec::new();
    File::open(path)?.take(BYTES_READ).read_to_end(&mut secret)?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_cannot_be_used_is_told_without_being_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("good"), format!("{}\n", "a".repeat(32))).unwrap();
        fs::write(path("short"), "a".repeat(31)).unwrap();
        fs::write(path("odd"), "ä".repeat(32)).unwrap();
        assert_eq!(read(&format!("file:{}", path("good"))), Ok("a".repeat(32)));
        let told = |name: &str| {
            let text = read(&format!("file:{}", path(name))).unwrap_err().to_string();
            text.replace(&folder.path().display().to_string(), "")
        };
        assert_eq!(
            told("short"),
            "file:/short: has 31 bytes, and a secret has 32 to 4096; make one with `openssl rand \
             -hex 32`"
        );
        assert_eq!(
            told("odd"),
            "file:/odd: has other characters than visible ASCII; make one with `openssl rand -hex \
             32`"
        );
        assert_eq!(
            told("none"),
            "file:/none: cannot be read: No such file or directory (os error 2)"
        );
        assert_eq!(
            read("sesame").unwrap_err().to_string(),
            "names no secret; write env:NAME or file:PATH"
        );
        assert_eq!(
            read("env:TOLLGATE_NO_SUCH_VARIABLE").unwrap_err().to_string(),
            "env:TOLLGATE_NO_SUCH_VARIABLE: cannot be read: environment variable not found"
        );
    }
}

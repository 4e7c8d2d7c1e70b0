use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::any::AnyConnectOptions;

/// Where a store is: `sqlite:PATH` or `postgres://…`.
///
/// Shown without passwords.
#[derive(Clone)]
pub struct StoreAddress(pub(crate) Kind);

#[derive(Clone)]
pub(crate) enum Kind {
    Sqlite(PathBuf),
    Postgres(AnyConnectOptions),
}

/// Why a text names no store. It is not shown: there may be a password in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidAddress {
    #[error("is no store; write sqlite:PATH or postgres://USER@HOST/DATABASE")]
    Scheme,
    #[error("names no file; write sqlite:PATH")]
    NoPath,
    #[error("would be lost when the command ends; write sqlite:PATH")]
    InMemory,
    #[error("is not a valid URL; write postgres://USER@HOST/DATABASE")]
    Url,
}

// === impl StoreAddress ===

impl StoreAddress {
    /// The file of a SQLite store.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Kind::Sqlite(path) => Some(path),
            Kind::Postgres(_) => None,
        }
    }

    pub(crate) fn options(&self) -> Result<AnyConnectOptions, sqlx::Error> {
        match &self.0 {
            // Encoded whole, so that no dot and no question mark of the path
            // means anything to a URL.
            Kind::Sqlite(path) => {
                let path = path.to_string_lossy();
                format!("sqlite:{}", utf8_percent_encode(&path, NON_ALPHANUMERIC)).parse()
            }
            Kind::Postgres(options) => Ok(options.clone()),
        }
    }
}

impl FromStr for StoreAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return match path.strip_prefix("//").unwrap_or(path) {
                "" => Err(InvalidAddress::NoPath),
                ":memory:" => Err(InvalidAddress::InMemory),
                path => Ok(Self(Kind::Sqlite(path.into()))),
            };
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(InvalidAddress::Scheme);
        }
        text.parse().map(Kind::Postgres).map(Self).map_err(|_| InvalidAddress::Url)
    }
}

/// Without password and parameters, which may have one too.
impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match &self.0 {
            Kind::Sqlite(path) => return write!(f, "sqlite:{}", path.display()),
            Kind::Postgres(options) => &options.database_url,
        };
        write!(f, "postgres://")?;
        if !url.username().is_empty() {
            write!(f, "{}@", url.username())?;
        }
        write!(f, "{}", url.host_str().unwrap_or_default())?;
        if let Some(port) = url.port() {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", url.path())
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_passwords() {
        for (text, expected) in [
            ("sqlite:tollgate.db", "sqlite:tollgate.db"),
            ("sqlite:/var/lib/tollgate/a b?c%.db", "sqlite:/var/lib/tollgate/a b?c%.db"),
            ("sqlite:///var/tollgate.db", "sqlite:/var/tollgate.db"),
            ("postgres://db.example.com/tollgate", "postgres://db.example.com/tollgate"),
            (
                "postgresql://ann:sesame@127.0.0.1:5433/tollgate?password=sesame&sslmode=require",
                "postgres://ann@127.0.0.1:5433/tollgate",
            ),
        ] {
            let address: StoreAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), expected);
            assert_eq!(format!("{address:?}"), format!("StoreAddress({expected})"));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_shown() {
        for (text, expected) in [
            ("", "is no store; write sqlite:PATH or postgres://USER@HOST/DATABASE"),
            ("tollgate.db", "is no store; write sqlite:PATH or postgres://USER@HOST/DATABASE"),
            ("mysql://x/y", "is no store; write sqlite:PATH or postgres://USER@HOST/DATABASE"),
            ("sqlite:", "names no file; write sqlite:PATH"),
            ("sqlite::memory:", "would be lost when the command ends; write sqlite:PATH"),
            (
                "postgres://ann:sesame@:x/",
                "is not a valid URL; write postgres://USER@HOST/DATABASE",
            ),
        ] {
            assert_eq!(text.parse::<StoreAddress>().unwrap_err().to_string(), expected, "{text}");
        }
    }
}

//! Very many routes, as a folder of files.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;

/// So many operations has each API.
pub(crate) const OPERATIONS: usize = 100;

/// The host of all APIs.
pub(crate) const HOST: &str = "api.example.com";

/// A folder with a file for each API.
pub(crate) struct Table {
    folder: TempDir,
    pub(crate) apis: usize,
}

impl Table {
    pub(crate) fn write(apis: usize, listener: SocketAddr, backend: SocketAddr) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let general = format!(
            "routing: {{ shards: always }}\n\
             listeners:\n  public: {{ address: \"{listener}\" }}\n\
             identity:\n  api_key: {{ from: [{{ header: x-api-key }}] }}\n\
             backends:\n  echo: {{ endpoints: [\"{backend}\"] }}\n"
        );
        fs::write(folder.path().join("0-general.yaml"), general)?;
        let table = Self { folder, apis };
        for api in 0..apis {
            fs::write(table.file(api), text(api, "0"))?;
        }
        Ok(table)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, api: usize) -> PathBuf {
        self.path().join(format!("api-{api:06}.yaml"))
    }

    /// Changes one operation of an API, as an editor would.
    pub(crate) fn change(&self, api: usize, revision: &str) -> Result<()> {
        let draft = self.path().join(".draft");
        fs::write(&draft, text(api, revision))?;
        Ok(fs::rename(draft, self.file(api))?)
    }
}

/// The path of an API's operation that changes.
pub(crate) fn path(api: usize) -> String {
    format!("/api-{api}/operations/7/items/1")
}

/// Half of the operations have a parameter, a quarter ask for a key.
fn text(api: usize, revision: &str) -> String {
    let mut text = format!("apis:\n  api-{api}:\n    hosts: [{HOST}]\n    routes:\n");
    for operation in 0..OPERATIONS {
        let end = if operation % 2 == 1 { "/items/{id}" } else { "" };
        let auth = if operation % 4 == 0 { "{ any_of: [api_key] }" } else { "none" };
        let method = if operation % 3 == 0 { "POST" } else { "GET" };
        let _ = write!(
            text,
            "      operation-{operation}:\n        \
             match: {{ path: \"/api-{api}/operations/{operation}{end}\", methods: [{method}] }}\n        \
             backend: echo\n        auth: {auth}\n"
        );
        if operation == 7 {
            let _ = writeln!(
                text,
                "        response: {{ headers: {{ set: {{ x-revision: \"{revision}\" }} }} }}"
            );
        }
    }
    text
}

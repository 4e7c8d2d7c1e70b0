//! Very many routes, as a folder of files.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Map, Value, json};
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
    path_of(&format!("api-{api}"))
}

/// Likewise, of an API by its name.
pub(crate) fn path_of(name: &str) -> String {
    format!("/{name}/operations/7/items/1")
}

fn text(api: usize, revision: &str) -> String {
    let name = format!("api-{api}");
    let mut text = format!("apis:\n  {name}:\n    hosts: [{HOST}]\n    routes:\n");
    for number in 0..OPERATIONS {
        let Operation { path, method, needs_key } = operation(&name, number);
        let auth = if needs_key { "{ any_of: [api_key] }" } else { "none" };
        let _ = write!(
            text,
            "      operation-{number}:\n        \
             match: {{ path: \"{path}\", methods: [{method}] }}\n        \
             backend: echo\n        auth: {auth}\n"
        );
        if number == 7 {
            let _ = writeln!(
                text,
                "        response: {{ headers: {{ set: {{ x-revision: \"{revision}\" }} }} }}"
            );
        }
    }
    text
}

/// An API as the admin API takes it.
pub(crate) fn object(name: &str, revision: &str) -> Value {
    let route = |number| {
        let Operation { path, method, needs_key } = operation(name, number);
        let auth = if needs_key { json!({ "any_of": ["api_key"] }) } else { json!("none") };
        let matching = json!({ "path": path, "methods": [method] });
        let changes = (number == 7).then(|| json!({ "x-revision": revision }));
        let response = json!({ "headers": { "set": changes.unwrap_or_else(|| json!({})) } });
        let route = json!({
            "match": matching, "backend": "echo", "auth": auth, "response": response,
        });
        (format!("operation-{number}"), route)
    };
    let routes: Map<String, Value> = (0..OPERATIONS).map(route).collect();
    json!({ "hosts": [HOST], "routes": routes })
}

struct Operation {
    path: String,
    method: &'static str,
    needs_key: bool,
}

/// Half of them have a parameter, a quarter ask for a key.
fn operation(name: &str, number: usize) -> Operation {
    let end = if number.is_multiple_of(2) { "" } else { "/items/{id}" };
    let method = if number.is_multiple_of(3) { "POST" } else { "GET" };
    let path = format!("/{name}/operations/{number}{end}");
    Operation { path, method, needs_key: number.is_multiple_of(4) }
}

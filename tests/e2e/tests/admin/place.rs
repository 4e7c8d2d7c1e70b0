use std::process::{Command, Output};

use serde_json::Value;
use tollgate_e2e::{Gateway, config};
use tollgate_support::{Answer, Built, Call, free_port};

/// A store of its own, and an admin API.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) port: u16,
}

impl Place {
    /// With a store that has no operator yet.
    pub(crate) fn new() -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port().unwrap());
        let place = Self { folder, port };
        place.done(&["tenants", "create", "acme"]);
        place
    }

    pub(crate) fn store(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("tollgate.db").display())
    }

    pub(crate) fn tollgate(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&Built::find().unwrap().tollgate);
        command.args(arguments).env("TOLLGATE_STORE", self.store()).output().unwrap()
    }

    /// What a command prints that succeeds.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.tollgate(arguments);
        assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    pub(crate) async fn gateway(&self) -> Gateway {
        self.gateway_with(&[]).await
    }

    pub(crate) async fn gateway_with(&self, more: &[&str]) -> Gateway {
        let ours = "\n      ours: { match: { path: /ours }, backend: echo, auth: none }\n";
        self.gateway_of(ours, more).await
    }

    pub(crate) async fn gateway_of(&self, routes: &str, more: &[&str]) -> Gateway {
        let (store, admin) = (self.store(), format!("127.0.0.1:{}", self.port));
        let arguments = [&["--store", &store, "--admin", &admin], more].concat();
        Gateway::with_arguments(&config(routes), &arguments).await.unwrap()
    }

    pub(crate) async fn ask(&self, call: Call) -> Answer {
        call.send(([127, 0, 0, 1], self.port).into()).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Call::get("localhost", path)).await
    }

    pub(crate) async fn put(&self, path: &str, condition: (&str, &str), body: &Value) -> Answer {
        let call = Call::new("PUT", "localhost", path).header("content-type", "application/json");
        self.ask(call.header(condition.0, condition.1).body(body.to_string())).await
    }

    /// Waits until a revision is live everywhere: whether it is, and what is printed.
    pub(crate) fn waits(&self, revision: u64, timeout: &str) -> (bool, String) {
        let (url, revision) = (format!("http://127.0.0.1:{}", self.port), revision.to_string());
        let arguments = ["status", "--admin", &url, "--wait", &revision, "--timeout", timeout];
        let Output { status, stdout, .. } = self.tollgate(&arguments);
        (status.success(), String::from_utf8(stdout).unwrap())
    }
}

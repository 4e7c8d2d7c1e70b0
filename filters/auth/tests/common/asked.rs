//! A gate that asks a provider, and what that answers.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_auth::Stop;
use tollgate_core::testing::MemoryHost;
use tollgate_core::{Answer, CallId, Headers, Reply, RequestHead, Timestamp};

use super::{Gate, NOW, any_of, caller, refusal, sha256};

/// Times are milliseconds after [`NOW`].
pub(crate) struct Asked {
    pub(crate) gate: Gate,
    pub(crate) host: MemoryHost,
}

impl Asked {
    /// A gate with one provider, configured with these changes.
    pub(crate) fn new(changes: &Value) -> Self {
        let identity = json!({"introspection": {"acme": provider(changes)}});
        Self::of(identity, any_of(&["introspection.acme"]))
    }

    pub(crate) fn of(identity: Value, access: Value) -> Self {
        Self { gate: Gate::new(identity, access), host: MemoryHost::default() }
    }

    /// A gate that knows one key, and asks about others.
    pub(crate) fn with_keys() -> Self {
        let keys = json!({"k1": {"sha256": sha256("written-down")}});
        let identity = json!({"api_key": api_key(), "tenants": {"acme": {"keys": keys}}});
        Self::of(identity, any_of(&["api_key"]))
    }

    /// What becomes of the first request with a token, if that is the answer.
    pub(crate) fn first(&mut self, token: &str, body: &str) -> String {
        let call = u32::try_from(self.host.called.len()).unwrap();
        assert_eq!(self.token(token, 0), format!("waits {call}"));
        self.answer(call, 0, body);
        self.token(token, 0)
    }

    pub(crate) fn token(&mut self, token: &str, millis: u64) -> String {
        let value = format!("Bearer {token}");
        self.verdict(&[("authorization", value.as_bytes())], millis)
    }

    pub(crate) fn key(&mut self, key: &[u8], millis: u64) -> String {
        self.verdict(&[("x-api-key", key)], millis)
    }

    fn verdict(&mut self, lines: &[(&str, &[u8])], millis: u64) -> String {
        match self.judge(lines, millis) {
            Ok(caller) => caller,
            Err(Stop::Refused(reply)) => refusal(&reply),
            Err(Stop::Waits(CallId(call))) => format!("waits {call}"),
            Err(stop) => panic!("{stop:?}"),
        }
    }

    /// The refusal itself.
    pub(crate) fn ask(&mut self, lines: &[(&str, &[u8])], millis: u64) -> Result<String, Reply> {
        self.judge(lines, millis).map_err(|stop| match stop {
            Stop::Refused(reply) => reply,
            stop => panic!("{stop:?}"),
        })
    }

    fn judge(&mut self, lines: &[(&str, &[u8])], millis: u64) -> Result<String, Stop> {
        let headers: Headers = lines.iter().copied().collect();
        let head = RequestHead { headers: &headers };
        let Gate { authenticator, access, .. } = &mut self.gate;
        let found = authenticator.authenticate(access, &head, &mut self.host.at(at(millis)))?;
        Ok(found.as_deref().map_or_else(|| "nobody".to_owned(), caller))
    }

    pub(crate) fn answer(&mut self, call: u32, millis: u64, body: &str) {
        self.answer_with(call, millis, &[(":status", "200")], body);
    }

    pub(crate) fn answer_with(
        &mut self,
        call: u32,
        millis: u64,
        headers: &[(&str, &str)],
        body: &str,
    ) {
        self.answer_bytes(call, millis, headers, body.as_bytes().to_vec());
    }

    pub(crate) fn answer_bytes(
        &mut self,
        call: u32,
        millis: u64,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) {
        let answer = Answer { headers: headers.iter().copied().collect(), body };
        self.gate.authenticator.on_answer(CallId(call), &answer, &mut self.host.at(at(millis)));
    }
}

/// An endpoint, with members changed.
pub(crate) fn provider(changes: &Value) -> Value {
    let mut provider = json!({"cluster": "id", "path": "/introspect", "authority": "id.example"});
    provider.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    provider
}

pub(crate) fn api_key() -> Value {
    json!({"from": [{"header": "x-api-key"}], "lookup": provider(&json!({}))})
}

/// Ann's token is active, and this is said of it besides.
pub(crate) fn active(members: &Value) -> String {
    let mut said = json!({"active": true, "sub": "ann"});
    said.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    said.to_string()
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_seconds(NOW).plus(Duration::from_millis(millis))
}

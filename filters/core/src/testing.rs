//! Doubles for the tests of filters: a host in memory.

use std::collections::BTreeMap;

use crate::{
    Call, CallId, CallRefused, Cx, GrpcCall, GrpcCallId, Headers, Host, SharedDataUnavailable,
    SignatureCheck, SignatureUnsupported, Timestamp, Version,
};

/// A host whose every answer is decided by its fields.
///
/// Clones are independent. To let several workers share one Envoy, give them
/// the same host one after the other.
#[derive(Clone, Debug, Default)]
pub struct MemoryHost {
    /// Properties of the stream and its route, by path.
    pub properties: BTreeMap<Vec<u8>, Vec<u8>>,

    /// Shared data, with the number of times each key was written.
    pub shared: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,

    /// Shared data can be neither read nor written.
    pub down: bool,

    /// How many of the next stores are told that another worker got in first.
    pub conflicts: u32,

    /// The calls that were made: cluster, headers, body. Their ids are their places.
    pub called: Vec<Called>,

    /// The gRPC calls that were made: service and method, with the message.
    /// Their ids are their places.
    pub called_grpc: Vec<(String, Vec<u8>)>,

    /// What is shown among the statistics.
    pub gauges: BTreeMap<String, u64>,

    /// What was counted among the statistics.
    pub counters: BTreeMap<&'static str, u64>,

    /// The host knows no cluster.
    pub isolated: bool,

    /// How signatures are verified; `None`: the host verifies none.
    pub verify: Option<fn(&SignatureCheck<'_>) -> bool>,

    /// How often each call was made.
    pub calls: Calls,
}

/// A call that was made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Called {
    /// The cluster it went to.
    pub cluster: String,
    /// Its headers.
    pub headers: Headers,
    /// Its body.
    pub body: Vec<u8>,
}

/// How often each call of a host was made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "named after the calls")]
pub struct Calls {
    pub property: u32,
    pub set_property: u32,
    pub load: u32,
    pub store: u32,
    pub verify_signature: u32,
}

// === impl MemoryHost ===

impl MemoryHost {
    /// Sets a property, whose path is written with zero bytes between its parts.
    #[must_use]
    pub fn with_property(mut self, path: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.properties.insert(path.as_ref().to_vec(), value.as_ref().to_vec());
        self
    }

    /// This host at a moment, as filters want it.
    pub fn at(&mut self, now: Timestamp) -> Cx<'_> {
        Cx { now, host: self }
    }

    fn reachable(&self) -> Result<(), SharedDataUnavailable> {
        if self.down { Err(SharedDataUnavailable) } else { Ok(()) }
    }

    /// Which state of `key` stands now.
    fn version(&self, key: &[u8]) -> Version {
        self.shared.get(key).map_or(Version::Absent, |(_, version)| Version::Seen(*version))
    }
}

impl Host for MemoryHost {
    fn property(&mut self, path: &[u8]) -> Option<Vec<u8>> {
        count(&mut self.calls.property);
        self.properties.get(path).cloned()
    }

    fn set_property(&mut self, path: &[u8], value: &[u8]) {
        count(&mut self.calls.set_property);
        self.properties.insert(path.to_vec(), value.to_vec());
    }

    fn load(&mut self, key: &[u8]) -> Result<(Option<Vec<u8>>, Version), SharedDataUnavailable> {
        count(&mut self.calls.load);
        self.reachable()?;
        Ok((self.shared.get(key).map(|(value, _)| value.clone()), self.version(key)))
    }

    /// As in Envoy, only a value that was seen is protected from being
    /// overwritten: the first insert of a key always succeeds.
    fn store(
        &mut self,
        key: &[u8],
        value: &[u8],
        version: Version,
    ) -> Result<bool, SharedDataUnavailable> {
        count(&mut self.calls.store);
        self.reachable()?;
        let seen = version != Version::Absent;
        if seen && 0 < self.conflicts {
            self.conflicts = self.conflicts.saturating_sub(1);
            return Ok(false);
        }
        if seen && self.version(key) != version {
            return Ok(false);
        }
        let entry = self.shared.entry(key.to_owned()).or_default();
        *entry = (value.to_vec(), entry.1.saturating_add(1));
        Ok(true)
    }

    fn call(&mut self, call: &Call<'_>) -> Result<CallId, CallRefused> {
        if self.isolated {
            return Err(CallRefused);
        }
        let id = u32::try_from(self.called.len()).map_err(|_| CallRefused)?;
        self.called.push(Called {
            cluster: call.cluster.to_owned(),
            headers: call.headers.iter().copied().collect(),
            body: call.body.to_vec(),
        });
        Ok(CallId(id))
    }

    fn call_grpc(&mut self, call: &GrpcCall<'_>) -> Result<GrpcCallId, CallRefused> {
        if self.isolated {
            return Err(CallRefused);
        }
        let id = u32::try_from(self.called_grpc.len()).map_err(|_| CallRefused)?;
        let path = format!("{}/{}", call.service, call.method);
        self.called_grpc.push((path, call.message.to_vec()));
        Ok(GrpcCallId(id))
    }

    fn gauge(&mut self, name: &str, value: u64) {
        self.gauges.insert(name.to_owned(), value);
    }

    fn count(&mut self, name: &'static str) {
        let counter = self.counters.entry(name).or_default();
        *counter = counter.saturating_add(1);
    }

    fn verify_signature(
        &mut self,
        check: &SignatureCheck<'_>,
    ) -> Result<bool, SignatureUnsupported> {
        count(&mut self.calls.verify_signature);
        self.verify.map(|verify| verify(check)).ok_or(SignatureUnsupported)
    }
}

fn count(calls: &mut u32) {
    *calls = calls.saturating_add(1);
}

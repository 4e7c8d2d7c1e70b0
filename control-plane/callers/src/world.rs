use std::collections::BTreeMap;

use tollgate_core::{
    Call, CallId, CallRefused, GrpcCall, GrpcCallId, Host, SharedDataUnavailable, SignatureCheck,
    SignatureUnsupported, Version,
};

/// An Envoy that has just started and asks nobody anything: what a filter would
/// ask is written down, and never answered.
#[derive(Debug, Default)]
pub(crate) struct World {
    properties: BTreeMap<Vec<u8>, Vec<u8>>,
    shared: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    /// The paths of what was to be asked. The ids of calls are their places.
    asked: Vec<String>,
}

// === impl World ===

impl World {
    /// Sets a property of the stream.
    pub(crate) fn with(mut self, path: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        self.properties.insert(path.into(), value.into());
        self
    }

    /// What was to be asked by a call.
    pub(crate) fn asked(&self, CallId(id): CallId) -> &str {
        let place = usize::try_from(id).ok();
        place.and_then(|place| self.asked.get(place)).map_or("", String::as_str)
    }
}

impl Host for World {
    fn property(&mut self, path: &[u8]) -> Option<Vec<u8>> {
        self.properties.get(path).cloned()
    }

    fn set_property(&mut self, path: &[u8], value: &[u8]) {
        self.properties.insert(path.to_vec(), value.to_vec());
    }

    fn load(&mut self, key: &[u8]) -> Result<(Option<Vec<u8>>, Version), SharedDataUnavailable> {
        Ok(match self.shared.get(key) {
            Some((value, version)) => (Some(value.clone()), Version::Seen(*version)),
            None => (None, Version::Absent),
        })
    }

    /// There is one worker, so nobody else gets in between.
    fn store(
        &mut self,
        key: &[u8],
        value: &[u8],
        _: Version,
    ) -> Result<bool, SharedDataUnavailable> {
        let entry = self.shared.entry(key.to_vec()).or_default();
        *entry = (value.to_vec(), entry.1.saturating_add(1));
        Ok(true)
    }

    fn call(&mut self, call: &Call<'_>) -> Result<CallId, CallRefused> {
        let id = u32::try_from(self.asked.len()).map_err(|_| CallRefused)?;
        let path = call.headers.iter().find(|(name, _)| *name == ":path");
        let path = path.map(|(_, path)| String::from_utf8_lossy(path).into_owned());
        self.asked.push(path.unwrap_or_default());
        Ok(CallId(id))
    }

    fn call_grpc(&mut self, _: &GrpcCall<'_>) -> Result<GrpcCallId, CallRefused> {
        Err(CallRefused)
    }

    fn gauge(&mut self, _: &str, _: u64) {}

    fn count(&mut self, _: &'static str) {}

    /// The filters' own code does it where the host cannot.
    fn verify_signature(&mut self, _: &SignatureCheck<'_>) -> Result<bool, SignatureUnsupported> {
        Err(SignatureUnsupported)
    }
}

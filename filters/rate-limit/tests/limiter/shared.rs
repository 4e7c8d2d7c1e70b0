//! Shared data as several workers meet it.

use tollgate_core::testing::MemoryHost;
use tollgate_core::{
    Call, CallId, CallRefused, GrpcCall, GrpcCallId, Host, SharedDataUnavailable, SignatureCheck,
    SignatureUnsupported, Version,
};

/// A way to the data that several workers share.
pub(crate) trait Shared {
    /// Does something with it, while nobody else does.
    fn with<T>(&mut self, act: impl FnOnce(&mut MemoryHost) -> T) -> T;

    /// What happens between what was read and what is written.
    fn before_store(&mut self) {}
}

/// A host whose shared data is elsewhere, and which has nothing else.
pub(crate) struct Around<S>(pub(crate) S);

impl<S: Shared> Host for Around<S> {
    fn property(&mut self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn set_property(&mut self, _: &[u8], _: &[u8]) {}

    fn load(&mut self, key: &[u8]) -> Result<(Option<Vec<u8>>, Version), SharedDataUnavailable> {
        self.0.with(|shared| {
            // As if prepared: all slots at once would make the properties slow.
            shared.shared.entry(key.to_owned()).or_insert_with(|| (Vec::new(), 1));
            shared.load(key)
        })
    }

    fn store(
        &mut self,
        key: &[u8],
        value: &[u8],
        version: Version,
    ) -> Result<bool, SharedDataUnavailable> {
        self.0.before_store();
        self.0.with(|shared| shared.store(key, value, version))
    }

    fn call(&mut self, _: &Call<'_>) -> Result<CallId, CallRefused> {
        Err(CallRefused)
    }

    fn call_grpc(&mut self, _: &GrpcCall<'_>) -> Result<GrpcCallId, CallRefused> {
        Err(CallRefused)
    }

    fn gauge(&mut self, _: &str, _: u64) {}

    fn count(&mut self, _: &'static str) {}

    fn verify_signature(&mut self, _: &SignatureCheck<'_>) -> Result<bool, SignatureUnsupported> {
        Err(SignatureUnsupported)
    }
}

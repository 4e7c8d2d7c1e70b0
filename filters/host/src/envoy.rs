use std::time::Duration;

use tollgate_core::{
    Call, CallId, CallRefused, GrpcCall, GrpcCallId, Host, SharedDataUnavailable, SignatureCheck,
    SignatureUnsupported, Version,
};

use crate::abi::{self, HttpCall, Status};
use crate::pairs;
use crate::signature;
use crate::statistics;

/// The Envoy around this virtual machine.
pub(crate) struct Envoy;

/// A version that no value has, short of the 4,294,967,295th write.
///
/// Envoy takes 0 for "whatever is there" and inserts under any version what is
/// not there yet. So of several workers that insert a key with this version,
/// one succeeds, and the others learn that they were late.
const NOBODYS_VERSION: u32 = u32::MAX;

impl Host for Envoy {
    fn property(&mut self, path: &[u8]) -> Option<Vec<u8>> {
        abi::property(path).ok()
    }

    fn set_property(&mut self, path: &[u8], value: &[u8]) {
        if let Err(status) = abi::set_property(path, value) {
            abi::log_error(&format!("property {}: {status}", path.escape_ascii()));
        }
    }

    fn load(&mut self, key: &[u8]) -> Result<(Option<Vec<u8>>, Version), SharedDataUnavailable> {
        match abi::shared_data(key) {
            Ok((value, cas)) => Ok((Some(value), Version::Seen(cas))),
            Err(Status::NotFound) => Ok((None, Version::Absent)),
            Err(_) => Err(SharedDataUnavailable),
        }
    }

    fn store(
        &mut self,
        key: &[u8],
        value: &[u8],
        version: Version,
    ) -> Result<bool, SharedDataUnavailable> {
        let cas = match version {
            Version::Absent => NOBODYS_VERSION,
            Version::Seen(cas) => cas,
        };
        match abi::set_shared_data(key, value, cas) {
            Ok(()) => Ok(true),
            Err(Status::CasMismatch) => Ok(false),
            Err(_) => Err(SharedDataUnavailable),
        }
    }

    fn call(&mut self, call: &Call<'_>) -> Result<CallId, CallRefused> {
        let call = HttpCall {
            cluster: call.cluster.as_bytes(),
            headers: &pairs::encode(call.headers),
            body: call.body,
            trailers: &pairs::encode(&[]),
            timeout_millis: millis(call.timeout),
        };
        abi::http_call(&call).map(CallId).map_err(|_| CallRefused)
    }

    fn call_grpc(&mut self, call: &GrpcCall<'_>) -> Result<GrpcCallId, CallRefused> {
        let call = abi::GrpcCall {
            cluster: call.cluster.as_bytes(),
            service: call.service.as_bytes(),
            method: call.method.as_bytes(),
            metadata: &pairs::encode(&[]),
            message: call.message,
            timeout_millis: millis(call.timeout),
        };
        abi::grpc_call(&call).map(GrpcCallId).map_err(|_| CallRefused)
    }

    fn gauge(&mut self, name: &str, value: u64) {
        statistics::set(name, value);
    }

    fn count(&mut self, name: &'static str) {
        statistics::count(name);
    }

    fn verify_signature(
        &mut self,
        check: &SignatureCheck<'_>,
    ) -> Result<bool, SignatureUnsupported> {
        signature::verify(check)
    }
}

pub(crate) fn millis(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

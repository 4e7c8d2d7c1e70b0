use std::hash::Hash;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// The version of what is said about `model`.
///
/// Equal models have equal versions on every replica, so that an Envoy that
/// comes from another one is sent nothing again. It is no hash of the encoded
/// bytes, because maps are encoded in arbitrary order. Another build of the
/// translation may say other things about the same model.
pub(crate) fn version(model: &impl Hash) -> String {
    let mut hasher = SipHasher13::new();
    env!("TOLLGATE_TRANSLATION").hash(&mut hasher);
    model.hash(&mut hasher);
    format!("{:032x}", hasher.finish128().as_u128())
}

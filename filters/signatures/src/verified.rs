use std::rc::Rc;

use tollgate_core::Timestamp;

use crate::{BodyCheck, Key};

/// Finds a key by its id.
///
/// A caller who does not have the key yet sees here which one to fetch, lets
/// the verification fail, and asks again once it has come.
pub type Keys<'a> = dyn Fn(&str) -> Option<Rc<Key>> + 'a;

/// A signature that holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified {
    /// Whose key it was made with.
    pub key_id: String,

    /// In which way it was made.
    pub scheme: Scheme,

    /// What the body has to be. Nothing is settled before it has passed.
    pub body: BodyCheck,

    /// What the caller says it will never sign again.
    pub nonce: Option<String>,

    /// The SHA-256 of what was signed: the same for two requests only if
    /// nothing that the signature covers tells them apart. Unlike a signature,
    /// of which there can be several for one request, it cannot be varied.
    pub signed_sha256: [u8; 32],

    /// The last moment at which the signature is accepted.
    pub expires: Timestamp,
}

/// A way of signing requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// Tollgate's own HMAC.
    Hmac,
    /// AWS Signature Version 4.
    SigV4,
    /// HTTP Message Signatures (RFC 9421).
    HttpSignature,
}

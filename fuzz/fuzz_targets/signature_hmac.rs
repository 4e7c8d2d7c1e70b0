//! An HMAC credential with what it signs, as any client may send them.
#![no_main]

use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use tollgate_core::testing::MemoryHost;
use tollgate_core::{Headers, Timestamp};
use tollgate_signatures::{HmacSpec, Key, Request, SignatureSpec, Verifier};

/// Authority, target, credential, digest and another header.
type Sent<'a> = (&'a [u8], &'a [u8], &'a [u8], &'a [u8], &'a [u8]);

fuzz_target!(|sent: Sent<'_>| {
    let (authority, target, credential, digest, value) = sent;
    let credential = [b"HMAC-SHA256 ", credential].concat();
    let lines = [
        ("authorization", &credential[..]),
        ("content-digest", digest),
        ("x-a", value),
        ("x-a", value),
        ("x-b", value),
    ];
    let headers: Headers = lines.into_iter().collect();
    let spec = SignatureSpec { hmac: Some(HmacSpec::default()), ..SignatureSpec::default() };
    let request = Request {
        method: b"GET",
        scheme: b"https",
        authority,
        target,
        headers: &headers,
        body_sha256: None,
    };
    let key = Rc::new(Key::secret([7; 32]).unwrap());
    let keys = |_: &str| Some(Rc::clone(&key));
    let mut host = MemoryHost::default();
    let mut cx = host.at(Timestamp::from_seconds(1_700_000_000));
    let verified = Verifier::compile(spec).unwrap().verify(&request, &keys, &mut cx);
    assert!(verified.is_err(), "nobody signed this");
});

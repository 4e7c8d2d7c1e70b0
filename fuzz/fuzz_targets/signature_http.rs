//! An HTTP Message Signature with fields it may cover, as any client may send them.
#![no_main]

use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use tollgate_core::testing::MemoryHost;
use tollgate_core::{Headers, Timestamp};
use tollgate_signatures::{HttpSignatureSpec, Key, Request, SignatureSpec, Verifier};

/// Target, `signature-input`, `signature`, `content-digest` and another field.
type Sent<'a> = (&'a [u8], &'a [u8], &'a [u8], &'a [u8], &'a [u8]);

fuzz_target!(|sent: Sent<'_>| {
    let (target, input, signature, digest, value) = sent;
    let lines = [
        ("signature-input", input),
        ("signature", signature),
        ("content-digest", digest),
        ("x-a", value),
        ("x-a", value),
    ];
    let headers: Headers = lines.into_iter().collect();
    let policy = HttpSignatureSpec { components: Vec::new(), ..HttpSignatureSpec::default() };
    let spec = SignatureSpec { http_signature: Some(policy), ..SignatureSpec::default() };
    let request = Request {
        method: b"GET",
        scheme: b"https",
        authority: b"a.example",
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

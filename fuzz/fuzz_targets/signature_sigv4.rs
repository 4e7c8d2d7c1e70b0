//! An AWS signature in `authorization` or in a URL, as any client may send it.
#![no_main]

use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use tollgate_core::testing::MemoryHost;
use tollgate_core::{Headers, Timestamp};
use tollgate_signatures::{Key, NO_BODY, Request, SignatureSpec, Verifier};

const SPEC: &str = r#"{"sigv4": {"region": "r", "service": "s", "presigned": true,
    "unsigned_payload": true}}"#;

/// Target, credential if there is one, date, hash of the body, token.
type Sent<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8], Option<&'a [u8]>, Option<&'a [u8]>);

fuzz_target!(|sent: Sent<'_>| {
    let (target, credential, date, hash, token) = sent;
    let credential = credential.map(|credential| [b"AWS4-HMAC-SHA256 ", credential].concat());
    let lines = [
        ("authorization", credential.as_deref()),
        ("x-amz-date", Some(date)),
        ("x-amz-content-sha256", hash),
        ("x-amz-security-token", token),
    ];
    let lines = lines.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let headers: Headers = lines.collect();
    let request = Request {
        method: b"GET",
        scheme: b"https",
        authority: b"a.example",
        target,
        headers: &headers,
        body_sha256: Some(NO_BODY),
    };
    let spec: SignatureSpec = serde_json::from_str(SPEC).unwrap();
    let key = Rc::new(Key::secret([7; 32]).unwrap());
    let keys = |_: &str| Some(Rc::clone(&key));
    let mut host = MemoryHost::default();
    let mut cx = host.at(Timestamp::from_seconds(1_440_938_160));
    let verified = Verifier::compile(spec).unwrap().verify(&request, &keys, &mut cx);
    assert!(verified.is_err(), "nobody signed this");
});

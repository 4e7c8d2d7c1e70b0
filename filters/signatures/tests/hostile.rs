//! Whatever is sent, it is refused rather than a panic, and nothing holds that
//! nobody signed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod common;

use common::{Judge, Sent};
use proptest::prelude::*;
use serde_json::json;
use tollgate_signatures::{BodyCheck, Key};

fn judge() -> Judge {
    let spec = json!({
        "hmac": {},
        "sigv4": {"region": "r", "service": "s", "presigned": true, "unsigned_payload": true},
        "http_signature": {"components": []},
    });
    Judge::new(spec, 1_440_938_160).with_key("a", Key::secret([7; 32]).unwrap())
}

/// Parts that get past the first checks, between others that do not.
fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[ -~]{0,3}",
        Just("keyId=\"a\",created=1440938160,signature=AAAA".to_owned()),
        Just(",nonce=n,headers=\"date x-a\"".to_owned()),
        Just("Credential=a/20150830/r/s/aws4_request".to_owned()),
        Just(",SignedHeaders=host;x-amz-date".to_owned()),
        Just(format!(",Signature={}", "0".repeat(64))),
        Just("s=(\"@method\" \"date\";bs \"x-a\";key=\"b\")".to_owned()),
        Just(";created=1440938160;keyid=\"a\"".to_owned()),
        Just("s=:AAAA:".to_owned()),
        Just("sha-256=:AAAA:".to_owned()),
    ];
    prop::collection::vec(word, 0..5).prop_map(|words| words.concat())
}

fn header() -> impl Strategy<Value = (String, String)> {
    let name = prop::sample::select(vec![
        "authorization",
        "signature-input",
        "signature",
        "content-digest",
        "x-amz-date",
        "x-amz-content-sha256",
        "x-amz-security-token",
        "content-type",
        "date",
        "x-a",
    ]);
    let scheme =
        prop::sample::select(vec!["", "HMAC-SHA256 ", "AWS4-HMAC-SHA256 ", "20150830T123600Z"]);
    (name, scheme, words())
        .prop_map(|(name, scheme, words)| (name.to_owned(), scheme.to_owned() + &words))
}

fn query() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[ -~]{0,4}",
        Just("X-Amz-Algorithm=AWS4-HMAC-SHA256".to_owned()),
        Just("X-Amz-Credential=a%2F20150830%2Fr%2Fs%2Faws4_request".to_owned()),
        Just("X-Amz-Date=20150830T123600Z".to_owned()),
        Just("X-Amz-Expires=60".to_owned()),
        Just("X-Amz-SignedHeaders=host".to_owned()),
        Just(format!("X-Amz-Signature={}", "0".repeat(64))),
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.join("&"))
}

proptest! {
    #[test]
    fn nothing_holds_that_nobody_signed(
        query in query(),
        headers in prop::collection::vec(header(), 0..6),
        body in ".{0,3}",
    ) {
        let mut sent = Sent::new("GET", "https://a.example/").with_body(&body);
        sent.target = format!("/?{query}");
        sent.headers = headers;
        prop_assert!(judge().judge(&sent).is_err());
    }

    #[test]
    fn a_body_passes_in_pieces_as_it_does_at_once(
        body: Vec<u8>,
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        changed: Option<prop::sample::Index>,
    ) {
        use sha2::{Digest as _, Sha256, Sha512};
        let checks = [
            BodyCheck::Sha256(Sha256::digest(&body).into()),
            BodyCheck::Sha512(Sha512::digest(&body).into()),
        ];
        let mut sent = body.clone();
        let is_changed = changed.filter(|_| !body.is_empty());
        if let Some(place) = is_changed {
            let place = place.index(body.len());
            *sent.get_mut(place).unwrap() ^= 1;
        }
        for check in checks {
            let mut digest = check.start();
            let mut rest = &sent[..];
            for place in &places {
                let (piece, after) = rest.split_at(place.index(rest.len().saturating_add(1)));
                digest.update(piece);
                rest = after;
            }
            digest.update(rest);
            prop_assert_eq!(digest.finish().is_ok(), is_changed.is_none());
            prop_assert_eq!(check.check(&sent).is_ok(), is_changed.is_none());
        }
        prop_assert_eq!(BodyCheck::Empty.check(&body).is_ok(), body.is_empty());
        prop_assert!(BodyCheck::Unsigned.check(&body).is_ok());
    }
}

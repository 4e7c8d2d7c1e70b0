//! The example of the HMAC scheme in the crate's documentation, run as it stands.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use std::process::Command;

use common::mutants::mutants;
use common::{Judge, Sent};
use serde_json::json;
use tollgate_core::Timestamp;
use tollgate_signatures::{Key, Scheme};

const NOW: u64 = 1_700_000_000;
const SECRET: &str = "the secret that acme and the gateway share";

fn judge() -> Judge {
    Judge::new(json!({"hmac": {}}), NOW).with_key("acme-1", Key::secret(SECRET).unwrap())
}

/// The shell lines of the documentation, whose `curl` prints what it is given.
fn documented() -> Vec<String> {
    let documentation = include_str!("../src/lib.rs").lines().filter_map(|line| {
        line.strip_prefix("//!").map(|line| line.strip_prefix(' ').unwrap_or(line))
    });
    let shell = documentation.skip_while(|line| *line != "```sh").skip(1);
    let shell: Vec<_> = shell.take_while(|line| *line != "```").collect();
    let script = format!("set -eu\ncurl() {{ printf '%s\\0' \"$@\"; }}\n{}", shell.join("\n"));
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl is needed for this test: {errors}");
    let arguments = String::from_utf8(output.stdout).unwrap();
    arguments.split_terminator('\0').map(str::to_owned).collect()
}

/// The request that curl would send.
fn as_sent(arguments: &[String]) -> Sent {
    let mut sent = Sent::new("POST", &arguments[0]);
    for pair in arguments[1..].chunks(2) {
        sent = match pair[0].as_str() {
            "-H" => {
                let (name, value) = pair[1].split_once(": ").unwrap();
                sent.with(name, value)
            }
            "--data-raw" => sent.with_body(&pair[1]),
            other => panic!("{other} is no argument of the example"),
        };
    }
    sent
}

#[test]
fn the_example_of_the_documentation_holds() {
    let sent = as_sent(&documented());
    let verified = judge().judge(&sent).unwrap();
    assert_eq!(verified.key_id, "acme-1");
    assert_eq!(verified.scheme, Scheme::Hmac);
    assert_eq!(verified.nonce.as_deref(), Some("5f2c9a"));
    assert_eq!(verified.expires, Timestamp::from_seconds(NOW + 300));
    let signature = sent.headers.last().unwrap().1.rsplit("signature=").next().unwrap();
    let stated = format!("the signature is `{}`", signature.trim_matches('"'));
    assert!(include_str!("../src/lib.rs").contains(&stated), "{stated}");
}

#[test]
fn no_mutant_of_the_example_holds() {
    let sent = as_sent(&documented());
    let covered = ["content-type", "content-digest", "authorization"].map(str::to_owned);
    let mutants = mutants(&sent, &covered);
    assert!(20 < mutants.len());
    for (what, mutant) in mutants {
        assert!(judge().judge(&mutant).is_err(), "{what}");
    }
}

#[test]
fn no_parameter_of_a_credential_can_be_exchanged() {
    let sent = as_sent(&documented());
    let judged = |from: &str, to: &str| {
        let mut sent = sent.clone();
        let credential = &mut sent.headers.last_mut().unwrap().1;
        assert!(credential.contains(from), "{from}");
        *credential = credential.replace(from, to);
        judge().with_key("acme-2", Key::secret(SECRET).unwrap()).who(&sent)
    };
    let fails = "the signature does not hold";
    assert_eq!(judged("created=1700000000", "created=1700000000"), "acme-1");
    assert_eq!(judged("created=1700000000", "created=1700000001"), fails);
    assert_eq!(judged("keyId=\"acme-1\"", "keyId=\"acme-2\""), fails);
    assert_eq!(judged("nonce=\"5f2c9a\"", "nonce=\"5f2c9b\""), fails);
    assert_eq!(judged(",nonce=\"5f2c9a\"", ""), fails);
    assert_eq!(
        judged("headers=\"content-type\"", "headers=\"\""),
        "the signature does not cover content-type",
    );
    assert_eq!(
        judged("headers=\"content-type\"", "headers=\"content-type content-digest\""),
        fails
    );
    assert_eq!(judged("signature=\"", "signature=\"AAAA"), fails);
}

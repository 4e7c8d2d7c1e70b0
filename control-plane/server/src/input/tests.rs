use std::fs;
use std::sync::mpsc::channel;

use super::*;
use crate::fetch::{FetchFailed, Fetched};
use crate::revision::Changes;

const GOOD: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
/// A set by its form, of which nothing can be used.
const BAD: &str = r#"{"keys":[{"kty":"RSA","alg":"RS256"}]}"#;

/// Two issuers, whose keys nobody serves: what comes is what a test says.
fn input(folder: &Path) -> Input {
    let issuer = |name| {
        format!(
            "    {name}: {{ issuer: https://{name}.example.com, audiences: [api], \
             jwks: {{ url: \"{}\" }} }}\n",
            url(name)
        )
    };
    let identity = format!("identity:\n  jwt:\n{}{}", issuer("a"), issuer("b"));
    let config = folder.join("tollgate.yaml");
    fs::write(&config, include_str!("../../tests/good.yaml").to_owned() + &identity).unwrap();
    let (events, inbox) = channel();
    Input::new(
        Ledger::of_files(&config),
        Module::AtEnvoy("/gateway.wasm".into()),
        Fronts::empty(),
        events,
        inbox,
    )
}

fn url(issuer: &str) -> String {
    format!("http://127.0.0.1:1/{issuer}")
}

fn come(input: &mut Input, issuer: &str, set: &str) -> bool {
    input.on_event(Event::Fetched(Fetched {
        url: url(issuer),
        outcome: Ok(set.as_bytes().to_vec()),
    }))
}

fn changes(before: &Made, after: &Made) -> bool {
    !Changes::between(&before.snapshot, &after.snapshot).is_empty()
}

#[test]
fn a_bad_key_set_neither_replaces_a_good_one_nor_holds_back_another() {
    let folder = tempfile::tempdir().unwrap();
    let mut input = input(folder.path());
    let without = input.make().unwrap();
    assert!(come(&mut input, "a", GOOD));
    let with_a = input.make().unwrap();
    assert_eq!(with_a.warnings, [""; 0]);
    assert!(changes(&without, &with_a));

    assert!(come(&mut input, "a", BAD));
    assert!(come(&mut input, "b", GOOD));
    let with_both = input.make().unwrap();
    let [warning] = with_both.warnings.as_slice() else { panic!("{:?}", with_both.warnings) };
    assert!(warning.contains(": identity.jwt.a.jwks.url: "), "{warning}");
    assert!(changes(&with_a, &with_both));

    assert!(come(&mut input, "a", GOOD));
    let again = input.make().unwrap();
    assert_eq!(again.warnings, [""; 0]);
    assert!(!changes(&with_both, &again));
    assert!(!come(&mut input, "a", GOOD), "nothing new");
}

#[test]
fn files_are_looked_at_however_much_comes() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tollgate.yaml");
    fs::write(&config, "").unwrap();
    let (events, inbox) = channel();
    let module = Module::AtEnvoy("/gateway.wasm".into());
    let mut input =
        Input::new(Ledger::of_files(&config), module, Fronts::empty(), events.clone(), inbox);
    let failed = || Event::Fetched(Fetched { url: url("a"), outcome: Err(FetchFailed::TooLate) });
    std::thread::spawn(move || {
        while events.send(failed()).is_ok() {
            std::thread::sleep(LOOK_EVERY / 5);
        }
    });
    fs::write(&config, "changed").unwrap();
    assert!((0..100).any(|_| input.changed()));
}

#[test]
fn keys_of_an_issuer_that_is_gone_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let mut input = input(folder.path());
    input.make().unwrap();
    fs::write(&input.config, include_str!("../../tests/good.yaml")).unwrap();
    input.make().unwrap();
    assert!(!come(&mut input, "a", GOOD));
    assert_eq!(input.keys.newest(), Bodies::new());
}

//! The control plane as Envoys and operators see it: the real command, a real
//! stream, files that change.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod client;
mod process;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::client::Client;
use crate::process::{Served, start};

/// One API, small and good.
const GOOD: &str = include_str!("../good.yaml");

/// The same with another address of the backend.
fn moved() -> String {
    GOOD.replace("127.0.0.1:9001", "127.0.0.1:9002")
}

/// The new address came, and nothing of what did not change.
fn assert_moved(said: &[String]) {
    assert!(said.contains(&"endpoints orders".to_owned()), "{said:?}");
    assert!(said.iter().all(|one| one.ends_with(" orders")), "{said:?}");
}

#[tokio::test]
async fn a_change_brings_only_what_changed() {
    let served = Served::start(GOOD);
    let mut client = Client::connect(&served, "gw-1").await;
    let first = client.settled(&served, 1).await;
    let expected = [
        "cluster orders",
        "cluster users",
        "endpoints orders",
        "endpoints users",
        "extension tollgate.public",
        "listener public",
        "routes public",
    ];
    assert_eq!(first, expected);

    served.write(&moved());
    assert_moved(&client.settled(&served, 2).await);
    served.logged("published revision=2 added=0 changed=");
}

#[tokio::test]
async fn a_broken_file_changes_nothing_and_a_repaired_one_is_published() {
    let served = Served::start(GOOD);
    let mut client = Client::connect(&served, "gw-1").await;
    client.settled(&served, 1).await;

    served.write(
        &GOOD.replace("backend: orders", "backend: odrers").replace("auth: none", "auth: non"),
    );
    served.logged("apis.orders.routes.get-order.backend: no backend is named \"odrers\"");
    served.logged("tollgate.yaml:19: apis.orders.routes.get-user.auth: ");
    served.logged(
        "the configuration is not published; the last good one is served faults=3 serving=1",
    );
    // Whoever comes now gets the last good one.
    let mut newcomer = Client::connect(&served, "gw-2").await;
    assert_eq!(newcomer.settled(&served, 1).await.len(), 7);

    served.write(&moved());
    served.logged("recovered");
    assert_moved(&client.settled(&served, 2).await);
    assert_eq!(served.count("the configuration is not published"), 1);
}

#[tokio::test]
async fn a_deleted_file_changes_nothing() {
    let served = Served::start(GOOD);
    let mut client = Client::connect(&served, "gw-1").await;
    client.settled(&served, 1).await;
    served.remove();
    served.logged("tollgate.yaml: does not exist; check the path");
    served.write(&moved());
    assert_moved(&client.settled(&served, 2).await);
}

#[tokio::test]
async fn a_module_built_anew_is_named_to_envoy() {
    let served = Served::start(GOOD);
    let mut client = Client::connect(&served, "gw-1").await;
    client.settled(&served, 1).await;
    served.build("gateway.2.wasm");
    assert_eq!(client.settled(&served, 2).await, ["extension tollgate.public"]);
}

#[tokio::test]
async fn keys_that_cannot_be_had_at_first_are_published_when_they_can() {
    let (url, answer) = key_server();
    let config = format!(
        "{GOOD}identity:\n  jwt:\n    acme: {{ issuer: https://id.example.com, audiences: [api], \
         jwks: {{ url: \"{url}?token=secret\" }} }}\n"
    );
    let served = Served::start(&config);
    let mut client = Client::connect(&served, "gw-1").await;
    assert_eq!(client.settled(&served, 1).await.len(), 7);
    served.logged("a key set could not be had: the answer is 503, not 200");

    let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    *answer.lock().unwrap() = ("200 OK", set);
    assert_eq!(client.settled(&served, 2).await, ["extension tollgate.public"]);
    served.logged("the key set can be had again");
    assert_eq!(served.count("secret"), 0);
}

/// What a [`key_server`] answers.
type Answer = Arc<Mutex<(&'static str, &'static str)>>;

/// An identity provider that is down until it is told otherwise.
fn key_server() -> (String, Answer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let answer: Answer = Arc::new(Mutex::new(("503 Service Unavailable", "")));
    let told = Arc::clone(&answer);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|bytes| 2 < bytes) {}
            let (status, body) = *told.lock().unwrap();
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}");
            write!(stream.get_mut(), "{head}\r\n\r\n{body}").unwrap();
        }
    });
    (url, answer)
}

#[tokio::test]
async fn nothing_is_started_with_a_bad_configuration() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tollgate.yaml"), "apis: 7\n").unwrap();
    let (code, log) = start(folder.path(), "127.0.0.1:0").ended();
    assert_eq!(code, Some(1));
    assert!(log.starts_with("tollgate.yaml:1: apis: "), "{log}");
    assert!(!log.contains("serving"), "{log}");
}

#[tokio::test]
async fn a_taken_port_is_told_with_the_way_to_choose_another() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _holder = TcpListener::bind(taken).unwrap();
    let folder = process::folder(GOOD);
    let (code, log) = start(folder.path(), &taken.to_string()).ended();
    assert_eq!(code, Some(1));
    let expected =
        format!("--xds: {taken} is taken by another program; choose another address with --xds\n");
    assert!(log.ends_with(&expected), "{log}");
}

#[tokio::test]
async fn a_missing_module_is_told_with_the_way_to_build_it() {
    let folder = process::folder(GOOD);
    fs::remove_file(folder.path().join("gateway.wasm")).unwrap();
    let (code, log) = start(folder.path(), "127.0.0.1:0").ended();
    assert_eq!(code, Some(1));
    assert!(log.contains("\"gateway.wasm\" does not exist; build it with `make filters`"), "{log}");
}

#[tokio::test]
async fn a_signal_ends_it_cleanly_with_its_streams() {
    for signal in ["-TERM", "-INT"] {
        let served = Served::start(GOOD);
        let mut client = Client::connect(&served, "gw-1").await;
        client.settled(&served, 1).await;
        served.signal(signal);
        assert_eq!(client.end().await, "the control plane is stopping");
        let (code, log) = served.into_process().ended();
        assert_eq!(code, Some(0), "{log}");
    }
}

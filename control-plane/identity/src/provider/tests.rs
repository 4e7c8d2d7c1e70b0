use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread;

use super::*;
use crate::connector::connector;

const LONG: Duration = Duration::from_secs(20);

/// The url of a server that gives everybody this answer.
fn answering(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/introspect", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|bytes| 2 < bytes) {}
            // A client that has read enough may have gone.
            stream.get_mut().write_all(answer.as_bytes()).ok();
        }
    });
    url
}

async fn ask(url: &str, within: Duration) -> Result<Spoken, ProviderFailed> {
    let connector = connector(None, within).unwrap();
    let provider =
        Provider::new(connector, url.parse().unwrap(), "gateway", &Secret::new("canary"));
    provider.ask("token", within).await
}

async fn outcome(head: &str, body: &str) -> Result<Bytes, String> {
    let length = body.len();
    let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n{body}");
    let spoken = ask(&answering(answer), LONG).await;
    spoken.map(|spoken| spoken.body).map_err(|failure| failure.to_string())
}

#[tokio::test]
async fn an_answer_of_json_is_taken_as_it_is() {
    let body = r#"{"active": true}"#;
    for kind in ["application/json", "Application/JSON; charset=utf-8"] {
        let head = format!("200 OK\r\ncontent-type: {kind}");
        assert_eq!(outcome(&head, body).await.unwrap(), body);
    }
    let head = "200 OK\r\ncontent-type: application/json\r\ncontent-encoding: identity";
    assert_eq!(outcome(head, body).await.unwrap(), body);
}

#[tokio::test]
async fn why_there_is_no_answer_is_told() {
    let body = r#"{"active":true}"#;
    let json = "200 OK\r\ncontent-type: application/json";
    let large = " ".repeat((64 << 10) + 1);
    for (head, body, expected) in [
        (
            "302 Found\r\nlocation: http://127.0.0.1:1/",
            body,
            "the answer is 302, a redirect, which is not followed; write the url it leads to",
        ),
        (
            "401 Unauthorized",
            body,
            "the answer is 401: the provider does not accept our client_id and client_secret",
        ),
        (
            "403 Forbidden",
            body,
            "the answer is 403: the provider does not accept our client_id and client_secret",
        ),
        ("500 Oops", body, "the answer is 500, not 200"),
        ("201 Created", body, "the answer is 201, not 200"),
        (json, &large, "the answer is larger than 65536 bytes"),
        (
            "200 OK\r\ncontent-type: text/html; charset=utf-8",
            body,
            "the answer's content-type is \"text/html\", not application/json",
        ),
        ("200 OK", body, "the answer's content-type is \"\", not application/json"),
        (
            "200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip",
            body,
            "the answer is compressed, which nobody asked for",
        ),
        (json, "{}", "the answer is none: `active` is missing"),
    ] {
        assert_eq!(outcome(head, body).await, Err(expected.to_owned()));
    }
}

#[tokio::test]
async fn a_pause_is_in_seconds_or_until_a_date_by_the_same_clock() {
    let date = "date: Tue, 24 Nov 2026 10:00:00 GMT\r\nretry-after:";
    for (lines, seconds) in [
        ("retry-after: 120", 120),
        ("retry-after: 0", 1),
        ("retry-after: soon", 1),
        ("retry-after: -5", 1),
        ("x: y", 1),
        (&format!("{date} Tue, 24 Nov 2026 10:01:30 GMT"), 90),
        (&format!("{date} Tue, 24 Nov 2026 09:00:00 GMT"), 1),
        ("retry-after: Tue, 24 Nov 2026 10:01:30 GMT", 1),
    ] {
        let expected = format!("the answer is 429: the provider wants no calls for {seconds} s");
        assert_eq!(outcome(&format!("429 Wait\r\n{lines}"), "").await, Err(expected), "{lines}");
    }
}

#[tokio::test]
async fn what_cannot_be_reached_is_told() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failure = ask(&format!("http://{free}/"), LONG).await.err().unwrap();
    assert_eq!(failure.to_string(), "connection refused");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let failure = ask(&url, Duration::from_millis(50)).await.err().unwrap();
    assert_eq!(failure.to_string(), "no answer came in 50 ms");
    let url = answering(
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\ncontent-type: application/json\r\n\r\n{"
            .to_owned(),
    );
    let failure = ask(&url, LONG).await.err().unwrap();
    assert_eq!(failure.to_string(), "end of file before message length reached");
}

#[test]
fn only_a_refusal_of_the_token_says_nothing_about_the_provider() {
    for (failure, expected) in [
        (ProviderFailed::Status(400), true),
        (ProviderFailed::Status(413), true),
        (ProviderFailed::Status(404), false),
        (ProviderFailed::Status(500), false),
        (ProviderFailed::Unauthorized(401), false),
        (ProviderFailed::TooLate(LONG), false),
    ] {
        assert_eq!(failure.is_about_the_token(), expected, "{failure}");
    }
}

#[test]
fn the_secret_is_marked_as_one() {
    let value = basic("a:b c", &Secret::new("s&~ä"));
    // base64 of "a%3Ab+c:s%26%7E%C3%A4".
    assert_eq!(value, "Basic YSUzQWIrYzpzJTI2JTdFJUMzJUE0");
    assert_eq!(format!("{value:?}"), "Sensitive");
}

//! A provider that means harm, or is somebody else.

use std::fs;
use std::time::Duration;

use tollgate_identity::SourceSpec;

use crate::http::{Call, HttpServer, Play, answer, honest, json};
use crate::world::{World, is_unavailable, source};

#[tokio::test]
async fn nothing_but_a_whole_answer_lets_anyone_pass() {
    let provider = HttpServer::start(honest).await;
    let raw = |text: &str| Play::Say(text.as_bytes().to_vec());
    let good = r#"{"active":true}"#;
    let say = |status: &str, kind: &str, body: &str| Play::Say(answer(status, kind, body));
    for (what, play) in [
        ("a string", json(r#"{"active":"true"}"#)),
        ("a number", json(r#"{"active":1}"#)),
        ("nothing said", json(r#"{"sub":"me"}"#)),
        ("a list", json(r#"[{"active":true}]"#)),
        ("said twice", json(r#"{"active":false,"active":true}"#)),
        ("a web page", say("200 OK", "text/html", good)),
        ("no type", raw(&format!("HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{good}"))),
        ("garbage", json("\u{fffd}\u{0}{{{{")),
        (
            "cut short",
            raw(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{\"active\":true}",
            ),
        ),
        ("not HTTP", raw("SSH-2.0-OpenSSH_9.2\r\n\r\n")),
        ("created", say("201 Created", "application/json", good)),
        ("nothing", raw("HTTP/1.1 204 No Content\r\n\r\n")),
        ("not known", say("404 Not Found", "application/json", good)),
        ("not allowed", say("401 Unauthorized", "application/json", good)),
        ("too often", say("429 Too Many Requests", "application/json", good)),
        ("broken", say("503 Service Unavailable", "application/json", good)),
        ("hung up", Play::Close),
        ("too large", json(&format!("{good}{}", " ".repeat(64 << 10)))),
        (
            "compressed",
            raw(&format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 15\r\n\r\n{good}"
            )),
        ),
    ] {
        provider.play(move |_| play.clone());
        // A world of its own, so that no breaker answers instead.
        let world = World::new(source(&provider.url()));
        let before = provider.count();
        let told = world.ask("good").await;
        assert!(is_unavailable(&told), "{what}: {told:?}");
        assert_eq!(provider.count(), before + 1, "{what}");
    }
}

#[tokio::test]
async fn a_good_answer_of_the_largest_size_is_taken() {
    let provider = HttpServer::start(honest).await;
    let good = r#"{"active":true}"#;
    let body = format!("{good}{}", " ".repeat((64 << 10) - good.len()));
    provider.play(move |_| json(&body));
    assert!(World::new(source(&provider.url())).told("good").await.starts_with("active"));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = HttpServer::start(honest).await;
    let url = elsewhere.url();
    let provider = HttpServer::start(move |_: &Call| {
        Play::Say(
            format!(
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: {url}\r\ncontent-length: 0\r\n\r\n"
            )
            .into_bytes(),
        )
    })
    .await;
    assert!(is_unavailable(&World::new(source(&provider.url())).ask("good").await));
    assert_eq!((provider.count(), elsewhere.count()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_only_drips_is_given_up() {
    let play = json(r#"{"active":true}"#);
    let Play::Say(bytes) = play else { panic!() };
    let provider = HttpServer::start(move |_| Play::Trickle(bytes.clone())).await;
    let spec = SourceSpec { timeout: Duration::from_millis(300), ..source(&provider.url()) };
    assert!(is_unavailable(&World::new(spec).ask("good").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_200_megabytes_take_no_memory() {
    let provider = HttpServer::start(|_| Play::Flood).await;
    let before = resident_bytes();
    for round in 0..4 {
        let world = World::new(source(&provider.url()));
        let asked: Vec<_> = (0..32)
            .map(|token| {
                let front = world.front.clone();
                tokio::spawn(async move {
                    front.introspect("acme", &format!("good{round}-{token}")).await.unwrap()
                })
            })
            .collect();
        for asked in asked {
            assert!(is_unavailable(&asked.await.unwrap()));
        }
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 20 << 20, "{grown} bytes more");
    assert!(5 <= provider.count());
    // What the sockets hold is sent in any case: some megabytes each on loopback.
    assert!(provider.sent_bytes() < provider.count() * (16 << 20));
}

fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

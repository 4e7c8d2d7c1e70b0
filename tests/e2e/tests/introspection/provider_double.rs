//! A provider that answers as no provider should. Only for that: others are real.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What it says to whatever is asked.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    /// A status and a body, with `retry-after: 1` and a place to go to instead.
    Answer(u16, String),
    /// It hangs up.
    Nothing,
    /// Nothing for so long.
    Slow(Duration),
    /// That the token is active, after a while.
    Late(Duration),
    /// That it is, and so much more that it never ends.
    Endless,
    /// That it is, one byte at a time.
    Trickle,
    /// The truth: tokens that begin with `good` are active.
    Honest,
}

pub(crate) struct ProviderDouble {
    address: SocketAddr,
    state: Arc<State>,
    server: JoinHandle<()>,
}

struct State {
    says: Mutex<Says>,
    asked: AtomicU64,
    asked_about_good: AtomicU64,
    /// How many questions are open, and how many were at most.
    open: AtomicU64,
    open_max: AtomicU64,
}

const ACTIVE: &str = r#"{"active":true,"sub":"ann","aud":"api","scope":"orders.read"}"#;

impl Says {
    pub(crate) fn json(body: &str) -> Self {
        Self::status(200, body)
    }

    pub(crate) fn status(status: u16, body: &str) -> Self {
        Self::Answer(status, body.to_owned())
    }
}

impl ProviderDouble {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let says = Mutex::new(Says::json(ACTIVE));
        let state = Arc::new(State {
            says,
            asked: AtomicU64::new(0),
            asked_about_good: AtomicU64::new(0),
            open: AtomicU64::new(0),
            open_max: AtomicU64::new(0),
        });
        let shared = Arc::clone(&state);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                // A connection that breaks off is Envoy's to notice.
                tokio::spawn(async move { serve(stream, &state).await.ok() });
            }
        });
        Self { address, state, server }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn says(&self, says: Says) {
        *self.state.says.lock().unwrap_or_else(PoisonError::into_inner) = says;
    }

    pub(crate) fn asked(&self) -> u64 {
        self.state.asked.load(Ordering::Relaxed)
    }

    pub(crate) fn asked_about_good(&self) -> u64 {
        self.state.asked_about_good.load(Ordering::Relaxed)
    }

    /// How many questions were open at the same time at most.
    pub(crate) fn most_at_once(&self) -> u64 {
        self.state.open_max.load(Ordering::Relaxed)
    }
}

impl Drop for ProviderDouble {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// One question on each connection.
async fn serve(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    let is_good = read_question(&mut stream).await?.contains("token=good");
    state.asked.fetch_add(1, Ordering::Relaxed);
    state.asked_about_good.fetch_add(is_good.into(), Ordering::Relaxed);
    let says = state.says.lock().unwrap_or_else(PoisonError::into_inner).clone();
    state.open_max.fetch_max(state.open.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
    let said = say(&mut stream, says, is_good).await;
    state.open.fetch_sub(1, Ordering::Relaxed);
    said
}

async fn say(stream: &mut TcpStream, says: Says, is_good: bool) -> std::io::Result<()> {
    match says {
        Says::Answer(status, body) => answer(stream, status, &body).await,
        Says::Nothing => Ok(()),
        // Or until whoever asks gives it up.
        Says::Slow(span) => {
            tokio::time::timeout(span, stream.read(&mut [0])).await.ok();
            Ok(())
        }
        Says::Late(span) => {
            tokio::time::sleep(span).await;
            answer(stream, 200, ACTIVE).await
        }
        Says::Endless => endless(stream).await,
        Says::Trickle => trickle(stream).await,
        Says::Honest if is_good => answer(stream, 200, ACTIVE).await,
        Says::Honest => answer(stream, 200, r#"{"active":false}"#).await,
    }
}

async fn answer(stream: &mut TcpStream, status: u16, body: &str) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
         location: /elsewhere\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// 200 MB, if somebody takes them.
async fn endless(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
    stream.write_all(ACTIVE.as_bytes()).await?;
    let blanks = vec![b' '; 1 << 20];
    for _ in 0..200 {
        stream.write_all(&blanks).await?;
    }
    stream.shutdown().await
}

/// For a minute, if somebody waits for it.
async fn trickle(stream: &mut TcpStream) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", ACTIVE.len());
    for byte in head.bytes().chain(ACTIVE.bytes()) {
        stream.write_all(&[byte]).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    stream.shutdown().await
}

/// The head, and as much of a body as it says.
async fn read_question(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut question = Vec::new();
    loop {
        if stream.read_buf(&mut question).await? == 0 {
            return Ok(String::new());
        }
        let text = String::from_utf8_lossy(&question);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if length.and_then(|length| length.parse().ok()).unwrap_or(0) <= body.len() {
                return Ok(body.to_owned());
            }
        }
    }
}

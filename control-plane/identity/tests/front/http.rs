//! A real HTTP server that can behave in any way, and counts its calls.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, BufReader};
use tokio::io::{AsyncWriteExt as _, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// What it does with a call.
#[derive(Clone, Debug)]
pub(crate) enum Play {
    /// Sends these bytes, and reads the next call.
    Say(Vec<u8>),
    /// The same after a while.
    SayLater(Duration, Vec<u8>),
    /// Sends these bytes one at a time.
    Trickle(Vec<u8>),
    /// Sends a head and then as many bytes as are taken, up to 200 MB.
    Flood,
    /// Sends nothing and keeps the connection.
    Nothing,
    /// Closes the connection.
    Close,
}

/// A call as it came.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) head: String,
    pub(crate) body: String,
}

type Script = Box<dyn Fn(&Call) -> Play + Send + Sync>;

pub(crate) struct HttpServer {
    address: SocketAddr,
    state: Arc<State>,
    server: JoinHandle<()>,
}

struct State {
    script: Mutex<Script>,
    calls: Mutex<Vec<Call>>,
    open: AtomicUsize,
    open_max: AtomicUsize,
    sent_bytes: AtomicUsize,
}

impl HttpServer {
    /// Listens on a free port.
    pub(crate) async fn start(script: impl Fn(&Call) -> Play + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), script)
    }

    pub(crate) fn on(
        listener: TcpListener,
        script: impl Fn(&Call) -> Play + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            script: Mutex::new(Box::new(script)),
            calls: Mutex::default(),
            open: AtomicUsize::new(0),
            open_max: AtomicUsize::new(0),
            sent_bytes: AtomicUsize::new(0),
        });
        let server = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self { address, state, server }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/introspect", self.address)
    }

    /// Behaves like this from the next call on.
    pub(crate) fn play(&self, script: impl Fn(&Call) -> Play + Send + Sync + 'static) {
        *self.state.script.lock().unwrap() = Box::new(script);
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.calls.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.state.calls.lock().unwrap().len()
    }

    /// The most calls that were under way at a time.
    pub(crate) fn open_max(&self) -> usize {
        self.state.open_max.load(Ordering::SeqCst)
    }

    pub(crate) fn sent_bytes(&self) -> usize {
        self.state.sent_bytes.load(Ordering::SeqCst)
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    // Connections end with the server, as they would with a process.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(attend(stream, Arc::clone(&state)));
    }
}

async fn attend(stream: TcpStream, state: Arc<State>) {
    stream.set_nodelay(true).unwrap();
    converse(stream, &state).await;
}

/// Answers calls until the connection ends.
async fn converse(stream: impl AsyncRead + AsyncWrite, state: &State) {
    let (reader, mut writer) = split(stream);
    let mut reader = BufReader::new(reader);
    while let Some(call) = read(&mut reader).await {
        let open = state.open.fetch_add(1, Ordering::SeqCst) + 1;
        state.open_max.fetch_max(open, Ordering::SeqCst);
        let play = (state.script.lock().unwrap())(&call);
        state.calls.lock().unwrap().push(call);
        let mut byte = [0];
        let goes_on = tokio::select! {
            goes_on = perform(play, &mut writer, state) => goes_on,
            // Whoever does not wait for the answer closes the connection.
            _ = reader.read(&mut byte) => false,
        };
        state.open.fetch_sub(1, Ordering::SeqCst);
        if !goes_on {
            return;
        }
    }
}

async fn perform(play: Play, writer: &mut (impl AsyncWrite + Unpin), state: &State) -> bool {
    match play {
        Play::Say(bytes) => writer.write_all(&bytes).await.is_ok(),
        Play::SayLater(pause, bytes) => {
            sleep(pause).await;
            writer.write_all(&bytes).await.is_ok()
        }
        Play::Trickle(bytes) => {
            for byte in bytes {
                if writer.write_all(&[byte]).await.is_err() {
                    return false;
                }
                sleep(Duration::from_millis(20)).await;
            }
            true
        }
        Play::Flood => {
            flood(writer, state).await;
            false
        }
        Play::Nothing => std::future::pending().await,
        Play::Close => false,
    }
}

async fn flood(writer: &mut (impl AsyncWrite + Unpin), state: &State) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\n\r\n";
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let mut rest = writer.write_all(head.as_bytes()).await.map_or(0, |()| 200_000_000usize);
    while 0 < rest && writer.write_all(chunk.as_bytes()).await.is_ok() {
        state.sent_bytes.fetch_add(chunk.len(), Ordering::SeqCst);
        rest = rest.saturating_sub(chunk.len());
    }
}

async fn read(reader: &mut BufReader<impl AsyncRead + Unpin>) -> Option<Call> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).await.ok()?;
    Some(Call { head, body: String::from_utf8(body).unwrap() })
}

/// A whole answer.
pub(crate) fn answer(status: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A good answer.
pub(crate) fn json(body: &str) -> Play {
    Play::Say(answer("200 OK", "application/json", body))
}

/// What an ordinary provider does: tokens that begin with `good` are active.
pub(crate) fn honest(call: &Call) -> Play {
    if call.body.starts_with("token=good") {
        json(r#"{"active":true,"sub":"me"}"#)
    } else {
        json(r#"{"active":false}"#)
    }
}

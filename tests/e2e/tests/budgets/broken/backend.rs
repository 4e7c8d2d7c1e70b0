//! A server that is in trouble until it is well.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What is the matter with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// Whoever wants to connect hears nothing, not even no.
    Unreachable,
    /// It takes requests and says nothing.
    Silent,
    /// It answers a byte a second.
    Trickling,
    /// It ends its side of the connection instead of an answer, and stays on the other.
    HalfClosing,
    /// The same, within its answer.
    Truncating,
    /// It resets the connection instead of an answer.
    Resetting,
}

/// One with a fault.
pub(super) struct Broken {
    pub(super) fault: Fault,
    pub(super) port: u16,
    under_way: Arc<UnderWay>,
    well: watch::Sender<bool>,
    server: JoinHandle<()>,
    /// What waits to be taken, so that nothing else can.
    _waiting: Vec<TcpStream>,
}

/// How many requests it has that it has not done with.
#[derive(Default)]
struct UnderWay {
    now: AtomicU64,
    peak: AtomicU64,
}

/// So many connections may wait to be taken, and one more.
const BACKLOG: u32 = 128;

/// Of one that takes none.
const BACKLOG_OF_NONE: u32 = 1;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwell";

const LONG_ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";

// === impl Fault ===

impl Fault {
    pub(super) const ALL: [Self; 6] = [
        Self::Unreachable,
        Self::Silent,
        Self::Trickling,
        Self::HalfClosing,
        Self::Truncating,
        Self::Resetting,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Silent => "silent",
            Self::Trickling => "trickling",
            Self::HalfClosing => "half-closing",
            Self::Truncating => "truncating",
            Self::Resetting => "resetting",
        }
    }

    /// Whether requests stay there.
    pub(super) fn holds(self) -> bool {
        matches!(self, Self::Unreachable | Self::Silent | Self::Trickling)
    }

    /// By what Envoy counts those that stay.
    pub(super) fn counted_as(self) -> &'static str {
        if self == Self::Unreachable { "upstream_rq_pending_active" } else { "upstream_rq_active" }
    }
}

// === impl Broken ===

impl Broken {
    pub(super) async fn start(fault: Fault) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let is_reachable = fault != Fault::Unreachable;
        let backlog = if is_reachable { BACKLOG } else { BACKLOG_OF_NONE };
        let listener = socket.listen(backlog).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while !is_reachable && waiting.len() <= BACKLOG_OF_NONE as usize {
            waiting.push(TcpStream::connect(address).await.unwrap());
        }
        let under_way = Arc::<UnderWay>::default();
        let (well, is_well) = watch::channel(false);
        let server = tokio::spawn(accept(listener, fault, is_well, Arc::clone(&under_way)));
        Self { fault, port: address.port(), under_way, well, server, _waiting: waiting }
    }

    /// Answers from now on.
    pub(super) fn heal(&self) {
        self.well.send_replace(true);
    }

    /// How many requests it had at a time, at most.
    pub(super) fn peak(&self) -> u64 {
        self.under_way.peak.load(Ordering::Relaxed)
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(
    listener: TcpListener,
    fault: Fault,
    mut is_well: watch::Receiver<bool>,
    under_way: Arc<UnderWay>,
) {
    if fault == Fault::Unreachable && is_well.wait_for(|well| *well).await.is_err() {
        return;
    }
    while let Ok((stream, _)) = listener.accept().await {
        let (is_well, under_way) = (is_well.clone(), Arc::clone(&under_way));
        tokio::spawn(async move {
            // Whoever connects notices what becomes of it.
            let _ = converse(stream, fault, &is_well, &under_way).await;
        });
    }
}

/// Requests come in one piece here.
async fn converse(
    mut stream: TcpStream,
    fault: Fault,
    is_well: &watch::Receiver<bool>,
    under_way: &UnderWay,
) -> std::io::Result<()> {
    let mut request = [0; 4096];
    while 0 < stream.read(&mut request).await? {
        if *is_well.borrow() {
            stream.write_all(ANSWER).await?;
        } else {
            return fail(stream, fault, under_way).await;
        }
    }
    Ok(())
}

/// What ends is done with before the other side can know.
async fn fail(mut stream: TcpStream, fault: Fault, under_way: &UnderWay) -> std::io::Result<()> {
    under_way.more();
    match fault {
        Fault::Unreachable | Fault::Silent => {}
        Fault::Trickling => {
            stream.write_all(LONG_ANSWER).await?;
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Fault::HalfClosing => {
            under_way.fewer();
            stream.shutdown().await?;
        }
        Fault::Truncating => {
            stream.write_all(LONG_ANSWER).await?;
            under_way.fewer();
            stream.shutdown().await?;
        }
        Fault::Resetting => {
            under_way.fewer();
            return stream.set_zero_linger();
        }
    }
    let mut rest = [0; 4096];
    while 0 < stream.read(&mut rest).await? {}
    if fault.holds() {
        under_way.fewer();
    }
    Ok(())
}

// === impl UnderWay ===

impl UnderWay {
    fn more(&self) {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak.fetch_max(now, Ordering::Relaxed);
    }

    fn fewer(&self) {
        self.now.fetch_sub(1, Ordering::Relaxed);
    }
}

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A way to a server that can be lost: then nothing passes, and neither end is told.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    passes: Arc<watch::Sender<bool>>,
    listening: JoinHandle<()>,
}

impl Link {
    /// To a server at `server`, on a port of its own.
    pub async fn to(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, passes) = (listener.local_addr()?, Arc::new(watch::Sender::new(true)));
        let state = passes.subscribe();
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(join(client, server, state.clone()));
            }
        });
        Ok(Self { address, passes, listening })
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nothing passes any more.
    pub fn lose(&self) {
        self.passes.send_replace(false);
    }

    /// What was under way arrives.
    pub fn mend(&self) {
        self.passes.send_replace(true);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn join(client: TcpStream, server: SocketAddr, state: watch::Receiver<bool>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    tokio::join!(pass(from_client, to_server, state.clone()), pass(from_server, to_client, state));
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<bool>,
) {
    let mut buffer = [0; 8192];
    while let Ok(count) = from.read(&mut buffer).await {
        if state.wait_for(|passes| *passes).await.is_err() {
            return;
        }
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
    to.shutdown().await.ok();
}

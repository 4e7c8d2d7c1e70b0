use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::{Buf as _, Bytes, BytesMut};
use h3::client::SendRequest;
use h3_quinn::OpenStreams;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::call::lines;
use crate::{Answer, Call, TlsClient};

/// Somebody who speaks HTTP/3, with one memory of sessions for all its connections.
#[derive(Debug)]
pub struct QuicClient {
    endpoint: Endpoint,
}

/// A connection, until it is dropped.
pub struct QuicConnection {
    driving: JoinHandle<()>,
    _sender: SendRequest<OpenStreams, Bytes>,
}

/// Long enough for an answer from a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is not allowed by then is waited for.
const WAITS: Duration = Duration::from_secs(3);

// === impl QuicClient ===

impl QuicClient {
    /// One that trusts whom this one trusts.
    pub fn new(client: &TlsClient) -> Result<Self> {
        let mut config = client.config();
        config.alpn_protocols = vec![b"h3".to_vec()];
        config.enable_early_data = true;
        let config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(config)?));
        let mut endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into())?;
        endpoint.set_default_client_config(config);
        Ok(Self { endpoint })
    }

    /// Sends it on a connection of its own.
    pub async fn send(&self, call: &Call, address: SocketAddr) -> Result<Answer> {
        Ok(self.send_and_stay(call, address).await?.0)
    }

    /// Likewise, and keeps that connection.
    pub async fn send_and_stay(
        &self,
        call: &Call,
        address: SocketAddr,
    ) -> Result<(Answer, QuicConnection)> {
        let exchange = exchange(self.connect(address).await?, call);
        timeout(PATIENCE, exchange).await.context("no answer came")?
    }

    /// How many requests a server lets one connection have open at once, of `most`.
    pub async fn open_at_once(&self, address: SocketAddr, most: usize) -> Result<usize> {
        let connection = self.connect(address).await?;
        let mut open = Vec::new();
        while open.len() < most {
            match timeout(WAITS, connection.open_bi()).await {
                Ok(stream) => open.push(stream?),
                Err(_) => break,
            }
        }
        Ok(open.len())
    }

    async fn connect(&self, address: SocketAddr) -> Result<Connection> {
        let connecting = self.endpoint.connect(address, "localhost")?;
        Ok(timeout(PATIENCE, connecting).await.context("no connection came")??)
    }

    /// Whether the server lets those whom it knows send before their handshake has ended.
    pub fn may_send_early(&self, address: SocketAddr) -> Result<bool> {
        Ok(self.endpoint.connect(address, "localhost")?.into_0rtt().is_ok())
    }
}

// === impl QuicConnection ===

impl Drop for QuicConnection {
    fn drop(&mut self) {
        self.driving.abort();
    }
}

async fn exchange(connection: Connection, call: &Call) -> Result<(Answer, QuicConnection)> {
    let connection = h3_quinn::Connection::new(connection);
    let (mut driver, mut sender) = h3::client::new(connection).await?;
    let driving = tokio::spawn(async move {
        driver.wait_idle().await;
    });
    let (head, body) = call.over_quic()?;
    let mut stream = sender.send_request(head).await?;
    if !body.is_empty() {
        stream.send_data(body).await?;
    }
    stream.finish().await?;
    let response = stream.recv_response().await?;
    let mut body = BytesMut::new();
    while let Some(mut part) = stream.recv_data().await? {
        body.extend_from_slice(&part.copy_to_bytes(part.remaining()));
    }
    let trailers = stream.recv_trailers().await?.as_ref().map(lines).unwrap_or_default();
    let (status, headers) = (response.status().as_u16(), lines(response.headers()));
    let answer = Answer { status, headers, trailers, body: body.freeze() };
    Ok((answer, QuicConnection { driving, _sender: sender }))
}

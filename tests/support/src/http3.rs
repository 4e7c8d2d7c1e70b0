use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::{Buf as _, BytesMut};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Endpoint};
use tokio::time::timeout;

use crate::call::lines;
use crate::{Answer, Call, TlsClient};

/// Somebody who speaks HTTP/3, with one memory of sessions for all its connections.
#[derive(Debug)]
pub struct QuicClient {
    endpoint: Endpoint,
}

/// Long enough for an answer from a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

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
        timeout(PATIENCE, self.exchange(call, address)).await.context("no answer came")?
    }

    async fn exchange(&self, call: &Call, address: SocketAddr) -> Result<Answer> {
        let connection = self.endpoint.connect(address, "localhost")?.await?;
        let connection = h3_quinn::Connection::new(connection);
        let (mut driver, mut sender) = h3::client::new(connection).await?;
        let driving = tokio::spawn(async move { driver.wait_idle().await });
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
        driving.abort();
        let (status, headers) = (response.status().as_u16(), lines(response.headers()));
        Ok(Answer { status, headers, trailers, body: body.freeze() })
    }

    /// Whether the server lets those whom it knows send before their handshake has ended.
    pub fn may_send_early(&self, address: SocketAddr) -> Result<bool> {
        Ok(self.endpoint.connect(address, "localhost")?.into_0rtt().is_ok())
    }
}

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Answer;

/// A connection on which the bytes are the test's own: no library corrects them.
#[derive(Debug)]
pub struct RawConnection {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// Long enough for an answer from a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

impl RawConnection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::new() })
    }

    /// Sends one request and reads one answer, which has a content-length, is
    /// chunked, or ends with the connection.
    pub async fn send(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).await?;
        timeout(PATIENCE, self.read_answer()).await.context("no answer came")?
    }

    /// Sends one request on a connection of its own.
    pub async fn once(address: SocketAddr, request: &[u8]) -> Result<Answer> {
        Self::open(address).await?.send(request).await
    }

    /// Opens a WebSocket, or is told why not.
    pub async fn upgrade(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).await?;
        let head = timeout(PATIENCE, self.read_head()).await.context("no answer came")??;
        parse_head(&head)
    }

    /// Sends bytes and reads as many.
    pub async fn exchange(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        self.stream.write_all(bytes).await?;
        timeout(PATIENCE, self.read_exactly(bytes.len())).await.context("nothing came back")?
    }

    /// Sends bytes, and waits for nothing.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Waits until the other side closes it.
    pub async fn ended(&mut self) -> Result<()> {
        timeout(PATIENCE, self.read_to_end()).await.context("it stayed open")??;
        Ok(())
    }

    async fn read_head(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                return Ok(self.take(end.saturating_add(4)));
            }
            anyhow::ensure!(self.read_more().await?, "the connection ended before an answer");
        }
    }

    async fn read_answer(&mut self) -> Result<Answer> {
        let head = self.read_head().await?;
        let mut answer = parse_head(&head)?;
        answer.body = match (answer.header("content-length"), answer.header("transfer-encoding")) {
            (Some(length), _) => self.read_exactly(length.parse()?).await?,
            (None, Some(_)) => self.read_chunks().await?,
            (None, None) => self.read_to_end().await?,
        }
        .into();
        Ok(answer)
    }

    async fn read_exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.unread.len() < length {
            anyhow::ensure!(self.read_more().await?, "the connection ended within an answer");
        }
        Ok(self.take(length))
    }

    async fn read_chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.read_line().await?;
            let length = usize::from_str_radix(line.trim(), 16)?;
            body.extend(self.read_exactly(length).await?);
            self.read_line().await?;
            if length == 0 {
                return Ok(body);
            }
        }
    }

    async fn read_line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = find(&self.unread, b"\r\n") {
                return Ok(String::from_utf8(self.take(end.saturating_add(2)))?);
            }
            anyhow::ensure!(self.read_more().await?, "the connection ended within an answer");
        }
    }

    async fn read_to_end(&mut self) -> Result<Vec<u8>> {
        while self.read_more().await? {}
        Ok(std::mem::take(&mut self.unread))
    }

    async fn read_more(&mut self) -> Result<bool> {
        Ok(self.stream.read_buf(&mut self.unread).await? != 0)
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.unread.split_off(length);
        std::mem::replace(&mut self.unread, rest)
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn parse_head(head: &[u8]) -> Result<Answer> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status line")?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Ok(Answer { status: status.parse()?, headers, ..Answer::default() })
}

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// A connection that does nothing but send one request over and over: what it
/// costs is taken from the same processors as what is measured.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

const BUFFER_BYTES: usize = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(20);

impl Client {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: vec![0; BUFFER_BYTES], filled: 0 })
    }

    /// The status of the answer.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request)?;
        self.filled = 0;
        loop {
            if let Some(end) = message_end(self.read_so_far())? {
                ensure!(end == self.filled, "more came than was asked for");
                return status(self.read_so_far());
            }
            ensure!(0 < self.read_more()?, "the connection ended before an answer");
        }
    }

    fn read_so_far(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    fn read_more(&mut self) -> Result<usize> {
        let rest = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let read = self.stream.read(rest)?;
        self.filled = self.filled.saturating_add(read);
        Ok(read)
    }
}

/// Where the head of a message ends, if all of it is there.
pub(crate) fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at.saturating_add(4))
}

/// Where a message with a content-length ends, if all of it is there.
pub(crate) fn message_end(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(head) = head_end(bytes) else { return Ok(None) };
    let end = head.saturating_add(content_length(bytes.get(..head).unwrap_or_default())?);
    Ok((end <= bytes.len()).then_some(end))
}

fn content_length(head: &[u8]) -> Result<usize> {
    const NAME: &[u8] = b"\r\ncontent-length: ";
    let at = head.windows(NAME.len()).position(|name| name.eq_ignore_ascii_case(NAME));
    let start = at.context("an answer without content-length")?.saturating_add(NAME.len());
    let digits = head.get(start..).unwrap_or_default().split(|&byte| byte == b'\r').next();
    Ok(std::str::from_utf8(digits.unwrap_or_default())?.parse()?)
}

fn status(head: &[u8]) -> Result<u16> {
    let digits = head.get(9..12).context("an answer without status")?;
    Ok(std::str::from_utf8(digits)?.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_ends_where_its_length_says() {
        let whole = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nx: y\r\n\r\nno";
        assert_eq!(message_end(whole).unwrap(), Some(whole.len()));
        assert_eq!(message_end(&whole[..whole.len() - 1]).unwrap(), None);
        assert_eq!(message_end(&whole[..20]).unwrap(), None);
        assert_eq!(status(whole).unwrap(), 403);
        assert!(message_end(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}

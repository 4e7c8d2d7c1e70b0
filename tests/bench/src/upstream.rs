use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::Result;

use crate::http::head_end;

/// As cheap as a server can be: it answers every request with the same bytes.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    address: SocketAddr,
    /// The last request of a connection, when it ended.
    last: Arc<Mutex<Vec<u8>>>,
}

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nok\n";

/// Asks for the request to be remembered.
pub(crate) const REMEMBER: &str = "x-bench-remember";

const BUFFER_BYTES: usize = 16 * 1024;

impl Upstream {
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, tollgate_support::free_port()?))?;
        let this = Self { address: listener.local_addr()?, last: Arc::default() };
        let upstream = this.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let upstream = upstream.clone();
                thread::spawn(move || upstream.serve(stream));
            }
        });
        Ok(this)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The last request that was to be remembered, in lower case.
    pub(crate) fn remembered(&self) -> String {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&last).to_lowercase()
    }

    /// Ends with the connection, whichever way that ends.
    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut filled = 0_usize;
        loop {
            let read = stream.read(buffer.get_mut(filled..)?).ok().filter(|&read| 0 < read)?;
            filled = filled.saturating_add(read);
            let so_far = buffer.get(..filled)?;
            if head_end(so_far) == Some(filled) {
                self.remember(so_far);
                filled = 0;
                stream.write_all(ANSWER).ok()?;
            }
        }
    }

    fn remember(&self, request: &[u8]) {
        let asked = request.windows(REMEMBER.len()).any(|name| name == REMEMBER.as_bytes());
        if asked {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = request.to_vec();
        }
    }
}

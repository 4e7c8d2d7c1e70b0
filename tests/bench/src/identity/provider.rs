use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::Result;

use crate::http::message_end;

/// A provider that knows some tokens by how they begin, and counts.
#[derive(Clone, Debug)]
pub(super) struct Provider {
    port: u16,
    asked: Arc<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    good: AtomicU64,
    others: AtomicU64,
}

/// How the tokens begin that it knows.
pub(super) const GOOD: &str = "good";

const BUFFER_BYTES: usize = 16 * 1024;

impl Provider {
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, tollgate_support::free_port()?))?;
        let this = Self { port: listener.local_addr()?.port(), asked: Arc::default() };
        let asked = Arc::clone(&this.asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let asked = Arc::clone(&asked);
                thread::spawn(move || serve(stream, &asked));
            }
        });
        Ok(this)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// How often it was asked so far about tokens that it knows.
    pub(super) fn asked_about_good(&self) -> u64 {
        self.asked.good.load(Ordering::Relaxed)
    }

    /// How often about others.
    pub(super) fn asked_about_others(&self) -> u64 {
        self.asked.others.load(Ordering::Relaxed)
    }
}

/// Ends with the connection, whichever way that ends.
fn serve(mut stream: TcpStream, asked: &Asked) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut filled = 0_usize;
    loop {
        let read = stream.read(buffer.get_mut(filled..)?).ok().filter(|&read| 0 < read)?;
        filled = filled.saturating_add(read);
        let question = buffer.get(..filled)?;
        if message_end(question).ok()? == Some(filled) {
            stream.write_all(answer(question, asked).as_bytes()).ok()?;
            filled = 0;
        }
    }
}

fn answer(question: &[u8], asked: &Asked) -> String {
    let about = format!("token={GOOD}");
    let good = question.windows(about.len()).any(|bytes| bytes == about.as_bytes());
    let count = if good { &asked.good } else { &asked.others };
    count.fetch_add(1, Ordering::Relaxed);
    let body = if good { r#"{"active":true,"sub":"ann"}"# } else { r#"{"active":false}"# };
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

//! Whether a control plane serves, for those who watch over it.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Whoever asks for health starts a process each time: better soon than patiently.
const PATIENCE: Duration = Duration::from_secs(2);

/// How a client opens a connection: the preface and no settings (RFC 9113, section 3.4).
const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// The type of the frame that every server begins with (RFC 9113, section 6.5).
const SETTINGS: u8 = 4;

/// Why a control plane is not well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unhealthy {
    /// Nothing serves there, or it hangs.
    #[error("{address}: no answer: {reason}; is `tollgate serve` running there?")]
    NoAnswer {
        /// Where it was looked for.
        address: SocketAddr,
        /// In the system's words.
        reason: io::Error,
    },
    /// Another program has the port.
    #[error("{0}: is no control plane; name the address that `tollgate serve --xds` listens on")]
    Other(SocketAddr),
}

/// What a server says that wanted to hear a greeting of TLS: an alert (RFC 8446, section 5.1).
const ALERT: u8 = 21;

/// Asks whether a control plane serves at `address`: it listens only once it has
/// a configuration, and answers only while it is not stuck.
pub fn health(address: SocketAddr) -> Result<(), Unhealthy> {
    let answer = opened(address).map_err(|reason| Unhealthy::NoAnswer { address, reason })?;
    match answer {
        [ALERT, 3, ..] | [_, _, _, SETTINGS, ..] => Ok(()),
        _ => Err(Unhealthy::Other(address)),
    }
}

/// The head of the first frame that is sent there (RFC 9113, section 4.1), or an alert.
fn opened(address: SocketAddr) -> io::Result<[u8; 7]> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(OPENING)?;
    let mut head = [0; 7];
    stream.read_exact(&mut head)?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread;

    use super::*;

    /// What is said of a server that answers with these bytes, if it has time for it.
    fn said(answer: &'static [u8]) -> Result<(), String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut opening = [0; OPENING.len()];
            stream.read_exact(&mut opening).unwrap();
            stream.write_all(answer).unwrap();
        });
        let said = health(address).map_err(|fault| fault.to_string());
        server.join().unwrap();
        said.map_err(|text| text.replace(&address.to_string(), "ADDRESS"))
    }

    #[test]
    fn only_a_server_of_http_2_is_well() {
        assert_eq!(said(b"\0\0\0\x04\0\0\0\0\0"), Ok(()));
        assert_eq!(said(b"\x15\x03\x03\0\x02\x02\x32"), Ok(()), "it speaks TLS");
        let other = "ADDRESS: is no control plane; name the address that `tollgate serve --xds` \
                     listens on";
        assert_eq!(said(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Err(other.to_owned()));
        let none = "ADDRESS: no answer: failed to fill whole buffer; is `tollgate serve` running \
                    there?";
        assert_eq!(said(b""), Err(none.to_owned()));
    }

    #[test]
    fn a_server_that_is_not_there_is_not_well() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let fault = health(address).unwrap_err().to_string();
        assert!(fault.starts_with(&format!("{address}: no answer: Connection refused")), "{fault}");
    }

    #[test]
    fn a_server_that_is_stuck_is_not_well() {
        // The system takes connections for it; it takes none.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let fault = health(address).unwrap_err().to_string();
        assert!(fault.starts_with(&format!("{address}: no answer: ")), "{fault}");
    }
}

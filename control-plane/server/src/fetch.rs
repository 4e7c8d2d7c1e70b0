use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use tollgate_model::key_set;
use ureq::Agent;

use crate::config::reason;

/// Key sets by url, as the configuration is compiled with them.
pub(crate) type Bodies = BTreeMap<String, Vec<u8>>;

/// The largest key set that is taken.
const KEY_SET_BYTES_MAX: u64 = 1 << 20;

/// An answer takes milliseconds; a change of the file may wait for a first one.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// From one good answer to the next question, give or take a tenth.
const REFRESH_EVERY: Duration = Duration::from_secs(15);

/// While there was no good answer yet, its tokens are answered 503.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// What became of one attempt.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) url: String,
    pub(crate) outcome: Result<Vec<u8>, FetchFailed>,
}

/// Why a key set could not be had.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchFailed {
    /// Whom to trust is for the operator to say, not for whoever answers.
    #[error("the answer is {status}, a redirect, which is not followed; write the url it leads to")]
    Redirect {
        /// 3xx.
        status: u16,
    },
    /// Not a 200.
    #[error("the answer is {status}, not 200")]
    Status {
        /// Any other.
        status: u16,
    },
    /// More than any key set needs.
    #[error("the answer is larger than {KEY_SET_BYTES_MAX} bytes")]
    TooLarge,
    /// Silence.
    #[error("no answer came in {} seconds", ANSWER_WITHIN.as_secs())]
    TooLate,
    /// Something else, such as a login page.
    #[error("the answer is not a key set: {reason}")]
    NotAKeySet {
        /// What it lacks.
        reason: String,
    },
    /// No connection, or no TLS.
    #[error("{reason}")]
    Unreachable {
        /// In the words of whoever gave up.
        reason: String,
    },
}

/// Fetches a key set again and again, on a thread of its own, until this is
/// dropped.
#[derive(Debug)]
pub(crate) struct Following {
    _ends_when_dropped: Sender<()>,
}

// === impl Following ===

impl Following {
    pub(crate) fn start(url: String, tell: impl Fn(Fetched) + Send + 'static) -> Self {
        let (alive, ended) = mpsc::channel();
        thread::spawn(move || {
            let agent = agent();
            let mut had = false;
            loop {
                let outcome = fetch(&agent, &url);
                had |= outcome.is_ok();
                tell(Fetched { url: url.clone(), outcome });
                let pause = if had { jittered(REFRESH_EVERY) } else { RETRY_EVERY };
                if ended.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        Self { _ends_when_dropped: alive }
    }
}

fn agent() -> Agent {
    Agent::config_builder()
        .timeout_global(Some(ANSWER_WITHIN))
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent("tollgate")
        .build()
        .into()
}

fn fetch(agent: &Agent, url: &str) -> Result<Vec<u8>, FetchFailed> {
    let mut response = agent.get(url).call().map_err(FetchFailed::from)?;
    match response.status().as_u16() {
        200 => {}
        status @ 300..400 => return Err(FetchFailed::Redirect { status }),
        status => return Err(FetchFailed::Status { status }),
    }
    let body = response.body_mut().with_config().limit(KEY_SET_BYTES_MAX).read_to_vec()?;
    key_set(&body).map_err(|reason| FetchFailed::NotAKeySet { reason })?;
    Ok(body)
}

/// What may be logged of a url: a password or a token in it may not.
pub(crate) fn shown(url: &str) -> &str {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    url.rsplit_once('@').map_or(url, |(_, rest)| rest)
}

/// So that the replicas of a fleet do not all ask at once.
fn jittered(pause: Duration) -> Duration {
    // The seed of a hash is what the standard library has of randomness.
    let [byte, ..] = RandomState::new().build_hasher().finish().to_le_bytes();
    pause.mul_f64(0.9 + 0.2 * f64::from(byte) / 255.0)
}

// === impl FetchFailed ===

impl From<ureq::Error> for FetchFailed {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Timeout(_) => Self::TooLate,
            ureq::Error::BodyExceedsLimit(_) => Self::TooLarge,
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => Self::TooLate,
            ureq::Error::Io(error) => Self::Unreachable { reason: reason(&error) },
            error => Self::Unreachable { reason: error.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// The url of a server that gives everybody this answer.
    fn answering(answer: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut line = String::new();
                while stream.read_line(&mut line).is_ok_and(|bytes| 2 < bytes) {}
                // A client that has read enough may have gone.
                stream.get_mut().write_all(&answer).ok();
            }
        });
        url
    }

    fn outcome(status: &str, body: &str) -> Result<String, String> {
        let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n");
        let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        fetch(&agent(), &answering(answer.into_bytes()))
            .map(|body| String::from_utf8(body).unwrap())
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn only_a_key_set_is_taken_for_a_key_set() {
        let set = r#"{"keys":[{"kty":"OKP"}]}"#;
        assert_eq!(outcome("200 OK", set), Ok(set.to_owned()));
        for (status, body, expected) in [
            (
                "302 Found\r\nlocation: http://127.0.0.1:1/",
                set,
                "the answer is 302, a redirect, which is not followed; write the url it leads to",
            ),
            ("503 Service Unavailable", set, "the answer is 503, not 200"),
            ("204 No Content", "", "the answer is 204, not 200"),
            ("200 OK", "{\"keys\":[]}", "the answer is not a key set: `keys` is empty"),
            (
                "200 OK",
                &format!("{{\"keys\":[]}}{}", " ".repeat(1 << 20)),
                "the answer is larger than 1048576 bytes",
            ),
        ] {
            assert_eq!(outcome(status, body), Err(expected.to_owned()));
        }
    }

    #[test]
    fn what_cannot_be_reached_is_told() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let failure = fetch(&agent(), &format!("http://{free}/jwks")).unwrap_err();
        assert_eq!(failure.to_string(), "connection refused");
    }

    #[test]
    fn secrets_in_urls_are_not_shown() {
        for (url, expected) in [
            ("https://id.example.com/jwks", "https://id.example.com/jwks"),
            ("https://id.example.com/jwks?token=a#b", "https://id.example.com/jwks"),
            ("https://user:a@id.example.com/jwks", "id.example.com/jwks"),
            ("https://id.example.com/jwks?mail=a@b", "https://id.example.com/jwks"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }

    #[test]
    fn pauses_differ_by_a_tenth_at_most() {
        for _ in 0..1_000 {
            let pause = jittered(REFRESH_EVERY);
            let (least, most) = (REFRESH_EVERY.mul_f64(0.899), REFRESH_EVERY.mul_f64(1.101));
            assert!((least..most).contains(&pause), "{pause:?}");
        }
    }
}

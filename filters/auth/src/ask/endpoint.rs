use std::time::Duration;

use crate::EndpointSpec;

/// Who is asked, ready to be asked.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) cluster: String,
    path: String,
    authority: String,
    /// Empty: none is sent.
    authorization: String,
    pub(crate) timeout: Duration,
}

/// Why an endpoint was refused. The texts begin with the name of its field.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidEndpoint {
    #[error("cluster: is empty; name the cluster of Envoy that leads to the endpoint")]
    NoCluster,
    #[error(
        "path: {0:?} is not the path of an endpoint; write one such as /oauth2/introspect, without \
         blanks and without a fragment"
    )]
    Path(String),
    #[error("authority: {0:?} is not a host; write one such as id.example.com")]
    Authority(String),
    // The value is a secret.
    #[error(
        "authorization: is not `Basic CREDENTIALS` or `Bearer TOKEN` in visible ASCII; leave it \
         empty if the endpoint asks for none"
    )]
    Authorization,
    #[error(
        "timeout_milliseconds: {0} is not between 1 and {TIMEOUT_MILLISECONDS_MAX}; callers wait \
         that long"
    )]
    Timeout(u32),
}

/// Whoever waits longer has gone.
const TIMEOUT_MILLISECONDS_MAX: u32 = 5000;

/// What a question is written in (RFC 7662, section 2.1).
const FORM: &[u8] = b"application/x-www-form-urlencoded";

// === impl Endpoint ===

impl Endpoint {
    pub(crate) fn compile(spec: EndpointSpec) -> Result<Self, InvalidEndpoint> {
        let EndpointSpec { cluster, path, authority, authorization, timeout_milliseconds } = spec;
        if cluster.is_empty() {
            return Err(InvalidEndpoint::NoCluster);
        }
        if !path.starts_with('/') || !is_visible(&path) || path.contains('#') {
            return Err(InvalidEndpoint::Path(path));
        }
        if authority.is_empty() || !is_visible(&authority) || authority.contains(['/', '@']) {
            return Err(InvalidEndpoint::Authority(authority));
        }
        let authorization = authorization.0;
        if !authorization.is_empty() && !is_credential(&authorization) {
            return Err(InvalidEndpoint::Authorization);
        }
        if !(1..=TIMEOUT_MILLISECONDS_MAX).contains(&timeout_milliseconds) {
            return Err(InvalidEndpoint::Timeout(timeout_milliseconds));
        }
        let timeout = Duration::from_millis(timeout_milliseconds.into());
        Ok(Self { cluster, path, authority, authorization, timeout })
    }

    /// The head of every question about a credential.
    pub(crate) fn question(&self) -> Vec<(&str, &[u8])> {
        let mut headers = self.head(b"POST");
        headers.push(("content-type", FORM));
        headers
    }

    /// The head of a request for what is there.
    pub(crate) fn fetch(&self) -> Vec<(&str, &[u8])> {
        self.head(b"GET")
    }

    /// Whatever makes two endpoints one.
    pub(crate) fn parts(&self) -> [&[u8]; 4] {
        let Self { cluster, path, authority, authorization, timeout: _ } = self;
        [cluster, path, authority, authorization].map(String::as_bytes)
    }

    fn head<'a>(&'a self, method: &'a [u8]) -> Vec<(&'a str, &'a [u8])> {
        let mut headers: Vec<(&str, &[u8])> = vec![
            (":method", method),
            (":path", self.path.as_bytes()),
            (":authority", self.authority.as_bytes()),
            ("accept", b"application/json"),
        ];
        if !self.authorization.is_empty() {
            headers.push(("authorization", self.authorization.as_bytes()));
        }
        headers
    }
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
}

/// A scheme and one word (RFC 9110, section 11.4: token68).
fn is_credential(text: &str) -> bool {
    let word = text.strip_prefix("Basic ").or_else(|| text.strip_prefix("Bearer "));
    word.is_some_and(|word| !word.is_empty() && is_visible(word))
}

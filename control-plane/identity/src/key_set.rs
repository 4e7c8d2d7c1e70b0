use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request};
use hyper::body::Incoming;
use tokio::sync::watch;

use crate::Front;
use crate::reply::{self, Reply};

/// Tells whoever asks the public keys of the tokens that a [`Front`] makes for
/// backends (RFC 7517): `GET /.well-known/jwks.json`.
#[derive(Clone)]
pub struct KeySetService(watch::Receiver<Arc<Front>>);

/// Where the keys are found.
pub const KEY_SET_PATH: &str = "/.well-known/jwks.json";

// === impl KeySetService ===

impl KeySetService {
    /// Tells the keys of the newest front.
    pub fn following(fronts: watch::Receiver<Arc<Front>>) -> Self {
        Self(fronts)
    }

    /// Answers one request.
    pub fn reply<B>(&self, request: &Request<B>) -> Reply {
        if request.uri().path() != KEY_SET_PATH {
            return reply::nothing_here();
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return reply::only_to_be_read();
        }
        // Whoever makes no tokens has no keys for them.
        let keys = self.0.borrow().key_set();
        reply::key_set(keys.unwrap_or(Bytes::from_static(br#"{"keys":[]}"#)))
    }
}

impl hyper::service::Service<Request<Incoming>> for KeySetService {
    type Response = Reply;
    type Error = Infallible;
    type Future = Ready<Result<Reply, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        ready(Ok(self.reply(&request)))
    }
}

impl fmt::Debug for KeySetService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySetService").finish_non_exhaustive()
    }
}

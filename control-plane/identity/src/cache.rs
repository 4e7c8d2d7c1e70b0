use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use crate::Name;

/// Keeps what is known about good tokens, so that others can find it.
///
/// A cache never fails: what it cannot find or cannot read is not there, and
/// what it cannot keep is lost. It decides nothing about lifetimes either, but
/// must give nothing away after it has expired.
pub trait Cache: fmt::Debug + Send + Sync {
    /// What is known under a name.
    fn get<'a>(&'a self, name: &'a Name) -> Later<'a, Option<Entry>>;

    /// Keeps an entry under a name, in place of what was there.
    fn put<'a>(&'a self, name: &'a Name, entry: Entry) -> Later<'a, ()>;
}

/// The result of an operation that may take its time.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What is known about a good token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// What the provider answered, byte for byte.
    pub claims: Bytes,
    /// For how long from now this is true.
    pub lifetime: Duration,
}

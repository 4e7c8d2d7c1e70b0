use std::fmt;

use crate::{Answer, Later};

/// Someone in this process who knows what a credential is good for, so that no
/// provider has to be asked.
///
/// What is not known for certain is [`Answer::Unavailable`].
pub trait InHouse: fmt::Debug + Send + Sync {
    /// What there is to say about a credential, which may be any text.
    fn answer<'a>(&'a self, credential: &'a str) -> Later<'a, Answer>;
}

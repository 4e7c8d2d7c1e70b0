use std::fmt;
use std::path::PathBuf;

use crate::edit::{Edit, Reply};
use crate::fetch::Fetched;
use crate::table::Table;

/// What somebody wants to know.
pub(crate) struct Question(pub(crate) Box<dyn FnOnce(&Table) + Send>);

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Question")
    }
}

/// What can happen, besides changes of files.
#[derive(Debug)]
pub(crate) enum Event {
    /// A key set came, or did not.
    Fetched(Fetched),
    /// Something in the store may have changed.
    Stored,
    /// The admin API asks for a change.
    Edit(Box<Edit>, Reply),
    /// The admin API wants to know something of a large configuration. Forgotten where
    /// there is none, or it is not what is written.
    Ask(Question),
    /// A file of the configuration's folder has changed.
    Touched(PathBuf),
    /// The process ends.
    Stop,
}

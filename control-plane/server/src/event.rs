use std::path::PathBuf;

use crate::edit::{Edit, Reply};
use crate::fetch::Fetched;

/// What can happen, besides changes of files.
#[derive(Debug)]
pub(crate) enum Event {
    /// A key set came, or did not.
    Fetched(Fetched),
    /// Something in the store may have changed.
    Stored,
    /// The admin API asks for a change.
    Edit(Box<Edit>, Reply),
    /// A file of the configuration's folder has changed.
    Touched(PathBuf),
    /// The process ends.
    Stop,
}

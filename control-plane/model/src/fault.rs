use std::collections::BTreeSet;
use std::fmt;

use crate::Place;
use crate::path::Path;
use crate::place::Spot;

/// One thing that is wrong with what was written.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct Fault {
    /// Where it was written.
    pub place: Place,
    /// Which value is meant; empty for the file as a whole.
    pub path: String,
    /// What is wrong with the value, and what to do instead.
    pub message: String,
}

/// Faults as they are found.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    found: Vec<(Spot, Path, String)>,
    /// Their paths, to be asked for quickly: a bad file may have very many.
    paths: BTreeSet<Path>,
}

impl Faults {
    pub(crate) fn push(&mut self, spot: &Spot, path: &Path, message: impl Into<String>) {
        self.paths.insert(path.clone());
        self.found.push((spot.clone(), path.clone(), message.into()));
    }

    /// Whether a fault was found in a value or in a part of it.
    pub(crate) fn are_in(&self, whole: &Path) -> bool {
        let under = |first: Path| {
            let next = self.paths.range(&first..).next();
            next.is_some_and(|path| path.starts_with(&first))
        };
        let [fields, entries] = whole.openings();
        self.paths.contains(whole) || under(fields) || under(entries)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them, sorted by place, each once.
    pub(crate) fn into_sorted(self) -> Vec<Fault> {
        let mut faults: Vec<Fault> = self.found.into_iter().map(Fault::from_found).collect();
        faults.sort();
        faults.dedup();
        faults
    }
}

impl Fault {
    fn from_found((spot, path, message): (Spot, Path, String)) -> Self {
        let (path, message) = (one_line(&path.to_string()), one_line(&message));
        Self { place: Place::from(&spot), path, message }
    }
}

/// A fault is one line of output, whatever stands in the file.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() { line.extend(char.escape_debug()) } else { line.push(char) }
    }
    line
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, path, message } = self;
        if path.is_empty() {
            write!(f, "{place}: {message}")
        } else {
            write!(f, "{place}: {path}: {message}")
        }
    }
}

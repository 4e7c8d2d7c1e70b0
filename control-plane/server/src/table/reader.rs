//! How files and objects are read, also before they are served.

use std::collections::BTreeMap;
use std::path::Path;

use tollgate_model::Source;
use tollgate_store::{FILE, Objects, PartChanges};

use crate::config::{UnreadableFile, read_file};
use crate::load::Fault;
use crate::news::News;
use crate::objects::{API, source_of};

/// What is read instead of what lies there, by name.
pub(super) type Instead = BTreeMap<String, Option<Source>>;

/// Reads files, and objects as if they were files.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) objects: &'a Objects,
    pub(super) instead: &'a Instead,
}

/// No path has a NUL in it; and objects come after files.
const OBJECT: &str = "\u{10ffff}\0";

/// What has changed as it is written now, each file read once. A file that is there and
/// cannot be read is at fault, and no more gone than what it says.
pub(super) fn now(news: &News) -> Result<Instead, Vec<Fault>> {
    let (mut now, mut faults) = (Instead::new(), Vec::new());
    for name in &news.files {
        match read_file(Path::new(name)) {
            Ok(bytes) => drop(now.insert(name.clone(), Some(source(name, bytes)))),
            Err(UnreadableFile::Missing { .. }) => drop(now.insert(name.clone(), None)),
            Err(fault) => faults.push(Fault::File(fault)),
        }
    }
    now.extend(news.objects.iter().map(|(key, body)| {
        let source = body.as_deref().map(|body| source_of(&key.0, &key.1, body));
        (name_of(key), source)
    }));
    if faults.is_empty() { Ok(now) } else { Err(faults) }
}

/// The parts of a revision that are others by it.
pub(super) fn parts(news: &News, now: &Instead) -> PartChanges {
    let text = |source: &Source| String::from_utf8_lossy(&source.bytes).into_owned();
    let files = news.files.iter().map(|name| {
        let body = now.get(name).and_then(Option::as_ref).map(text);
        ((FILE.to_owned(), name.clone()), body)
    });
    files.chain(news.objects.clone()).collect()
}

// === impl Reader ===

impl Reader<'_> {
    pub(super) fn read(&self, name: &str) -> Option<Source> {
        if let Some(instead) = self.instead.get(name) {
            return instead.clone();
        }
        match key_of(name) {
            Some(key) => self.objects.get(&key).map(|body| source_of(&key.0, &key.1, body)),
            None => file(name),
        }
    }
}

/// By what an object is known as if it were a file.
pub(super) fn name_of((kind, name): &(String, String)) -> String {
    format!("{OBJECT}{kind}\0{name}")
}

/// What a file is called in places, by the name that it is known by.
pub(super) fn called(name: &str) -> &str {
    if name.starts_with(OBJECT) { API } else { name }
}

fn key_of(name: &str) -> Option<(String, String)> {
    let (kind, name) = name.strip_prefix(OBJECT)?.split_once('\0')?;
    Some((kind.to_owned(), name.to_owned()))
}

fn file(name: &str) -> Option<Source> {
    Some(source(name, read_file(Path::new(name)).ok()?))
}

fn source(name: &str, bytes: Vec<u8>) -> Source {
    Source { name: name.to_owned(), bytes }
}

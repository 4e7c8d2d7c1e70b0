//! By what a configuration is known to be the same, kept so that a change costs what
//! has changed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use tollgate_model::Source;
use tollgate_store::{FILE, Objects};

/// The hash of each file and each object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digests {
    files: BTreeMap<String, Hash>,
    objects: BTreeMap<(String, String), Hash>,
}

pub(crate) type Hash = [u8; 32];

// === impl Digests ===

impl Digests {
    pub(crate) fn of(files: &[Source], objects: &Objects) -> Self {
        let mut digests = Self::default();
        for Source { name, bytes } in files {
            digests.put_file(name, Some(bytes));
        }
        for (key, body) in objects {
            digests.put_object(key, Some(body));
        }
        digests
    }

    /// Nothing takes it out.
    pub(crate) fn put_file(&mut self, name: &str, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => drop(self.files.insert(name.to_owned(), of(bytes))),
            None => drop(self.files.remove(name)),
        }
    }

    /// Likewise; returns what was there.
    pub(crate) fn put_object(
        &mut self,
        key: &(String, String),
        body: Option<&str>,
    ) -> Option<Hash> {
        self.restore_object(key, body.map(|body| of(body.as_bytes())))
    }

    pub(crate) fn restore_object(
        &mut self,
        key: &(String, String),
        hash: Option<Hash>,
    ) -> Option<Hash> {
        match hash {
            Some(hash) => self.objects.insert(key.clone(), hash),
            None => self.objects.remove(key),
        }
    }

    /// Of the files alone.
    pub(crate) fn of_files(&self) -> String {
        together(self.files())
    }

    /// Of everything.
    pub(crate) fn of_all(&self) -> String {
        let objects = self.objects.iter();
        let objects = objects.map(|((kind, name), hash)| ((kind.as_str(), name.as_str()), hash));
        together(self.files().chain(objects))
    }

    fn files(&self) -> impl Iterator<Item = Part<'_>> {
        self.files.iter().map(|(name, hash)| ((FILE, name.as_str()), hash))
    }
}

/// Kind and name, and what it is.
type Part<'a> = ((&'a str, &'a str), &'a Hash);

fn together<'a>(parts: impl Iterator<Item = Part<'a>>) -> String {
    let mut all = Sha256::new();
    for ((kind, name), hash) in parts {
        for text in [kind.as_bytes(), name.as_bytes(), hash] {
            all.update(text.len().to_le_bytes());
            all.update(text);
        }
    }
    URL_SAFE_NO_PAD.encode(all.finalize())
}

fn of(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> Source {
        Source { name: name.to_owned(), bytes: text.as_bytes().to_vec() }
    }

    fn objects(body: &str) -> Objects {
        Objects::from([(("apis".to_owned(), "orders".to_owned()), body.to_owned())])
    }

    #[test]
    fn what_is_changed_step_by_step_is_known_as_what_is_read_at_once() {
        let mut digests = Digests::of(&[file("a", "1"), file("b", "2")], &Objects::new());
        let files = digests.of_files();
        digests.put_object(&("apis".to_owned(), "orders".to_owned()), Some("{}"));
        assert_eq!(digests.of_files(), files, "objects are no files");
        digests.put_file("a", Some(b"3"));
        digests.put_file("b", None);
        let at_once = Digests::of(&[file("a", "3")], &objects("{}"));
        assert_eq!((digests.of_all(), digests.of_files()), (at_once.of_all(), at_once.of_files()));
        let other = Digests::of(&[file("a", "3")], &objects("{ }"));
        assert_ne!(at_once.of_all(), other.of_all());
        assert_ne!(files, at_once.of_files());
    }
}

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::config::config_files;

/// Notices that files have changed, by looking at them again and again.
///
/// Looking is slower than being told by the kernel, and right in every case:
/// editors rename a new file over the old one, Kubernetes swaps a symbolic
/// link two folders up, network file systems tell nobody. A look costs one
/// `stat` a file.
///
/// A change counts once the files have looked the same twice. So a file is
/// rarely read while it is being written, and never between two changes that
/// share a time stamp.
pub(crate) struct Watch {
    /// None where it is looked at apart.
    config: Option<PathBuf>,
    others: Vec<PathBuf>,
    seen: Look,
    settled: bool,
}

pub(crate) type Look = Vec<(PathBuf, Option<Stamp>)>;

/// How a file looks from outside. The time of the last change of its entry
/// cannot be set by hand, unlike that of its contents.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

// === impl Watch ===

impl Watch {
    /// Watches a configuration as it looks now, and the files that it names.
    pub(crate) fn new(config: &Path) -> Self {
        let seen = look(Some(config), &[]);
        Self { config: Some(config.to_owned()), others: Vec::new(), seen, settled: true }
    }

    /// Names the other files that matter from now on.
    pub(crate) fn also(&mut self, others: Vec<PathBuf>) {
        let config = self.config.clone();
        self.at(config.as_deref(), others);
    }

    /// Names the files that matter from now on: the configuration, unless it is
    /// looked at apart, and others.
    pub(crate) fn at(&mut self, config: Option<&Path>, others: Vec<PathBuf>) {
        if self.others != others || self.config.as_deref() != config {
            (self.config, self.others) = (config.map(Path::to_owned), others);
            self.seen = look(self.config.as_deref(), &self.others);
            // They may have changed since they were read: read them again.
            self.settled = false;
        }
    }

    /// How a configuration and the files that it names look now.
    pub(crate) fn look_at(&self, config: &Path) -> Look {
        look(Some(config), &self.others)
    }

    /// The configuration is looked at apart from now on.
    pub(crate) fn leave_config(&mut self) {
        self.config = None;
        let others = self.seen.len().saturating_sub(self.others.len());
        self.seen.drain(..others);
    }

    /// Looks once, at what has settled. True if the files should be read again.
    pub(crate) fn touched(&mut self) -> bool {
        let before = std::mem::replace(&mut self.seen, look(self.config.as_deref(), &self.others));
        !std::mem::replace(&mut self.settled, true) || before != self.seen
    }

    /// Looks once. True if the files should be read again.
    pub(crate) fn changed(&mut self) -> bool {
        let now = look(self.config.as_deref(), &self.others);
        if now != self.seen {
            self.seen = now;
            self.settled = false;
            return false;
        }
        !std::mem::replace(&mut self.settled, true)
    }
}

fn look(config: Option<&Path>, others: &[PathBuf]) -> Look {
    let files = |config| config_files(config).unwrap_or_else(|_| vec![config.to_owned()]);
    config
        .into_iter()
        .flat_map(files)
        .chain(others.iter().cloned())
        .map(|file| (file.clone(), stamp(&file)))
        .collect()
}

/// Follows symbolic links, so that a swapped one shows.
fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(file).ok()?;
    Some(Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        bytes: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    /// How often it says so, when looked at three times.
    fn changes(watch: &mut Watch) -> usize {
        (0..3).filter(|_| watch.changed()).count()
    }

    #[test]
    fn a_change_is_told_once_and_only_when_it_has_settled() {
        let folder = folder();
        let file = folder.path().join("a.yaml");
        fs::write(&file, "a").unwrap();
        let mut watch = Watch::new(&file);
        assert_eq!(changes(&mut watch), 0);
        fs::write(&file, "ab").unwrap();
        assert!(!watch.changed(), "it may still be being written");
        assert!(watch.changed());
        assert_eq!(changes(&mut watch), 0);
    }

    #[test]
    fn what_was_written_to_its_end_need_not_settle() {
        let folder = folder();
        let file = folder.path().join("a.yaml");
        fs::write(&file, "a").unwrap();
        let mut watch = Watch::new(&file);
        assert!(!watch.touched(), "nothing has changed");
        fs::write(&file, "ab").unwrap();
        assert!(watch.touched());
        assert_eq!(changes(&mut watch), 0, "it is told once");
        fs::write(&file, "abc").unwrap();
        assert!(!watch.changed(), "it may still be being written");
        assert!(watch.touched(), "it is not");
    }

    #[test]
    fn every_way_to_replace_a_file_is_seen() {
        let folder = folder();
        let (file, new) = (folder.path().join("a.yaml"), folder.path().join("new"));
        fs::write(&file, "a").unwrap();
        let mut watch = Watch::new(&file);

        fs::write(&new, "b").unwrap();
        fs::rename(&new, &file).unwrap();
        assert_eq!(changes(&mut watch), 1, "renamed over");

        fs::remove_file(&file).unwrap();
        assert_eq!(changes(&mut watch), 1, "removed");

        fs::create_dir(folder.path().join("1")).unwrap();
        fs::create_dir(folder.path().join("2")).unwrap();
        fs::write(folder.path().join("1/a.yaml"), "a").unwrap();
        fs::write(folder.path().join("2/a.yaml"), "a").unwrap();
        std::os::unix::fs::symlink("1", folder.path().join("data")).unwrap();
        std::os::unix::fs::symlink("data/a.yaml", &file).unwrap();
        assert_eq!(changes(&mut watch), 1, "appeared again");

        std::os::unix::fs::symlink("2", folder.path().join("data.new")).unwrap();
        fs::rename(folder.path().join("data.new"), folder.path().join("data")).unwrap();
        assert_eq!(changes(&mut watch), 1, "link two folders up swapped");
    }

    #[test]
    fn files_that_come_and_go_in_a_folder_are_seen_and_others_are_not() {
        let folder = folder();
        fs::write(folder.path().join("a.yaml"), "a").unwrap();
        let mut watch = Watch::new(folder.path());
        fs::write(folder.path().join("notes.txt"), "a").unwrap();
        fs::write(folder.path().join(".b.yaml"), "a").unwrap();
        assert_eq!(changes(&mut watch), 0);
        fs::write(folder.path().join("b.yml"), "b").unwrap();
        assert_eq!(changes(&mut watch), 1);
        fs::remove_file(folder.path().join("a.yaml")).unwrap();
        assert_eq!(changes(&mut watch), 1);
    }

    #[test]
    fn files_that_the_configuration_names_are_watched_too() {
        let folder = folder();
        let (file, keys) = (folder.path().join("a.yaml"), folder.path().join("keys.json"));
        fs::write(&file, "a").unwrap();
        let mut watch = Watch::new(&file);
        watch.at(Some(&file), vec![keys.clone()]);
        assert_eq!(changes(&mut watch), 1, "may have changed since it was read");
        fs::write(&keys, "{}").unwrap();
        assert_eq!(changes(&mut watch), 1);
    }
}

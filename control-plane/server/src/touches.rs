//! Which files of a folder change, as the kernel tells it.
//!
//! Looking at very many files takes long, so it is done seldom. Where the kernel
//! tells nothing, as on some network file systems, seldom is when changes are seen.

use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::thread;

use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};

use crate::event::Event;

/// Room for many events at once.
const BUFFER_BYTES: usize = 16 * 1024;

/// Tells `events` of every file of a folder that was written to its end, put in
/// another's place or taken away, until nobody listens.
pub(crate) fn follow(folder: &Path, events: Sender<Event>) -> io::Result<()> {
    let what = WatchFlags::CLOSE_WRITE
        | WatchFlags::MOVED_TO
        | WatchFlags::MOVED_FROM
        | WatchFlags::DELETE;
    let notes = init(CreateFlags::CLOEXEC)?;
    add_watch(&notes, folder, what)?;
    let folder = folder.to_owned();
    thread::Builder::new()
        .name("touches".to_owned())
        .spawn(move || pass_on(notes, &folder, &events))
        .map(drop)
}

fn pass_on(notes: OwnedFd, folder: &Path, events: &Sender<Event>) {
    let mut buffer = vec![MaybeUninit::uninit(); BUFFER_BYTES];
    let mut reader = Reader::new(notes, &mut buffer);
    while let Ok(note) = reader.next() {
        let Some(name) = note.file_name() else { continue };
        let file: PathBuf = folder.join(OsStr::from_bytes(name.to_bytes()));
        if events.send(Event::Touched(file)).is_err() {
            return;
        }
    }
}

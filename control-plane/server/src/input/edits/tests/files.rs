//! Files of a large configuration that are at fault take nothing away.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;

impl Place {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("apis").join(name)
    }

    /// What is told once these have changed, and how many APIs were checked for that.
    fn faults_of(&mut self, files: &[PathBuf]) -> (u64, Vec<String>) {
        let mut told = Vec::new();
        let checked = self.checks(|place| {
            for file in files {
                assert!(place.input.on_event(Event::Touched(file.clone())));
            }
            let made = place.input.make();
            let faults = made.err().unwrap_or_default();
            told = faults.iter().map(ToString::to_string).collect();
        });
        (checked, told)
    }
}

#[test]
fn a_file_that_is_there_and_cannot_be_read_takes_no_api_away() {
    let mut place = Place::new();
    let file = place.file("file-7.yaml");
    let written = fs::read(&file).unwrap();
    let told = |place: &mut Place, what: &str| {
        let (checked, told) = place.faults_of(std::slice::from_ref(&file));
        assert_eq!((checked, told), (0, vec![format!("{}{what}", file.display())]));
        let routes = place.input.table.as_ref().unwrap().routes().count;
        assert_eq!(routes, FILES * 15, "as before");
    };
    let large = fs::File::create(&file).unwrap();
    large.set_len(11 << 20).unwrap();
    told(&mut place, ": 11534336 bytes are more than 10485760; divide them into several files");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    told(&mut place, ": is not a file; name a YAML file, or a folder of them");
    fs::remove_dir(&file).unwrap();
    symlink(&file, &file).unwrap();
    told(
        &mut place,
        ": cannot be read: too many levels of symbolic links; check the file and its permissions",
    );
    fs::remove_file(&file).unwrap();
    fs::write(&file, written).unwrap();
    place.input.on_event(Event::Touched(file));
    place.agrees(1);
}

#[test]
fn files_that_make_no_sense_are_told_of_without_a_look_at_the_others() {
    let mut place = Place::new();
    let files = ["file-7.yaml", "file-8.yaml", "file-9.yaml"].map(|name| place.file(name));
    fs::write(&files[0], "apis: [").unwrap();
    fs::write(&files[1], "7").unwrap();
    fs::write(&files[2], "").unwrap();
    let whole = place.input.ledger.read().unwrap();
    let expected = place.input.ledger.compile(&whole).unwrap_err();
    let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
    assert_eq!(expected.len(), 3, "{expected:?}");
    assert_eq!(place.faults_of(&files), (0, expected.clone()));

    // Nor where it is read for the first time.
    place.input.table = None;
    let faults = place.input.make().err().unwrap();
    assert_eq!(faults.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
}

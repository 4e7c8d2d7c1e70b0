//! The rules in `docs/protocol.md` have the tests that they name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn every_rule_of_the_protocol_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/protocol.md")).unwrap();
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    let mut numbers = BTreeSet::new();
    for row in rows {
        let [_, number, _, kept_by, _] = row.split('|').collect::<Vec<_>>()[..] else {
            panic!("{row}")
        };
        assert!(numbers.insert(number.trim().parse::<u32>().unwrap()), "twice: {row}");
        let mut source = String::new();
        let mut tests = 0;
        for word in kept_by.split('`').skip(1).step_by(2) {
            if word.contains('/') {
                source = fs::read_to_string(root.join(word)).expect(word);
            } else {
                assert!(source.contains(&format!("fn {word}(")), "{number}: there is no {word}");
                tests += 1;
            }
        }
        assert!(0 < tests, "{number} has no test");
    }
    assert!(numbers.iter().all(|number| (1..=34).contains(number)), "{numbers:?}");
}

//! Several files are one: the sections of all of them together.

use std::collections::BTreeMap;

use crate::fault::Faults;
use crate::path::Path;
use crate::yaml::{Node, Value};

/// The mappings whose entries may stand in different files. Any other value is
/// written in one.
const SECTIONS: [&str; 8] =
    ["", "listeners", "identity", "identity.jwt", "tiers", "tenants", "backends", "apis"];

/// Puts files together; one definition in two of them is a fault that names both.
pub(crate) fn merge(roots: Vec<Node>, faults: &mut Faults) -> Option<Node> {
    roots.into_iter().reduce(|whole, root| both(whole, root, &Path::default(), faults))
}

fn both(first: Node, second: Node, path: &Path, faults: &mut Faults) -> Node {
    let is_section = SECTIONS.contains(&path.to_string().as_str());
    match (first.value, second.value) {
        (Value::Mapping(ours), Value::Mapping(theirs)) if is_section => {
            let fields = together(ours, theirs, path, faults);
            Node { spot: first.spot, value: Value::Mapping(fields) }
        }
        (value, _) => {
            let there = &first.spot;
            let message = format!("already written in {there}; take one of them out");
            faults.push(&second.spot, path, message);
            Node { spot: first.spot, value }
        }
    }
}

type Fields = Vec<(String, Node)>;

fn together(ours: Fields, theirs: Fields, path: &Path, faults: &mut Faults) -> Fields {
    let mut theirs: BTreeMap<_, _> = theirs.into_iter().collect();
    let mut fields = Vec::new();
    for (name, node) in ours {
        let node = match theirs.remove(&name) {
            Some(other) => both(node, other, &path.key(&name), faults),
            None => node,
        };
        fields.push((name, node));
    }
    fields.extend(theirs);
    fields
}

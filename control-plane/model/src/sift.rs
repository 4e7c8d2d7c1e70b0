//! Finds every fault of a part whose `compile` tells only the first.

use std::cell::Cell;

use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use crate::at::At;
use crate::fault::Faults;
use crate::path::Path;
use crate::yaml::{Node, Value};

/// Why a part was refused: `path: what is wrong; what to do`, with the path
/// inside the part.
pub(crate) enum Refused {
    /// It is not of the right types. The schema has told so already.
    Unreadable(String),
    /// It makes no sense.
    Invalid(String),
}

/// Reads a part, or what was left of it.
pub(crate) fn read<T: DeserializeOwned>(json: Json) -> Result<T, Refused> {
    serde_path_to_error::deserialize(json).map_err(|error| {
        let path = error.path().to_string();
        // At the part itself, the path is a dot.
        let path = if path == "." { "" } else { &path };
        Refused::Unreadable(format!("{path}: {}", error.inner()))
    })
}

/// Each costs as much as the part is large.
const ROUNDS_MAX: u32 = 100;

/// Compiles a part again and again, each time without what was at fault.
///
/// A list entry, an optional field or an entry of a mapping can be taken out
/// and the rest still be judged. Where something was taken out, whatever holds
/// it is no longer what was written, so nothing more is said about that.
/// Every round takes out something that was still there, so it ends.
pub(crate) fn sift(
    at: &At<'_>,
    faults: &mut Faults,
    compile: impl Fn(Json) -> Result<(), Refused>,
) {
    let mut rest = at.node.clone();
    let mut rounds = 0_u32;
    while let Err(refused) = compile(filled(&rest)) {
        let (text, told) = match refused {
            Refused::Invalid(text) => (text, false),
            Refused::Unreadable(text) => (text, true),
        };
        let Located { found, positions, named, message } = locate(&rest, &at.path, &text);
        // Where a part was at fault, the whole is no longer what was written.
        let known = if told {
            faults.are_in(&found.path)
        } else {
            found.node.is_incomplete() || (named != found.path && faults.are_in(&named))
        };
        if !known {
            faults.push(&found.node.spot, &named, message);
        }
        if positions.is_empty() {
            return;
        }
        rounds = rounds.saturating_add(1);
        if ROUNDS_MAX <= rounds {
            at.fault(faults, format!("has more than {ROUNDS_MAX} faults; mend those first"));
            return;
        }
        take_out(&mut rest, &positions);
    }
}

/// What was left, with something in place of fields without which the rest
/// could not be judged. Nothing that is said of a placeholder is told, since the
/// field was told before.
fn filled(rest: &Node) -> Json {
    let placeholders = Cell::new(0_u64);
    rest.filled(&|field| {
        let number = placeholders.get().saturating_add(1);
        placeholders.set(number);
        match field {
            // All that there is, so that no other limit counts by the same.
            "by" => Some(json!(["tenant", "api_key", "ip", "route"])),
            // Any burst fits it.
            "requests" => Some(json!(1_000_000)),
            // No two may be the same.
            "sha256" => Some(json!(format!("{number:064x}"))),
            "header" => Some(json!(format!("x-placeholder-{number}"))),
            _ => None,
        }
    })
}

/// What a text speaks of.
struct Located<'a> {
    /// The deepest value that the text's path reaches.
    found: At<'a>,
    /// Which child to follow from the part to it, each time.
    positions: Vec<usize>,
    /// The text's path, which may go on to a field that is not written.
    named: Path,
    message: String,
}

fn locate<'a>(part: &'a Node, path: &Path, text: &str) -> Located<'a> {
    let mut found = At { node: part, path: path.clone() };
    let mut positions = Vec::new();
    let mut rest = text;
    while let Some(Step { position, child, left }) = step(&found, rest) {
        positions.push(position);
        (found, rest) = (child, left);
    }
    let (beyond, message) = match rest.strip_prefix(": ") {
        Some(message) => ("", message),
        None => rest.split_once(": ").unwrap_or(("", rest)),
    };
    let named = found.path.then(beyond);
    Located { found, positions, named, message: message.to_owned() }
}

/// One step along the path of a text, and what is left of the text.
struct Step<'a, 't> {
    position: usize,
    child: At<'a>,
    left: &'t str,
}

fn step<'a, 't>(at: &At<'a>, text: &'t str) -> Option<Step<'a, 't>> {
    match &at.node.value {
        Value::Mapping(fields) => into_field(fields, &at.path, text),
        Value::List(items) => into_item(items, &at.path, text),
        _ => None,
    }
}

fn into_field<'a, 't>(
    fields: &'a [(String, Node)],
    path: &Path,
    text: &'t str,
) -> Option<Step<'a, 't>> {
    let text = text.strip_prefix('.').unwrap_or(text);
    let after = |name: &str| {
        let left = text.strip_prefix(name)?;
        (left.is_empty() || left.starts_with(['.', '[', ':'])).then_some(left)
    };
    // Names may hold dots: the longest is meant.
    let left = fields.iter().enumerate().filter(|(_, (_, node))| !node.is_gone());
    let named = left.filter(|(_, (name, _))| after(name).is_some());
    let (position, (name, node)) = named.max_by_key(|(_, (name, _))| name.len())?;
    Some(Step { position, child: At { node, path: path.key(name) }, left: after(name)? })
}

fn into_item<'a, 't>(items: &'a [Node], path: &Path, text: &'t str) -> Option<Step<'a, 't>> {
    let (index, left) = text.strip_prefix('[')?.split_once(']')?;
    let index: usize = index.parse().ok()?;
    // The text counts what was left in the list.
    let mut there = items.iter().enumerate().filter(|(_, item)| !item.is_gone());
    let (position, node) = there.nth(index)?;
    Some(Step { position, child: At { node, path: path.index(position) }, left })
}

fn take_out(node: &mut Node, positions: &[usize]) {
    let Some((position, deeper)) = positions.split_first() else {
        node.value = Value::Gone;
        return;
    };
    let child = match &mut node.value {
        Value::Mapping(fields) => fields.get_mut(*position).map(|(_, node)| node),
        Value::List(items) => items.get_mut(*position),
        _ => None,
    };
    if let Some(child) = child {
        take_out(child, deeper);
    }
}

impl At<'_> {
    /// Reports what a filter says of this value as a whole.
    pub(crate) fn told(&self, faults: &mut Faults, text: &str) {
        let Located { found, named, message, .. } = locate(self.node, &self.path, text);
        faults.push(&found.node.spot, &named, message);
    }
}

impl Refused {
    /// What a filter says of one named thing, whose name it puts before the path.
    pub(crate) fn inside(text: &str, name: &str) -> Self {
        Self::Invalid(text.strip_prefix(name).unwrap_or(text).to_owned())
    }
}

use tollgate_core::{Edit, Operation, is_header_value};

use crate::abi::{self, Map};
use crate::failure::Failure;

/// Makes changes to headers or trailers, in order, and stops at the first that
/// is refused: a message changed by half must not go on.
pub(crate) fn apply(map: Map, edits: &[Edit]) -> Result<(), Failure> {
    edits.iter().try_for_each(|edit| apply_one(map, edit))
}

fn apply_one(map: Map, edit: &Edit) -> Result<(), Failure> {
    let Edit { name, operation } = edit;
    let name = name.as_bytes();
    let done = match operation {
        Operation::Set(value) => abi::set_header(map, name, sendable(value)?),
        Operation::Add(value) => abi::add_header(map, name, sendable(value)?),
        Operation::Remove => abi::remove_header(map, name),
    };
    done.map_err(|_| Failure::Edit)
}

/// Envoy takes a line break now, and fails the whole message later.
fn sendable(value: &[u8]) -> Result<&[u8], Failure> {
    if is_header_value(value) { Ok(value) } else { Err(Failure::Edit) }
}

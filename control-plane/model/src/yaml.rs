//! From bytes to a tree of values that know their lines.

mod builder;
mod parse;
mod scalar;

use std::hash::{Hash as _, Hasher};
use std::mem;

use serde_json::Number;

use crate::place::Spot;

pub(crate) use self::parse::parse;

/// The largest file that is read, in bytes.
pub const FILE_BYTES_MAX: usize = 10 * 1024 * 1024;

/// A value and where it was written: for the value of a field, the line of the
/// field's name.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Node {
    pub(crate) spot: Spot,
    pub(crate) value: Value,
}

/// The types that JSON has too.
#[derive(Clone, Debug, Hash)]
pub(crate) enum Value {
    /// Nothing: `~`, `null`, or no value at all.
    Null,
    Bool(bool),
    /// As a number, and as it was written.
    Number(Number, String),
    String(String),
    List(Vec<Node>),
    /// Invariant: no two fields of one name.
    Mapping(Vec<(String, Node)>),
    /// Taken out, because it was at fault. Keeps its index in a list.
    Gone,
}

impl Node {
    /// The value of a field.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.fields().iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// The fields of a mapping; of anything else, none.
    pub(crate) fn fields(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Mapping(fields) => fields,
            _ => &[],
        }
    }

    /// The entries of a list; of anything else, none.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.value, Value::Gone)
    }

    /// Whether anything was taken out of it.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.is_gone()
            || self.items().iter().any(Self::is_incomplete)
            || self.fields().iter().any(|(_, node)| node.is_incomplete())
    }

    /// Hashes the value without places, as it was written.
    pub(crate) fn hash_value(&self, state: &mut impl Hasher) {
        mem::discriminant(&self.value).hash(state);
        match &self.value {
            Value::Null | Value::Gone => {}
            Value::Bool(truth) => truth.hash(state),
            Value::Number(_, text) | Value::String(text) => text.hash(state),
            Value::List(items) => {
                items.len().hash(state);
                for item in items {
                    item.hash_value(state);
                }
            }
            Value::Mapping(fields) => {
                fields.len().hash(state);
                for (name, node) in fields {
                    name.hash(state);
                    node.hash_value(state);
                }
            }
        }
    }

    /// The value without places and without what was taken out.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        self.filled(&|_| None)
    }

    /// As [`Node::to_json`], with something in place of fields that were taken out.
    pub(crate) fn filled(
        &self,
        in_place_of: &dyn Fn(&str) -> Option<serde_json::Value>,
    ) -> serde_json::Value {
        match &self.value {
            Value::Null | Value::Gone => serde_json::Value::Null,
            Value::Bool(truth) => (*truth).into(),
            Value::Number(number, _) => number.clone().into(),
            Value::String(text) => text.clone().into(),
            Value::List(items) => {
                let there = items.iter().filter(|item| !item.is_gone());
                there.map(|item| item.filled(in_place_of)).collect()
            }
            Value::Mapping(fields) => {
                let field = |(name, node): &(String, Self)| {
                    let gone = node.is_gone();
                    let value = if gone { in_place_of(name)? } else { node.filled(in_place_of) };
                    Some((name.clone(), value))
                };
                fields.iter().filter_map(field).collect()
            }
        }
    }
}

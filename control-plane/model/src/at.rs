use serde::de::DeserializeOwned;

use crate::fault::Faults;
use crate::path::Path;
use crate::yaml::{Node, Value};

/// A value in the tree, and which one it is.
#[derive(Clone, Debug)]
pub(crate) struct At<'a> {
    pub(crate) node: &'a Node,
    pub(crate) path: Path,
}

impl<'a> At<'a> {
    pub(crate) fn root(node: &'a Node) -> Self {
        Self { node, path: Path::default() }
    }

    /// A field, unless it is not written or was taken out.
    pub(crate) fn get(&self, name: &str) -> Option<Self> {
        let node = self.node.get(name).filter(|node| !node.is_gone())?;
        Some(Self { node, path: self.path.key(name) })
    }

    /// The fields of a field that is a mapping. Those whose value was taken out
    /// are there, since others may refer to them by name.
    pub(crate) fn fields(&self, name: &str) -> Vec<(&'a str, Self)> {
        let Some(section) = self.get(name) else { return Vec::new() };
        let fields = section.node.fields().iter();
        fields
            .map(|(name, node)| (name.as_str(), Self { node, path: section.path.key(name) }))
            .collect()
    }

    /// The entries of a field that is a list, without those taken out.
    pub(crate) fn items(&self, name: &str) -> Vec<Self> {
        let Some(list) = self.get(name) else { return Vec::new() };
        let items = list.node.items().iter().enumerate().filter(|(_, node)| !node.is_gone());
        items.map(|(index, node)| Self { node, path: list.path.index(index) }).collect()
    }

    /// The same value with some of its fields only; see [`At::with`].
    pub(crate) fn only(&self, names: &[&str]) -> Node {
        let fields = self.node.fields().iter().filter(|(name, _)| names.contains(&name.as_str()));
        Node { spot: self.node.spot.clone(), value: Value::Mapping(fields.cloned().collect()) }
    }

    /// Something else in the same place.
    pub(crate) fn with<'b>(&self, node: &'b Node) -> At<'b> {
        At { node, path: self.path.clone() }
    }

    /// The text of a string.
    pub(crate) fn text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value as a type of ours. What does not fit was told already.
    pub(crate) fn read<T: DeserializeOwned>(&self, faults: &mut Faults) -> Option<T> {
        match serde_json::from_value(self.node.to_json()) {
            Ok(value) => Some(value),
            Err(error) => {
                if !faults.are_in(&self.path) {
                    self.fault(faults, error.to_string());
                }
                None
            }
        }
    }

    pub(crate) fn fault(&self, faults: &mut Faults, message: impl Into<String>) {
        faults.push(&self.node.spot, &self.path, message);
    }
}

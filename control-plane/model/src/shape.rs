//! Holds a tree against the schema, and tells every place where it does not fit.
//!
//! The schema is made from the types (see [`mod@crate::schema`]), so what is
//! accepted, what editors offer and what the manual says are one thing.

mod misfit;
mod scalar;

use serde_json::{Map, Value as Json};

use self::misfit::Misfit;
use crate::fault::Faults;
use crate::nearest::nearest;
use crate::path::Path;
use crate::spec::{ID, NAME};
use crate::yaml::{Node, Value};

/// Reports every value that does not fit, and takes it out of the tree.
pub(crate) fn hold(schema: &Json, root: &mut Node, faults: &mut Faults) {
    let none = Map::new();
    let defs = schema.get("$defs").and_then(Json::as_object).unwrap_or(&none);
    Shape { defs, faults }.walk(schema, root, &Path::default());
}

struct Shape<'a> {
    defs: &'a Map<String, Json>,
    faults: &'a mut Faults,
}

impl<'a> Shape<'a> {
    fn walk(&mut self, schema: &'a Json, node: &mut Node, path: &Path) {
        if let Err(misfit) = self.fit(schema, node, path) {
            self.faults.push(&node.spot, path, misfit.to_string());
            node.value = Value::Gone;
        }
    }

    fn fit(&mut self, schema: &'a Json, node: &mut Node, path: &Path) -> Result<(), Misfit> {
        let target = self.resolved(schema);
        if let Some(branches) = branches(target) {
            return self.one_of(branches, node, path);
        }
        match text(target, "type") {
            Some("object") => self.object(target, node, path),
            Some("array") => self.array(schema, target, node, path),
            Some("string") => scalar::string(schema, target, node),
            Some("integer") => scalar::integer(target, node),
            Some("boolean") => scalar::boolean(node),
            _ => Ok(()),
        }
    }

    /// References name definitions of the same schema: `#/$defs/LimitSpec`.
    fn resolved(&self, schema: &'a Json) -> &'a Json {
        let name = text(schema, "$ref").and_then(|pointer| pointer.strip_prefix("#/$defs/"));
        name.and_then(|name| self.defs.get(name)).unwrap_or(schema)
    }

    fn array(
        &mut self,
        schema: &'a Json,
        target: &'a Json,
        node: &mut Node,
        path: &Path,
    ) -> Result<(), Misfit> {
        let Value::List(entries) = &mut node.value else {
            return Err(Misfit::not_list(node, schema));
        };
        if entries.is_empty() && target.get("minItems").is_some() {
            return Err(Misfit::EmptyList);
        }
        if let Some(schema) = target.get("items") {
            for (index, entry) in entries.iter_mut().enumerate() {
                self.walk(schema, entry, &path.index(index));
            }
        }
        Ok(())
    }

    fn object(&mut self, schema: &'a Json, node: &mut Node, path: &Path) -> Result<(), Misfit> {
        let Value::Mapping(fields) = &mut node.value else {
            return Err(Misfit::not_mapping(node, schema));
        };
        if fields.is_empty() && schema.get("minProperties").is_some() {
            return Err(Misfit::EmptyMapping);
        }
        for (name, value) in fields {
            let path = path.key(name);
            match of_field(schema, name) {
                Ok(Some(schema)) => self.walk(schema, value, &path),
                Ok(None) => {}
                Err(misfit) => {
                    self.faults.push(&value.spot, &path, misfit.to_string());
                    value.value = Value::Gone;
                }
            }
        }
        self.required(schema, node, path);
        Ok(())
    }

    fn required(&mut self, schema: &'a Json, node: &Node, path: &Path) {
        for name in schema.get("required").and_then(Json::as_array).into_iter().flatten() {
            let Some(name) = name.as_str() else { continue };
            if node.get(name).is_none() {
                let property = schema.get("properties").and_then(|known| known.get(name));
                let missing = Misfit::missing(property.unwrap_or(&Json::Null));
                self.faults.push(&node.spot, &path.key(name), missing.to_string());
            }
        }
    }

    /// One of several constants, or a scalar, or a list, or one of several mappings.
    fn one_of(&mut self, branches: &'a [Json], node: &mut Node, path: &Path) -> Result<(), Misfit> {
        let branches: Vec<&Json> = branches.iter().map(|branch| self.resolved(branch)).collect();
        if let Value::Mapping(fields) = &node.value {
            return match chosen(&branches, fields)? {
                Some(branch) => self.object(branch, node, path),
                None => Err(Misfit::choice(node, &branches)),
            };
        }
        if let Value::List(_) = &node.value {
            let list = branches.iter().find(|branch| text(branch, "type") == Some("array"));
            return match list {
                Some(list) => self.array(list, list, node, path),
                None => Err(Misfit::choice(node, &branches)),
            };
        }
        if branches.iter().any(|branch| scalar::fits(branch, node)) {
            Ok(())
        } else {
            Err(Misfit::choice(node, &branches))
        }
    }
}

/// What a field must be; nothing in particular if the schema does not say.
fn of_field<'a>(schema: &'a Json, name: &str) -> Result<Option<&'a Json>, Misfit> {
    if let Some(property) = schema.get("properties").and_then(|known| known.get(name)) {
        return Ok(Some(property));
    }
    match schema.get("additionalProperties") {
        Some(Json::Bool(false)) => Err(unknown(name, known(schema))),
        values => name_fits(schema, name).map(|()| values),
    }
}

/// The mapping that the fields are of; none if no alternative is one.
fn chosen<'a>(
    branches: &[&'a Json],
    fields: &[(String, Node)],
) -> Result<Option<&'a Json>, Misfit> {
    let has = |branch: &&&Json| known(branch).any(|name| fields.iter().any(|(n, _)| n == name));
    let mut meant = branches.iter().filter(has);
    match (meant.next(), meant.next()) {
        (Some(branch), None) => Ok(Some(branch)),
        (Some(one), Some(other)) => {
            let names = known(one).chain(known(other)).map(str::to_owned).collect();
            Err(Misfit::Several(names))
        }
        (None, _) => {
            let names = branches.iter().copied().flat_map(known);
            match (fields.first(), names.clone().next()) {
                (Some((name, _)), Some(_)) => Err(unknown(name, names)),
                _ => Ok(None),
            }
        }
    }
}

fn branches(schema: &Json) -> Option<&[Json]> {
    let branches = schema.get("oneOf").or_else(|| schema.get("anyOf"))?;
    branches.as_array().map(Vec::as_slice)
}

fn known(schema: &Json) -> impl Iterator<Item = &str> + Clone {
    let properties = schema.get("properties").and_then(Json::as_object);
    properties.into_iter().flat_map(|known| known.keys().map(String::as_str))
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Misfit {
    match nearest(name, known.clone()) {
        Some(near) => Misfit::UnknownNear(name.to_owned(), near.to_owned()),
        None => Misfit::Unknown(name.to_owned(), known.map(str::to_owned).collect()),
    }
}

/// Whether something may be called so.
fn name_fits(schema: &Json, name: &str) -> Result<(), Misfit> {
    match schema.get("propertyNames").and_then(|names| text(names, "pattern")) {
        Some(NAME) if !is_name(name) => Err(Misfit::Name(name.to_owned())),
        Some(ID) if !is_id(name) => Err(Misfit::Id(name.to_owned())),
        _ => Ok(()),
    }
}

/// [`NAME`].
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&name.len()) && name.bytes().all(fits)
}

/// [`ID`].
fn is_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

fn text<'a>(schema: &'a Json, keyword: &str) -> Option<&'a str> {
    schema.get(keyword).and_then(Json::as_str)
}

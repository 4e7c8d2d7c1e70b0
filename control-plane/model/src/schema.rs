use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use crate::spec::FileSpec;

/// The JSON Schema of the file (draft 2020-12), for editors.
pub fn schema() -> Value {
    SCHEMA.clone()
}

/// The schema is also what a file is held against, see [`crate::shape`].
pub(crate) static SCHEMA: LazyLock<Value> = LazyLock::new(|| of::<FileSpec>().to_value());

fn of<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12();
    settings
        .with_transform(WithoutNull)
        .with_transform(Unwrapped)
        .into_generator()
        .into_root_schema_for::<T>()
}

/// A field that need not be written is left out, not written without a value:
/// `limits:` with nothing after it is a slip, and no limit would come of it.
#[derive(Clone)]
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if let Some(Value::Array(types)) = schema.get_mut("type") {
            types.retain(|one| one != "null");
            if let [one] = types.as_slice() {
                let one = one.clone();
                schema.insert("type".to_owned(), one);
            }
        }
        if schema.get("default").is_some_and(Value::is_null) {
            schema.remove("default");
        }
        without_null_branch(schema);
    }
}

/// `anyOf: [X, null]` is X.
fn without_null_branch(schema: &mut Schema) {
    let Some(Value::Array(branches)) = schema.get("anyOf") else { return };
    let mut others = branches.iter().filter(|branch| branch.get("type") != Some(&"null".into()));
    if let (Some(Value::Object(only)), None) = (others.next().cloned(), others.next()) {
        schema.remove("anyOf");
        schema.ensure_object().extend(only);
    }
}

/// Line breaks of a source file mean nothing on an editor's screen.
#[derive(Clone)]
struct Unwrapped;

impl Transform for Unwrapped {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if let Some(Value::String(text)) = schema.get_mut("description") {
            *text = unwrapped(text);
        }
    }
}

fn unwrapped(text: &str) -> String {
    text.split("\n\n").map(|part| part.replace('\n', " ")).collect::<Vec<_>>().join("\n\n")
}

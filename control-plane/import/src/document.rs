use serde_json::{Map, Value};

/// An OpenAPI document. Whatever in it is not of its form is as if absent.
#[derive(Clone, Copy)]
pub(crate) struct Document<'d> {
    root: &'d Value,
}

/// References to references are followed so far.
const REFERENCES_MAX: usize = 8;

/// The methods that a path may have (OpenAPI 3.1.0, section 4.8.9).
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// One method of one path.
pub(crate) struct Described<'d> {
    pub(crate) path: &'d str,
    /// In capitals.
    pub(crate) method: String,
    pub(crate) operation: &'d Value,
}

// === impl Document ===

impl<'d> Document<'d> {
    pub(crate) fn new(root: &'d Value) -> Self {
        Self { root }
    }

    pub(crate) fn is_supported(self) -> bool {
        let version = text(self.root, "openapi").unwrap_or_default();
        ["3.0.", "3.1."].iter().any(|known| version.starts_with(known))
    }

    pub(crate) fn title(self) -> &'d str {
        self.root.get("info").and_then(|info| text(info, "title")).unwrap_or_default()
    }

    pub(crate) fn servers(self) -> &'d [Value] {
        list(self.root, "servers")
    }

    /// What holds where an operation says nothing.
    pub(crate) fn security(self) -> Option<&'d [Value]> {
        security(self.root)
    }

    pub(crate) fn schemes(self) -> impl Iterator<Item = (&'d str, &'d Value)> {
        let components = self.root.get("components");
        let schemes = components.and_then(|all| all.get("securitySchemes"));
        let schemes = schemes.and_then(Value::as_object);
        let all = schemes.into_iter().flatten();
        all.map(move |(name, scheme)| (name.as_str(), self.resolved(scheme)))
    }

    /// Every operation, by path and method.
    pub(crate) fn operations(self) -> impl Iterator<Item = Described<'d>> {
        let paths = self.root.get("paths").and_then(Value::as_object);
        paths.into_iter().flatten().flat_map(move |(path, item)| {
            let item = self.resolved(item);
            METHODS.into_iter().filter_map(move |method| {
                let operation = item.get(method)?;
                Some(Described { path, method: method.to_ascii_uppercase(), operation })
            })
        })
    }

    /// What a reference into the same document refers to.
    fn resolved(self, value: &'d Value) -> &'d Value {
        let mut value = value;
        for _ in 0..REFERENCES_MAX {
            let Some(pointer) = text(value, "$ref").and_then(|to| to.strip_prefix('#')) else {
                return value;
            };
            let Some(found) = self.root.pointer(pointer) else { return value };
            value = found;
        }
        value
    }
}

/// The alternatives by which callers prove who they are, if that is said.
pub(crate) fn security(of: &Value) -> Option<&[Value]> {
    of.get("security")?.as_array().map(Vec::as_slice)
}

pub(crate) fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field)?.as_str()
}

pub(crate) fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

pub(crate) fn fields<'v>(value: &'v Value, field: &str) -> Option<&'v Map<String, Value>> {
    value.get(field)?.as_object()
}

use sfv::{BareItem, Item, Parser};
use tollgate_core::is_header_name;

/// Something that a signature covers (RFC 9421, section 2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Component {
    Method,
    TargetUri,
    Authority,
    Scheme,
    RequestTarget,
    Path,
    Query,
    /// Of this name, escaped.
    QueryParam(String),
    Field {
        name: String,
        part: Part,
    },
}

/// How much of a field is covered, and how it is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Whole,
    /// Each line as a byte sequence (`bs`).
    Bytes,
    /// One member of a dictionary (`key`).
    Key(String),
}

// === impl Component ===

impl Component {
    /// Reads the identifier of a component; nothing if it is none that we can
    /// look up: those of responses (`@status`, `req`), of trailers (`tr`), and
    /// fields written anew (`sf`), for which their types would have to be known.
    pub(crate) fn read(item: &Item) -> Option<Self> {
        let Item { bare_item: BareItem::String(name), params } = item else { return None };
        let mut params = params.iter().map(|(key, value)| (key.as_str(), value));
        let param = params.next();
        if params.next().is_some() {
            return None;
        }
        match (name.as_str(), param) {
            ("@query-param", Some(("name", BareItem::String(name)))) => {
                Some(Self::QueryParam(name.as_str().to_owned()))
            }
            (name, None) if name.starts_with('@') => Self::derived(name),
            (name, param) if is_header_name(name) && !name.starts_with('@') => {
                let part = Part::read(param)?;
                Some(Self::Field { name: name.to_owned(), part })
            }
            _ => None,
        }
    }

    /// The component that an operator calls `name`: `@method`, `content-type`
    /// or, with parameters, `"@query-param";name="id"`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let quoted = if name.starts_with('"') { name.to_owned() } else { format!("\"{name}\"") };
        Self::read(&Parser::new(&quoted).parse::<Item>().ok()?)
    }

    fn derived(name: &str) -> Option<Self> {
        match name {
            "@method" => Some(Self::Method),
            "@target-uri" => Some(Self::TargetUri),
            "@authority" => Some(Self::Authority),
            "@scheme" => Some(Self::Scheme),
            "@request-target" => Some(Self::RequestTarget),
            "@path" => Some(Self::Path),
            "@query" => Some(Self::Query),
            _ => None,
        }
    }

    /// Whether whoever covers this component has covered `wanted` with it.
    pub(crate) fn covers(&self, wanted: &Self) -> bool {
        let in_query = matches!(wanted, Self::Query | Self::QueryParam(_));
        let in_target = in_query || matches!(wanted, Self::Path);
        let includes = match self {
            Self::TargetUri => {
                in_target || matches!(wanted, Self::Scheme | Self::Authority | Self::RequestTarget)
            }
            Self::RequestTarget => in_target,
            Self::Query => in_query,
            Self::Field { part: Part::Bytes, .. } => wanted.is_whole() && self.is_beside(wanted),
            _ => false,
        };
        includes || self == wanted
    }

    fn is_whole(&self) -> bool {
        matches!(self, Self::Field { part: Part::Whole, .. })
    }

    /// Whether both are of one field.
    fn is_beside(&self, other: &Self) -> bool {
        matches!(other, Self::Field { name, .. } if self.is_of_field(name))
    }

    /// Whether it is a field of this name, or a part of one.
    pub(crate) fn is_of_field(&self, wanted: &str) -> bool {
        matches!(self, Self::Field { name, .. } if name == wanted)
    }

    /// Whether it fixes the body's digest by this algorithm.
    pub(crate) fn covers_digest(&self, algorithm: &str) -> bool {
        match self {
            Self::Field { name, part } if name == "content-digest" => match part {
                Part::Whole | Part::Bytes => true,
                Part::Key(key) => key == algorithm,
            },
            _ => false,
        }
    }
}

// === impl Part ===

impl Part {
    fn read(param: Option<(&str, &BareItem)>) -> Option<Self> {
        match param {
            None => Some(Self::Whole),
            Some(("bs", BareItem::Boolean(true))) => Some(Self::Bytes),
            Some(("key", BareItem::String(key))) => Some(Self::Key(key.as_str().to_owned())),
            Some(_) => None,
        }
    }
}

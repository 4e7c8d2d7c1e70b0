use std::rc::Rc;

/// One change to a list of headers.
///
/// Names and values are counted references: what configuration or a cached
/// identity determines is shared by all requests and not copied for each.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Edit {
    /// Invariant: lower case, a token; or `:path`.
    pub name: Rc<str>,
    /// What becomes of the header.
    pub operation: Operation,
}

/// What becomes of a header.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Operation {
    /// It has this value and no other.
    Set(Rc<[u8]>),
    /// It has this value besides those it had.
    Add(Rc<[u8]>),
    /// It is gone, in every line that carried it.
    Remove,
}

impl Edit {
    /// Gives `name` the one value `value`.
    pub fn set(name: impl Into<Rc<str>>, value: impl AsRef<[u8]>) -> Self {
        Self { name: name.into(), operation: Operation::Set(value.as_ref().into()) }
    }

    /// Gives `name` the value `value` besides those it has.
    pub fn add(name: impl Into<Rc<str>>, value: impl AsRef<[u8]>) -> Self {
        Self { name: name.into(), operation: Operation::Add(value.as_ref().into()) }
    }

    /// Removes every line of `name`.
    pub fn remove(name: impl Into<Rc<str>>) -> Self {
        Self { name: name.into(), operation: Operation::Remove }
    }
}

/// What a filter changes about an exchange that it lets pass.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Edits {
    /// Done to the request before the backend sees it, in this order.
    pub request: Vec<Edit>,
    /// Done to the response before the caller sees it, in this order.
    pub response: Vec<Edit>,
    /// By what the filter is told of the response, and of the end of the
    /// exchange; nothing for one that it does not follow.
    pub ticket: Option<Ticket>,
    /// Whether the filter is told of the response to such an exchange, and not only
    /// of its end: to read the headers takes a microsecond.
    pub hears_response: bool,
}

/// A filter's own number for an exchange that it follows to its end.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ticket(pub u64);

/// Whether `name` is a header name in lower case (RFC 9110, section 5.6.2: token).
pub fn is_header_name(name: &str) -> bool {
    let token =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(token)
}

/// Whether `value` may stand in a header: Envoy refuses the whole message
/// when a filter sets a value with a control character in it.
pub fn is_header_value(value: &[u8]) -> bool {
    value.iter().all(|&b| b == b'\t' || (0x20..0x7f).contains(&b) || 0x80 <= b)
}

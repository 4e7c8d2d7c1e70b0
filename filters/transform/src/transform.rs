use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use tollgate_core::{Edit, Edits, Operation, Principal};

use crate::name::{self, Message};
use crate::spec::{HeadersSpec, MessageSpec};
use crate::template::Value;

/// What is changed about an exchange, compiled.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Transform {
    request: Vec<Change>,
    response: Vec<Change>,
}

/// What is known about one request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// Who is calling, once that is proved.
    pub principal: Option<&'a Principal>,
    /// The parameters of the path, decoded.
    pub path_parameters: &'a [(&'a str, Cow<'a, [u8]>)],
}

/// One change to a list of headers.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Change {
    Remove(Rc<str>),
    Set(Rc<str>, Value),
    Add(Rc<str>, Value),
}

/// Why a transformation was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{at}: {fault}")]
pub struct InvalidTransform {
    /// Where: `request.headers.set.x-order-id`.
    pub at: String,
    /// What is wrong there.
    pub fault: HeaderFault,
}

/// What can be wrong with a change to a header.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderFault {
    /// No header can have this name.
    #[error("{0:?} is no header name; use letters, digits and hyphens")]
    Name(String),

    /// A part of the message's first line.
    #[error("{0:?} is a pseudo-header; only headers can be changed")]
    Pseudo(String),

    /// It says how the message travels.
    #[error("{0:?} says how a message travels, which Envoy decides; leave it alone")]
    Framing(String),

    /// Backends believe it because the gateway says it.
    #[error("{0:?} is reserved for what the gateway says itself; choose another name")]
    Reserved(String),

    /// Two changes to one header.
    #[error("{name:?} is changed by {first} already; change it in one place")]
    Twice {
        /// The header, in lower case.
        name: String,
        /// Where it is changed first.
        first: String,
    },

    /// A value that no header can have.
    #[error("{0:?} has a control character in it; a value is one line of text")]
    Value(String),

    /// A placeholder does not end.
    #[error("{0:?} has a {{ that no }} follows; write {{{{ for a brace")]
    Unclosed(String),

    /// A placeholder does not begin.
    #[error("{0:?} has a }} that no {{ precedes; write }}}} for a brace")]
    Unopened(String),

    /// Nothing of this name is known about a request.
    #[error(
        "nothing is named {0:?}; known are path.NAME, principal.tenant, principal.subject, \
         principal.tier, principal.scopes, principal.groups and principal.method"
    )]
    Placeholder(String),

    /// The path has no such parameter.
    #[error("no path parameter is named {name:?}; {}", known_parameters(known))]
    PathParameter {
        /// What was written.
        name: String,
        /// The parameters that the path has.
        known: Vec<String>,
    },
}

fn known_parameters(known: &[String]) -> String {
    if known.is_empty() {
        "the path has none".to_owned()
    } else {
        format!("the path has {}", known.join(", "))
    }
}

// === impl Transform ===

impl Transform {
    /// Checks what is to be changed on a route whose path has these parameters.
    pub fn compile(
        request: MessageSpec,
        response: MessageSpec,
        path_parameters: &[&str],
    ) -> Result<Self, InvalidTransform> {
        let compile = |spec, message| Compiler::new(message, path_parameters).message(spec);
        Ok(Self {
            request: compile(request, Message::Request)?,
            response: compile(response, Message::Response)?,
        })
    }

    /// Appends the changes for one request.
    pub fn apply(&self, facts: &Facts<'_>, edits: &mut Edits) {
        let Self { request, response } = self;
        edits.request.extend(request.iter().filter_map(|change| change.edit(facts)));
        edits.response.extend(response.iter().filter_map(|change| change.edit(facts)));
    }
}

// === impl Facts ===

impl Facts<'_> {
    pub(crate) fn path_parameter(&self, name: &str) -> Option<&[u8]> {
        let parameter = self.path_parameters.iter().find(|(known, _)| *known == name);
        parameter.map(|(_, value)| value.as_ref())
    }
}

// === impl Change ===

impl Change {
    /// What is done to one request; nothing if it adds a value that is not known.
    fn edit(&self, facts: &Facts<'_>) -> Option<Edit> {
        let (name, operation) = match self {
            Self::Remove(name) => (name, Operation::Remove),
            Self::Set(name, value) => {
                // A value that the caller sent must not pass for ours.
                (name, value.render(facts).map_or(Operation::Remove, Operation::Set))
            }
            Self::Add(name, value) => (name, Operation::Add(value.render(facts)?)),
        };
        Some(Edit { name: Rc::clone(name), operation })
    }
}

/// Compiles the changes to one message.
struct Compiler<'a> {
    message: Message,
    path_parameters: &'a [&'a str],
    /// Each header, and where it is changed.
    changed: BTreeMap<Rc<str>, String>,
}

// === impl Compiler ===

impl<'a> Compiler<'a> {
    fn new(message: Message, path_parameters: &'a [&'a str]) -> Self {
        Self { message, path_parameters, changed: BTreeMap::new() }
    }

    fn message(mut self, spec: MessageSpec) -> Result<Vec<Change>, InvalidTransform> {
        let MessageSpec { headers: HeadersSpec { set, add, remove } } = spec;
        let mut changes = Vec::new();
        for (index, name) in remove.iter().enumerate() {
            changes.push(Change::Remove(self.name(name, &format!("remove[{index}]"))?));
        }
        for (name, value) in &set {
            let (name, value) = self.entry("set", name, value)?;
            changes.push(Change::Set(name, value));
        }
        for (name, value) in &add {
            let (name, value) = self.entry("add", name, value)?;
            changes.push(Change::Add(name, value));
        }
        Ok(changes)
    }

    fn entry(
        &mut self,
        list: &str,
        name: &str,
        value: &str,
    ) -> Result<(Rc<str>, Value), InvalidTransform> {
        let place = format!("{list}.{name}");
        let name = self.name(name, &place)?;
        let value = Value::compile(value, self.path_parameters);
        Ok((name, value.map_err(|fault| InvalidTransform { at: self.at(&place), fault })?))
    }

    fn name(&mut self, written: &str, place: &str) -> Result<Rc<str>, InvalidTransform> {
        let at = self.at(place);
        let name = match name::compile(written, self.message) {
            Ok(name) => name,
            Err(fault) => return Err(InvalidTransform { at, fault }),
        };
        match self.changed.insert(Rc::clone(&name), at.clone()) {
            None => Ok(name),
            Some(first) => {
                let name = name.to_string();
                Err(InvalidTransform { at, fault: HeaderFault::Twice { name, first } })
            }
        }
    }

    fn at(&self, place: &str) -> String {
        let message = match self.message {
            Message::Request => "request",
            Message::Response => "response",
        };
        format!("{message}.headers.{place}")
    }
}

use std::rc::Rc;

use tollgate_core::{Principal, is_header_value};

use crate::transform::{Facts, HeaderFault};

/// A header value, parts of which differ from request to request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Value {
    /// None does: all requests share it.
    Fixed(Rc<[u8]>),
    /// Invariant: at least one part is no text.
    Parts(Vec<Part>),
}

/// A part of a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Text(String),
    PathParameter(String),
    Principal(Field),
}

/// What may be told of a caller. There is no credential among it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Field {
    Tenant,
    Subject,
    Tier,
    Scopes,
    Groups,
    Method,
}

const FIELDS: &[(&str, Field)] = &[
    ("tenant", Field::Tenant),
    ("subject", Field::Subject),
    ("tier", Field::Tier),
    ("scopes", Field::Scopes),
    ("groups", Field::Groups),
    ("method", Field::Method),
];

// === impl Value ===

impl Value {
    /// Reads a value with its placeholders.
    pub(crate) fn compile(written: &str, path_parameters: &[&str]) -> Result<Self, HeaderFault> {
        if !is_header_value(written.as_bytes()) {
            return Err(HeaderFault::Value(written.to_owned()));
        }
        let mut parts = parse(written, path_parameters)?;
        match parts.as_mut_slice() {
            [] => Ok(Self::Fixed(Rc::default())),
            [Part::Text(text)] => Ok(Self::Fixed(text.as_bytes().into())),
            _ => Ok(Self::Parts(parts)),
        }
    }

    /// The value for one request, if everything in it is known and may stand
    /// in a header: a path can spell any byte.
    pub(crate) fn render(&self, facts: &Facts<'_>) -> Option<Rc<[u8]>> {
        let parts = match self {
            Self::Fixed(value) => return Some(Rc::clone(value)),
            Self::Parts(parts) => parts,
        };
        let mut value = Vec::new();
        for part in parts {
            part.render(facts, &mut value)?;
        }
        is_header_value(&value).then(|| value.into())
    }
}

fn parse(written: &str, path_parameters: &[&str]) -> Result<Vec<Part>, HeaderFault> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = written;
    while let Some((before, brace, after)) = next_brace(rest) {
        text.push_str(before);
        rest = if let Some(after) = after.strip_prefix(brace) {
            text.push(brace);
            after
        } else if brace == '}' {
            return Err(HeaderFault::Unopened(written.to_owned()));
        } else {
            let (name, after) =
                after.split_once('}').ok_or_else(|| HeaderFault::Unclosed(written.to_owned()))?;
            push_text(&mut text, &mut parts);
            parts.push(placeholder(name, path_parameters)?);
            after
        };
    }
    text.push_str(rest);
    push_text(&mut text, &mut parts);
    Ok(parts)
}

fn next_brace(text: &str) -> Option<(&str, char, &str)> {
    let (before, from) = text.split_at_checked(text.find(['{', '}'])?)?;
    let mut chars = from.chars();
    let brace = chars.next()?;
    Some((before, brace, chars.as_str()))
}

fn push_text(text: &mut String, parts: &mut Vec<Part>) {
    if !text.is_empty() {
        parts.push(Part::Text(std::mem::take(text)));
    }
}

fn placeholder(name: &str, path_parameters: &[&str]) -> Result<Part, HeaderFault> {
    let unknown = || HeaderFault::Placeholder(name.to_owned());
    match name.split_once('.') {
        Some(("path", name)) if path_parameters.contains(&name) => {
            Ok(Part::PathParameter(name.to_owned()))
        }
        Some(("path", name)) => Err(HeaderFault::PathParameter {
            name: name.to_owned(),
            known: path_parameters.iter().map(|&known| known.to_owned()).collect(),
        }),
        Some(("principal", name)) => {
            let field = FIELDS.iter().find(|(known, _)| *known == name);
            field.map(|(_, field)| Part::Principal(*field)).ok_or_else(unknown)
        }
        _ => Err(unknown()),
    }
}

// === impl Part ===

impl Part {
    /// Appends the part; nothing if it is not known.
    fn render(&self, facts: &Facts<'_>, to: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Text(text) => to.extend_from_slice(text.as_bytes()),
            Self::PathParameter(name) => to.extend_from_slice(facts.path_parameter(name)?),
            Self::Principal(field) => field.render(facts.principal?, to)?,
        }
        Some(())
    }
}

// === impl Field ===

impl Field {
    fn render(self, principal: &Principal, to: &mut Vec<u8>) -> Option<()> {
        let text = match self {
            Self::Tenant => principal.tenant.as_deref()?,
            Self::Subject if principal.is_anonymous() => return None,
            Self::Subject => &principal.subject,
            Self::Tier => principal.tier.as_deref()?,
            Self::Method => &principal.method,
            Self::Scopes => principal.scopes.text(),
            Self::Groups => principal.groups.text(),
        };
        to.extend_from_slice(text.as_bytes());
        Some(())
    }
}

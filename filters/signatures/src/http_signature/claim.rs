use sfv::{BareItem, FieldType as _, InnerList, ListEntry};
use tollgate_core::Timestamp;

use crate::credential::key_id;
use crate::http_signature::component::Component;
use crate::http_signature::input::{INPUT, Input, text};
use crate::limits::COVERED_MAX;
use crate::refused::shown;
use crate::request::Message;
use crate::text::Text;
use crate::{Refused, fields};

/// What a signature says about itself.
pub(crate) struct Claim<'a> {
    /// Each with its identifier as it is signed. Invariant: none twice.
    pub(crate) components: Vec<(String, Component)>,
    pub(crate) key_id: &'a str,
    pub(crate) created: Timestamp,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) algorithm: Option<&'a str>,
    /// The value of `@signature-params`.
    parameters: String,
}

// === impl Claim ===

impl<'a> Claim<'a> {
    pub(crate) fn read(input: &'a Input) -> Result<Self, Refused> {
        let list = &input.list;
        let keyid = text(list, "keyid")?.ok_or(Refused::NoParameter { parameter: "keyid" })?;
        let created = moment(list, "created")?;
        Ok(Self {
            components: components(list)?,
            key_id: key_id(keyid)?,
            created: created.ok_or(Refused::NoParameter { parameter: "created" })?,
            expires: moment(list, "expires")?,
            nonce: text(list, "nonce")?,
            algorithm: text(list, "alg")?,
            parameters: fields::serialized(&ListEntry::InnerList(list.clone())).ok_or(INPUT)?,
        })
    }

    /// What is signed (RFC 9421, section 2.5).
    pub(crate) fn base(&self, message: &Message<'_>) -> Result<Text, Refused> {
        let mut text = Text::default();
        for (id, component) in &self.components {
            let value = component.value(message)?;
            let value = value.ok_or_else(|| Refused::Absent { component: shown(id) })?;
            text.line(&[id.as_bytes(), b": ", &value])?;
        }
        text.add(&[b"\"@signature-params\": ", self.parameters.as_bytes()])?;
        Ok(text)
    }
}

fn components(list: &InnerList) -> Result<Vec<(String, Component)>, Refused> {
    if COVERED_MAX < list.items.len() {
        return Err(Refused::CoversTooMany);
    }
    let mut components: Vec<(String, Component)> = Vec::with_capacity(list.items.len());
    for item in &list.items {
        let id = item.serialize();
        let component =
            Component::read(item).ok_or_else(|| Refused::Unsupported { component: shown(&id) })?;
        if components.iter().any(|(_, other)| *other == component) {
            return Err(Refused::CoveredTwice { component: shown(&id) });
        }
        components.push((id, component));
    }
    Ok(components)
}

/// A parameter of a signature that is a time, if it has one.
fn moment(list: &InnerList, name: &str) -> Result<Option<Timestamp>, Refused> {
    match list.params.get(name) {
        None => Ok(None),
        Some(BareItem::Integer(seconds)) => {
            let seconds = u64::try_from(*seconds).map_err(|_| INPUT)?;
            Ok(Some(Timestamp::from_seconds(seconds)))
        }
        Some(_) => Err(INPUT),
    }
}

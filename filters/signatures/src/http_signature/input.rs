use sfv::{BareItem, Dictionary, InnerList, Item, ListEntry};
use tollgate_core::Headers;

use crate::headers::{joined, lines};
use crate::limits::{CREDENTIAL_BYTES_MAX, SIGNATURES_MAX};
use crate::{Refused, fields};

/// One signature with what it says it covers.
pub(crate) struct Input {
    pub(crate) list: InnerList,
    pub(crate) signature: Vec<u8>,
}

pub(crate) const INPUT: Refused = Refused::Malformed {
    field: "signature-input",
    expected: "LABEL=(\"COMPONENT\" …);created=SECONDS;keyid=\"…\" (RFC 9421, section 4.1)",
};

const SIGNATURE: Refused = Refused::Malformed {
    field: "signature",
    expected: "LABEL=:BASE64: for each label of signature-input (RFC 9421, section 4.2)",
};

/// The signatures of a request that have the label and the tag, where these
/// are asked for. What others look like does not matter.
pub(crate) fn inputs(
    headers: &Headers,
    label: Option<&str>,
    tag: Option<&str>,
) -> Result<Vec<Input>, Refused> {
    let [inputs, mut signatures] = dictionaries(headers)?;
    let mut found = Vec::new();
    for (name, member) in inputs {
        if label.is_some_and(|label| label != name.as_str()) {
            continue;
        }
        let ListEntry::InnerList(list) = member else { return Err(INPUT) };
        if tag.is_some() && tag != text(&list, "tag")? {
            continue;
        }
        if SIGNATURES_MAX <= found.len() {
            return Err(Refused::TooManySignatures);
        }
        match signatures.swap_remove(name.as_str()) {
            Some(ListEntry::Item(Item {
                bare_item: BareItem::ByteSequence(signature), ..
            })) => {
                found.push(Input { list, signature });
            }
            _ => return Err(SIGNATURE),
        }
    }
    Ok(found)
}

fn dictionaries(headers: &Headers) -> Result<[Dictionary; 2], Refused> {
    let input = joined(&lines(headers, "signature-input")?).ok_or(INPUT)?;
    let signature = joined(&lines(headers, "signature")?).ok_or(SIGNATURE)?;
    if CREDENTIAL_BYTES_MAX < input.len().saturating_add(signature.len()) {
        return Err(Refused::CredentialTooLong);
    }
    let input = fields::dictionary(&input).ok_or(INPUT)?;
    Ok([input, fields::dictionary(&signature).ok_or(SIGNATURE)?])
}

/// A parameter of a signature that is a string, if it has one.
pub(crate) fn text<'a>(list: &'a InnerList, name: &str) -> Result<Option<&'a str>, Refused> {
    match list.params.get(name) {
        None => Ok(None),
        Some(BareItem::String(value)) => Ok(Some(value.as_str())),
        Some(_) => Err(INPUT),
    }
}

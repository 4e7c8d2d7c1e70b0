use serde_json::Value as Json;

use super::misfit::{Misfit, found};
use super::text;
use crate::duration;
use crate::spec::DURATION;
use crate::yaml::{Node, Value};

/// Whether a scalar is what a branch of a choice asks for.
pub(super) fn fits(branch: &Json, node: &Node) -> bool {
    match text(branch, "type") {
        Some("integer") => integer(branch, node).is_ok(),
        Some("boolean") => boolean(node).is_ok(),
        _ => string(branch, branch, node).is_ok(),
    }
}

/// A string: any, or one of those that the schema lists.
///
/// `schema` is what the field says and `target` what it refers to.
pub(super) fn string(schema: &Json, target: &Json, node: &Node) -> Result<(), Misfit> {
    if text(target, "type") != Some("string") {
        return Err(Misfit::not_string(node, schema));
    }
    let Value::String(written) = &node.value else {
        return match constants(target) {
            Some(_) => Err(Misfit::choice(node, &[target])),
            None => Err(Misfit::not_string(node, schema)),
        };
    };
    if constants(target).is_some_and(|mut known| !known.any(|constant| constant == written)) {
        return Err(Misfit::choice(node, &[target]));
    }
    if written.is_empty() && target.get("minLength").is_some() {
        return Err(Misfit::empty_string(schema));
    }
    // The field's own pattern: what it refers to may have one too, some day.
    if text(schema, "pattern") == Some(DURATION) && duration::parse(written).is_none() {
        return Err(Misfit::Duration(found(node)));
    }
    Ok(())
}

/// The only strings that are allowed, if the schema lists them.
pub(super) fn constants(target: &Json) -> Option<impl Iterator<Item = &str>> {
    let one = target.get("const").map(std::slice::from_ref);
    let several = || target.get("enum").and_then(Json::as_array).map(Vec::as_slice);
    Some(one.or_else(several)?.iter().filter_map(Json::as_str))
}

pub(super) fn boolean(node: &Node) -> Result<(), Misfit> {
    match node.value {
        Value::Bool(_) => Ok(()),
        _ => Err(Misfit::NotBoolean(found(node))),
    }
}

pub(super) fn integer(target: &Json, node: &Node) -> Result<(), Misfit> {
    let number = whole(node).ok_or_else(|| Misfit::not_integer(node))?;
    let (min, max) = type_bounds(text(target, "format"));
    let min = bound(target, "minimum").unwrap_or(min);
    let stated_max = bound(target, "maximum");
    if number < min && stated_max.is_none() {
        return Err(Misfit::TooSmall { number: found(node), min });
    }
    let max = stated_max.unwrap_or(max);
    if (min..=max).contains(&number) {
        return Ok(());
    }
    Err(Misfit::OutOfBounds { number: found(node), min, max })
}

/// A number without a fraction, however large.
fn whole(node: &Node) -> Option<i128> {
    let Value::Number(number, written) = &node.value else { return None };
    let fits = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    // Digits without end are a number too large, not a number with a fraction.
    fits.or_else(|| {
        let digits = written.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| written.parse().unwrap_or(i128::MAX))
    })
}

fn type_bounds(format: Option<&str>) -> (i128, i128) {
    match format {
        Some("uint32") => (0, i128::from(u32::MAX)),
        Some("int32") => (i128::from(i32::MIN), i128::from(i32::MAX)),
        _ => (i128::MIN, i128::MAX),
    }
}

fn bound(target: &Json, keyword: &str) -> Option<i128> {
    target.get(keyword).and_then(Json::as_i64).map(i128::from)
}

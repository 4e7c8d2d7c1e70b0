//! The claims that are kept beside an identity, for what operations ask.
//!
//! As one text rather than a tree, which would take ten times the memory: they
//! are read by those operations alone that ask for them.

use std::borrow::Cow;
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::{InvalidToken, ScalarSpec};
use tollgate_core::ClaimPath;

/// How long the kept claims of one caller may be, in all.
pub(crate) const KEPT_BYTES_MAX: usize = 4096;

/// The claims at these paths, as the text of an object in which each has the
/// place that it has in the token; nothing if the token has none of them.
pub(crate) fn keep(
    paths: &[ClaimPath],
    claims: &Map<String, Value>,
) -> Result<Option<Rc<str>>, InvalidToken> {
    let mut kept = Map::new();
    for path in paths {
        if let Some(value) = path.find(claims) {
            put(&mut kept, path.names(), value);
        }
    }
    if kept.is_empty() {
        return Ok(None);
    }
    let text = Value::Object(kept).to_string();
    if KEPT_BYTES_MAX < text.len() { Err(InvalidToken::Kept) } else { Ok(Some(text.into())) }
}

fn put(kept: &mut Map<String, Value>, names: &[Box<str>], value: &Value) {
    let Some((first, rest)) = names.split_first() else { return };
    if rest.is_empty() {
        kept.insert(first.to_string(), value.clone());
        return;
    }
    let inner = kept.entry(first.to_string()).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(inner) = inner {
        put(inner, rest, value);
    }
}

/// Whether the claim at a path is one of these values, or, if it is a list, has
/// one of them in it. Reads the text without building anything.
pub(crate) fn is_one_of(kept: &str, path: &ClaimPath, accepted: &[ScalarSpec]) -> bool {
    let search = Search { names: path.names(), accepted, in_list: false };
    search.deserialize(&mut serde_json::Deserializer::from_str(kept)).unwrap_or(false)
}

/// Looks for some values at a path; with no name left, here.
#[derive(Clone, Copy)]
struct Search<'a> {
    names: &'a [Box<str>],
    accepted: &'a [ScalarSpec],
    in_list: bool,
}

// === impl Search ===

impl Search<'_> {
    fn is_here(self, is_same: impl Fn(&ScalarSpec) -> bool) -> bool {
        self.names.is_empty() && self.accepted.iter().any(is_same)
    }
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a claim")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
        Ok(self.is_here(|accepted| *accepted == ScalarSpec::Truth(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<bool, E> {
        Ok(self.is_here(|accepted| *accepted == ScalarSpec::Number(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<bool, E> {
        let value = i64::try_from(value);
        Ok(self.is_here(|accepted| value.is_ok_and(|value| *accepted == ScalarSpec::Number(value))))
    }

    fn visit_str<E>(self, value: &str) -> Result<bool, E> {
        Ok(self.is_here(|accepted| matches!(accepted, ScalarSpec::Text(text) if text == value)))
    }

    /// A list in a list is not looked into, nor one on the way to the claim.
    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<bool, A::Error> {
        let is_meant = self.names.is_empty() && !self.in_list;
        let accepted = if is_meant { self.accepted } else { &[] };
        let entry = Self { names: &[], accepted, in_list: true };
        let mut found = false;
        while let Some(is_one) = entries.next_element_seed(entry)? {
            found |= is_one;
        }
        Ok(found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(name) = members.next_key::<Name<'de>>()? {
            match self.names.split_first() {
                Some((first, names)) if **first == *name.0 => {
                    found |= members.next_value_seed(Self { names, ..self })?;
                }
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

/// The name of a member, borrowed unless it has escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn paths(texts: &[&str]) -> Vec<ClaimPath> {
        texts.iter().map(|text| ClaimPath::parse(text).unwrap()).collect()
    }

    #[test]
    fn claims_are_kept_where_they_were_and_nothing_else_is() {
        let claims = json!({
            "sub": "ann", "a": {"b": {"c": 1, "d": 2}, "e": 3}, "x.y": [1], "n": null,
        });
        let claims = claims.as_object().unwrap();
        for (kept, expected) in [
            (&["a.b.c"][..], Some(r#"{"a":{"b":{"c":1}}}"#)),
            (&["a.b.c", "a.e", r"x\.y"], Some(r#"{"a":{"b":{"c":1},"e":3},"x.y":[1]}"#)),
            (&["a.b.c", "a"], Some(r#"{"a":{"b":{"c":1,"d":2},"e":3}}"#)),
            (&["a", "a.b.c"], Some(r#"{"a":{"b":{"c":1,"d":2},"e":3}}"#)),
            (&["n"], Some(r#"{"n":null}"#)),
            (&["x.y", "a.b.c.d", "nothing"], None),
            (&[], None),
        ] {
            let text = keep(&paths(kept), claims).unwrap();
            assert_eq!(text.as_deref(), expected, "{kept:?}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let long = |bytes: usize| json!({"a": "x".repeat(bytes)});
        let keep = |claims: Value| keep(&paths(&["a"]), claims.as_object().unwrap());
        assert_eq!(keep(long(4096 - 8)).unwrap().unwrap().len(), 4096);
        assert_eq!(keep(long(4096 - 7)), Err(InvalidToken::Kept));
    }

    #[test]
    fn a_claim_is_a_value_or_has_it_in_a_list() {
        let kept = json!({
            "team": "ops", "teams": ["dev", "ops", 7, true, ["x"], {"team": "y"}],
            "level": 3, "half": 0.5, "whole": 3.0, "big": u64::MAX, "on": true, "off": false,
            "none": null, "deep": {"er": {"team": "ops"}}, "list": [{"team": "ops"}],
            "esc\u{e9}": "\u{1F600}\n",
        });
        let text = |text: &str| ScalarSpec::Text(text.to_owned());
        let (number, truth) = (ScalarSpec::Number, ScalarSpec::Truth);
        for (path, accepted, expected) in [
            ("team", text("ops"), true),
            ("team", text("op"), false),
            ("team", text("Ops"), false),
            ("teams", text("ops"), true),
            ("teams", text("x"), false),
            ("teams", text("y"), false),
            ("teams", text("team"), false),
            ("teams", number(7), true),
            ("teams", truth(true), true),
            ("teams", text("7"), false),
            ("level", number(3), true),
            ("level", text("3"), false),
            ("half", number(0), false),
            ("whole", number(3), false),
            ("big", number(-1), false),
            ("on", truth(true), true),
            ("on", text("true"), false),
            ("off", truth(false), true),
            ("none", text("null"), false),
            ("none", truth(false), false),
            ("deep.er.team", text("ops"), true),
            ("deep.er", text("ops"), false),
            ("deep", text("ops"), false),
            ("list.team", text("ops"), false),
            ("list", text("ops"), false),
            ("team.x", text("ops"), false),
            ("nothing", text("ops"), false),
            ("esc\u{e9}", text("\u{1F600}\n"), true),
        ] {
            let path = ClaimPath::parse(path).unwrap();
            let found = is_one_of(&kept.to_string(), &path, &[text("else"), accepted.clone()]);
            assert_eq!(found, expected, "{path} {accepted:?}");
            assert!(!is_one_of(&kept.to_string(), &path, &[]), "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_looked_through(kept in r#"[\{\}\[\]",:a01e.\\ -]{0,40}"#) {
            let path = ClaimPath::parse("a").unwrap();
            let found = is_one_of(&kept, &path, &[ScalarSpec::Text("a".to_owned())]);
            let read = serde_json::from_str::<Map<String, Value>>(&kept);
            let expected = match read.as_ref().ok().and_then(|claims| claims.get("a")) {
                Some(Value::Array(list)) => list.contains(&json!("a")),
                Some(value) => *value == "a",
                None => false,
            };
            // Of an object that is cut short, or names a claim twice, nobody made the text.
            prop_assert!(found == expected || serde_json::from_str::<Value>(&kept).is_err() || kept.matches("a\"").count() > 1);
        }
    }
}

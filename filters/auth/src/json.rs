use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How deep values may be nested. Nobody's token needs more, and the stack of
/// a VM is small.
const DEPTH_MAX: usize = 64;

/// Reads a JSON object, in which no member stands twice: two readers could
/// otherwise take the same token for two different ones (RFC 7519, section 4).
pub(crate) fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: DEPTH_MAX }.deserialize(&mut json).ok()?;
    json.end().ok()?;
    match value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// Reads any value that is nested at most `depth` deep.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

// === impl Strict ===

impl Strict {
    fn inner<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deep"))?;
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if map.insert(name, members.next_value_seed(inner)?).is_some() {
                return Err(A::Error::custom("a member stands twice"));
            }
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn objects_are_read_as_serde_reads_them() {
        for json in [
            "{}",
            r#"{"a":1,"b":-2,"c":1.5e3,"d":"\u00e9","e":null,"f":[true,[]],"g":{"a":1}}"#,
            r#" {"exp":18446744073709551615} "#,
        ] {
            let expected: Value = serde_json::from_str(json).unwrap();
            assert_eq!(object(json.as_bytes()).map(Value::Object), Some(expected), "{json}");
        }
    }

    #[test]
    fn what_is_no_object_or_read_in_two_ways_is_refused() {
        for json in [
            &b""[..],
            b"[]",
            b"1",
            b"{",
            b"{} {}",
            b"{}x",
            br#"{"a":1,"a":1}"#,
            br#"{"a":1,"\u0061":2}"#,
            br#"{"x":{"a":1,"a":2}}"#,
            br#"{"x":[{"a":1,"a":2}]}"#,
            br#"{"a":1e999}"#,
            br#"{"a":NaN}"#,
            b"\xef\xbb\xbf{}",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":\"\\ud800\"}",
            b"{\"a\":\"\x01\"}",
        ] {
            assert_eq!(object(json), None, "{}", json.escape_ascii());
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |lists: usize| {
            format!(r#"{{"a":{}{}}}"#, "[".repeat(lists), "]".repeat(lists)).into_bytes()
        };
        assert!(object(&nested(63)).is_some());
        assert!(object(&nested(64)).is_none());
        assert!(object(&nested(100_000)).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(bytes: Vec<u8>) {
            let _ = object(&bytes);
        }

        #[test]
        fn nothing_is_read_that_serde_refuses(json in r#"[\{\}\[\]",:a01e. -]{0,30}"#) {
            if let Some(members) = object(json.as_bytes()) {
                let expected: Value = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(Value::Object(members), expected);
            }
        }
    }
}

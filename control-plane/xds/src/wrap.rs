//! Protobuf's boxes around plain values.

#![expect(clippy::unnecessary_wraps, reason = "every field that takes one may be absent")]

use std::time::Duration;

use envoy_types::pb::google::protobuf;

pub(crate) const fn truth(value: bool) -> protobuf::BoolValue {
    protobuf::BoolValue { value }
}

pub(crate) const fn boolean(value: bool) -> Option<protobuf::BoolValue> {
    Some(truth(value))
}

pub(crate) const fn number(value: u32) -> Option<protobuf::UInt32Value> {
    Some(protobuf::UInt32Value { value })
}

/// Longer than protobuf can say is as good as for ever.
pub(crate) fn duration(value: Duration) -> Option<protobuf::Duration> {
    let seconds = i64::try_from(value.as_secs()).unwrap_or(i64::MAX);
    let nanos = i32::try_from(value.subsec_nanos()).unwrap_or(0);
    Some(protobuf::Duration { seconds, nanos })
}

/// An object whose members are all texts.
pub(crate) fn text_fields<const N: usize>(fields: [(&str, &str); N]) -> protobuf::Struct {
    let text = |text: &str| protobuf::Value {
        kind: Some(protobuf::value::Kind::StringValue(text.to_owned())),
    };
    protobuf::Struct { fields: fields.map(|(name, value)| (name.to_owned(), text(value))).into() }
}

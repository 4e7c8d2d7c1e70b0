//! JSON that Envoy fills in.

use envoy_types::pb::envoy::config::core::v3::SubstitutionFormatString;
use envoy_types::pb::envoy::config::core::v3::substitution_format_string::Format;

use crate::wrap;

/// An object with these fields, whose values name what Envoy is to put there.
/// A field for which it has nothing is left out.
pub(crate) fn format<const N: usize>(fields: [(&str, &str); N]) -> SubstitutionFormatString {
    SubstitutionFormatString {
        omit_empty_values: true,
        format: Some(Format::JsonFormat(wrap::text_fields(fields))),
        ..SubstitutionFormatString::default()
    }
}

use std::borrow::Cow;

use tollgate_core::{CanonicalPath, Headers};

/// What a condition may ask of a request.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The method.
    pub method: &'a [u8],
    /// The path and the query; none if they have no canonical form, and then
    /// whoever asks for them is refused.
    pub path: Option<CanonicalPath<'a>>,
    /// The headers.
    pub headers: &'a Headers,
    /// The parameters of the path, decoded, by name.
    pub path_parameters: &'a [(&'a str, Cow<'a, [u8]>)],
}

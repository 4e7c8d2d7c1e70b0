//! Other paths than the caller's, as expressions: what an Envoy route takes of a
//! path is not always what the operation matches, so nothing is built on that.

use envoy_types::pb::envoy::r#type::matcher::v3::{RegexMatchAndSubstitute, RegexMatcher};
use tollgate_model::{PathRewrite, Piece};

use crate::routes::paths;

/// A whole segment.
const ANY: &str = "[^/]+";

pub(super) fn rewritten(path: &PathRewrite) -> RegexMatchAndSubstitute {
    match path {
        PathRewrite::Whole { matched: None, template } => replaced("^.*$", &filled(template)),
        PathRewrite::Whole { matched: Some(matched), template } => {
            let spelled = paths::spelled_with(matched, &format!("/({ANY})"));
            replaced(&format!("^(?i:{spelled})/?$"), &filled(template))
        }
        PathRewrite::Prefix { matched, prefix } => beginning(matched, prefix),
        PathRewrite::Regex { regex, substitution } => replaced(regex, substitution),
    }
}

fn beginning(matched: &str, prefix: &str) -> RegexMatchAndSubstitute {
    let spelled = paths::spelled_with(matched, "");
    match prefix.trim_end_matches('/') {
        // There is always a path.
        "" => replaced(&format!("^(?i:{spelled})/?(.*)$"), r"/\1"),
        prefix => replaced(&format!("^(?i:{spelled})(/.*)?$"), &format!(r"{prefix}\1")),
    }
}

fn filled(template: &[Piece]) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Parameter(place) => format!(r"\{place}"),
    };
    template.iter().map(piece).collect()
}

fn replaced(regex: &str, substitution: &str) -> RegexMatchAndSubstitute {
    RegexMatchAndSubstitute {
        pattern: Some(RegexMatcher { regex: regex.to_owned(), ..RegexMatcher::default() }),
        substitution: substitution.to_owned(),
    }
}

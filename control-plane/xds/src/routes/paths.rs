use envoy_types::pb::envoy::config::route::v3::route_match::PathSpecifier;
use envoy_types::pb::envoy::r#type::matcher::v3::RegexMatcher;
use tollgate_core::unescape;
use tollgate_gateway::MatchSpec;
use tollgate_model::is_plain;

/// Which paths an Envoy route takes, letter case aside.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum PathMatch {
    /// This path.
    Exact(String),
    /// Everything under these segments; everything at all under none.
    Prefix(String),
    /// Every path that this expression describes as a whole.
    Regex(String),
}

// === impl PathMatch ===

impl PathMatch {
    /// The paths of a match. They are few, so that Envoy can compare strings
    /// where it would otherwise need a regular expression, which takes five
    /// times the memory and the time.
    pub(crate) fn of(spec: &MatchSpec) -> Vec<Self> {
        match (&spec.path, &spec.prefix, &spec.regex) {
            (Some(path), _, _) => whole(path),
            (None, Some(prefix), _) => vec![beginning(prefix)],
            (None, None, Some(regex)) => vec![Self::Regex(format!("(?i:{regex})/?"))],
            (None, None, None) => Vec::new(),
        }
    }

    /// Everything under `segments`, which are plain.
    pub(crate) fn under(segments: &[String]) -> Self {
        Self::Prefix(joined(segments))
    }

    pub(crate) fn specifier(&self) -> PathSpecifier {
        match self {
            Self::Exact(path) => PathSpecifier::Path(path.clone()),
            // Envoy takes no empty one here, and a plain prefix ends anywhere.
            Self::Prefix(prefix) if prefix.is_empty() => PathSpecifier::Prefix("/".to_owned()),
            Self::Prefix(prefix) => PathSpecifier::PathSeparatedPrefix(prefix.clone()),
            Self::Regex(regex) => PathSpecifier::SafeRegex(RegexMatcher {
                regex: regex.clone(),
                ..RegexMatcher::default()
            }),
        }
    }
}

/// A slash at the end makes no difference.
fn whole(path: &str) -> Vec<PathMatch> {
    let segments = segments(path);
    if !segments.iter().all(|segment| is_plain(segment)) {
        return vec![PathMatch::Regex(format!("(?i:{})/?", spelled(&segments)))];
    }
    let path = joined(&segments);
    let slashed = PathMatch::Exact(format!("{path}/"));
    if path.is_empty() { vec![slashed] } else { vec![PathMatch::Exact(path), slashed] }
}

fn beginning(prefix: &str) -> PathMatch {
    let segments = segments(prefix);
    if segments.iter().all(|segment| is_plain(segment)) {
        PathMatch::under(&segments)
    } else {
        PathMatch::Regex(format!("(?i:{})(?:/.*)?", spelled(&segments)))
    }
}

/// The plain segments at the beginning: whatever the match takes lies under
/// them. In small letters, since case is ignored.
pub(crate) fn plain_beginning(spec: &MatchSpec) -> Vec<String> {
    let path = spec.path.as_deref().or(spec.prefix.as_deref()).unwrap_or_default();
    let plain = segments(path).into_iter().take_while(|segment| is_plain(segment));
    plain.map(|segment| segment.to_ascii_lowercase()).collect()
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
}

fn joined(segments: &[String]) -> String {
    segments.iter().flat_map(|segment| ["/", segment]).collect()
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// An expression for all the ways to write a path, with `parameter` for each that
/// it has; a slash at its end is none of it.
pub(crate) fn spelled_with(path: &str, parameter: &str) -> String {
    spelled_segments(&segments(path), parameter)
}

fn spelled(segments: &[String]) -> String {
    spelled_segments(segments, "/[^/]+")
}

fn spelled_segments(segments: &[String], parameter: &str) -> String {
    let segment = |segment: &String| {
        if segment.starts_with('{') {
            return parameter.to_owned();
        }
        let bytes = unescape(segment.as_bytes());
        let bytes = bytes.iter().map(|&byte| match byte {
            byte if is_unreserved(byte) => literal(byte),
            byte => spellings(byte),
        });
        format!("/{}", bytes.collect::<String>())
    };
    segments.iter().map(segment).collect()
}

/// An expression for a byte as it is or escaped. Case is ignored.
pub(crate) fn spellings(byte: u8) -> String {
    // Bytes beyond ASCII, blanks and the percent sign only ever stand there escaped.
    if byte.is_ascii_graphic() && byte != b'%' {
        format!("(?:{}|%{byte:02x})", literal(byte))
    } else {
        format!("%{byte:02x}")
    }
}

/// A printable character, without the meaning it has in an expression.
fn literal(byte: u8) -> String {
    let character = char::from(byte);
    if byte.is_ascii_alphanumeric() { character.to_string() } else { format!("\\{character}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(path: &str) -> Vec<PathMatch> {
        PathMatch::of(&MatchSpec { path: Some(path.to_owned()), ..MatchSpec::default() })
    }

    fn regex(regex: &str) -> Vec<PathMatch> {
        vec![PathMatch::Regex(regex.to_owned())]
    }

    #[test]
    fn a_path_without_parameters_needs_no_expression() {
        let exact = |path: &str| PathMatch::Exact(path.to_owned());
        assert_eq!(paths("/"), [exact("/")]);
        assert_eq!(paths("/orders"), [exact("/orders"), exact("/orders/")]);
        assert_eq!(paths("/orders/new/"), [exact("/orders/new"), exact("/orders/new/")]);
    }

    #[test]
    fn what_can_be_written_in_several_ways_is_an_expression() {
        assert_eq!(paths("/orders/{id}"), regex("(?i:/orders/[^/]+)/?"));
        assert_eq!(paths("/v1.0/{id}/x"), regex(r"(?i:/v1\.0/[^/]+/x)/?"));
        assert_eq!(paths("/a:b"), regex(r"(?i:/a(?:\:|%3a)b)/?"));
        assert_eq!(paths("/caf%C3%A9"), regex("(?i:/caf%c3%a9)/?"));
    }

    #[test]
    fn a_prefix_ends_with_a_segment() {
        let under = |prefix: &str| {
            PathMatch::of(&MatchSpec { prefix: Some(prefix.to_owned()), ..MatchSpec::default() })
        };
        let prefix = |prefix: &str| vec![PathMatch::Prefix(prefix.to_owned())];
        assert_eq!(under("/"), prefix(""));
        assert_eq!(under("/orders/"), prefix("/orders"));
        assert_eq!(under("/a+b"), regex(r"(?i:/a(?:\+|%2b)b)(?:/.*)?"));
    }
}

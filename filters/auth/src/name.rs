/// Longer ids are nobody's, and would have to be carried in every request.
const ID_BYTES_MAX: usize = 256;

/// How an id is written, for the texts that refuse one.
pub(crate) const AN_ID: &str =
    "use 1 to 256 bytes without control characters, and no blanks at the ends";

/// Whether an id means the same to the backend that reads it from a header.
///
/// Proxies take blanks off the ends of a value, so an id that begins or ends
/// with one would become somebody else's.
pub fn is_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= ID_BYTES_MAX
        && id.trim() == id
        && !id.chars().any(char::is_control)
}

/// Whether `name` can stand after the dot of `jwt.NAME`.
pub(crate) fn is_method_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    is_id(name) && name.bytes().all(plain)
}

/// Whether `scope` is one scope (RFC 6749, section 3.3: scope-token). A blank
/// inside would make it two for those who read the list.
pub fn is_scope(scope: &str) -> bool {
    let token = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    !scope.is_empty() && scope.bytes().all(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_a_header() {
        for id in ["acme", "a b", "é", "00u1|x", &"x".repeat(256)] {
            assert!(is_id(id), "{id:?}");
        }
        for id in ["", " a", "a ", "a\u{a0}", "a\tb", "a\r\nb", "a\0", "\u{85}", &"x".repeat(257)] {
            assert!(!is_id(id), "{id:?}");
        }
    }

    #[test]
    fn scopes_are_one_word() {
        for scope in ["orders.read", "https://x/y", "a:b", "!"] {
            assert!(is_scope(scope), "{scope:?}");
        }
        for scope in ["", "a b", "a\"", "a\\", "é", "a\t", "a\n"] {
            assert!(!is_scope(scope), "{scope:?}");
        }
    }
}

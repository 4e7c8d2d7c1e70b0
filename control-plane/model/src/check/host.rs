//! Names of hosts, as endpoints and as patterns.

/// A host name or an IPv4 address.
pub(super) fn is_host_name(text: &str) -> bool {
    (1..=253).contains(&text.len()) && text.split('.').all(is_label) && !is_broken_address(text)
}

/// Underscores are no part of host names in the strict sense, but container
/// networks have them.
fn is_label(label: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&label.len())
        && label.bytes().all(fits)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Only digits at the end, as no name has it, and yet no address: `10.0.0.256`.
fn is_broken_address(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or_default();
    last.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<std::net::Ipv4Addr>().is_err()
}

/// Why a host pattern was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum InvalidHost {
    #[error("{0:?} has a port; write the name alone, it is served on every listener")]
    Port(String),
    #[error("{0:?} has a star inside; write a whole name, `*.` before a name, or `*` alone")]
    Star(String),
    #[error("{0:?} is not a host name; write one such as orders.example.com")]
    Name(String),
    #[error("{0:?} is written twice; take one of them out")]
    Twice(String),
}

/// Reads `orders.example.com`, `*.example.com` or `*`, in lower case.
pub(super) fn pattern(text: &str) -> Result<String, InvalidHost> {
    let name = text.strip_prefix("*.").unwrap_or(text);
    if text == "*" || is_host_name(name) {
        return Ok(text.to_ascii_lowercase());
    }
    let text = text.to_owned();
    match name.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => Err(InvalidHost::Port(text)),
        _ if name.contains('*') => Err(InvalidHost::Star(text)),
        _ => Err(InvalidHost::Name(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_names_stars_before_names_or_a_star() {
        for (text, expected) in [
            ("orders.example.com", Ok("orders.example.com")),
            ("Orders.Example.COM", Ok("orders.example.com")),
            ("*.example.com", Ok("*.example.com")),
            ("*", Ok("*")),
            ("localhost", Ok("localhost")),
            ("my_service", Ok("my_service")),
            ("127.0.0.1", Ok("127.0.0.1")),
            ("xn--bcher-kva.example", Ok("xn--bcher-kva.example")),
            ("example.com:8080", Err(InvalidHost::Port("example.com:8080".to_owned()))),
            ("a.*.com", Err(InvalidHost::Star("a.*.com".to_owned()))),
            ("*.*.com", Err(InvalidHost::Star("*.*.com".to_owned()))),
            ("*example.com", Err(InvalidHost::Star("*example.com".to_owned()))),
            ("", Err(InvalidHost::Name(String::new()))),
            ("*.", Err(InvalidHost::Name("*.".to_owned()))),
            ("a..b", Err(InvalidHost::Name("a..b".to_owned()))),
            ("-a.com", Err(InvalidHost::Name("-a.com".to_owned()))),
            ("a b", Err(InvalidHost::Name("a b".to_owned()))),
            ("bücher.example", Err(InvalidHost::Name("bücher.example".to_owned()))),
            ("10.0.0.256", Err(InvalidHost::Name("10.0.0.256".to_owned()))),
            ("http://a.com", Err(InvalidHost::Name("http://a.com".to_owned()))),
        ] {
            assert_eq!(pattern(text), expected.map(str::to_owned), "text: {text:?}");
        }
    }
}

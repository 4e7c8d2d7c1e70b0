/// Whether callers may not send a header of this name, nor operators write it.
///
/// These are the headers by which a gateway or a proxy tells a backend who is
/// calling and how: the whole of `x-tollgate-*`, `x-envoy-*` and
/// `x-forwarded-*`, `forwarded`, `x-real-ip` and `x-request-id`. Backends that
/// follow CGI see `X-User`, `x_user` and `x.user` as one name, so every
/// spelling counts.
///
/// Some of them are Envoy's own, which has made them safe before a filter runs;
/// see [`is_envoys_own`] and [`is_of_shards`].
pub fn is_reserved(name: &[u8]) -> bool {
    const PREFIXES: [&[u8]; 3] = [b"x-tollgate-", b"x-envoy-", b"x-forwarded-"];
    const NAMES: [&[u8]; 3] = [b"forwarded", b"x-real-ip", b"x-request-id"];
    // Nearly every header of a request ends here.
    if !matches!(name.first(), Some(b'x' | b'X' | b'f' | b'F')) {
        return false;
    }
    PREFIXES.iter().any(|prefix| begins_with(name, prefix))
        || NAMES.iter().any(|reserved| name.len() == reserved.len() && begins_with(name, reserved))
}

/// Whether a reserved header is one that Envoy itself writes, in its exact
/// spelling: what a filter sees of it is not the caller's word.
pub fn is_envoys_own(name: &[u8]) -> bool {
    matches!(name, b"x-forwarded-for" | b"x-forwarded-proto" | b"x-request-id")
}

/// Whether a header is one by which Envoy finds the piece of the routes that serves a
/// request, in its exact spelling. Where a control plane has Envoy write it, it has to
/// stay: Envoy finds the route again whenever a header was written. Elsewhere it is the
/// caller's word.
pub fn is_of_shards(name: &[u8]) -> bool {
    matches!(name, b"x-tollgate-shard-host" | b"x-tollgate-shard-path")
}

/// Whether a backend that follows CGI takes `name` for `wanted`, which is in
/// lower case: `X-User`, `x_user` and `x.user` are one name.
pub fn is_spelling(name: &[u8], wanted: &str) -> bool {
    name.len() == wanted.len() && begins_with(name, wanted.as_bytes())
}

fn begins_with(name: &[u8], prefix: &[u8]) -> bool {
    name.len() >= prefix.len()
        && name.iter().zip(prefix).all(|(&byte, &wanted)| fold(byte) == wanted)
}

fn fold(byte: u8) -> u8 {
    match byte {
        b'_' | b'.' => b'-',
        _ => byte.to_ascii_lowercase(),
    }
}

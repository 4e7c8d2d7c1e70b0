//! What carries signatures, which ends at the gateway.

use tollgate_core::{Edit, Operation, RequestHead};
use tollgate_signatures::Scheme;

/// What a presigned URL adds to a query, in lower case.
const PRESIGNED: [&[u8]; 7] = [
    b"x-amz-algorithm",
    b"x-amz-credential",
    b"x-amz-date",
    b"x-amz-expires",
    b"x-amz-security-token",
    b"x-amz-signature",
    b"x-amz-signedheaders",
];

/// Takes out what one way of signing adds to a request. `content-digest` stays:
/// it is about the body, and holds for the backend too.
pub(crate) fn strip(scheme: Scheme, head: RequestHead<'_>, edits: &mut Vec<Edit>) {
    match scheme {
        Scheme::Hmac => authorization(b"hmac-sha256", head, edits),
        Scheme::SigV4 => {
            authorization(b"aws4-hmac-sha256", head, edits);
            line("x-amz-security-token", head, edits);
            // What was taken out of it before stays out.
            let written = edits.iter().rev().find_map(target_of);
            let target = unsigned_target(written.unwrap_or(head.target()));
            edits.extend(target.map(|target| Edit::set(":path", target)));
        }
        Scheme::HttpSignature => {
            line("signature", head, edits);
            line("signature-input", head, edits);
        }
    }
}

fn target_of(edit: &Edit) -> Option<&[u8]> {
    match &edit.operation {
        Operation::Set(target) if &*edit.name == ":path" => Some(target),
        _ => None,
    }
}

fn authorization(scheme: &[u8], head: RequestHead<'_>, edits: &mut Vec<Edit>) {
    let mut lines = head.headers.iter().filter(|(name, _)| *name == b"authorization");
    let is_ours = |value: &[u8]| {
        let end = value.iter().position(|&b| b == b' ').unwrap_or(value.len());
        value.get(..end).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if lines.any(|(_, value)| is_ours(value.trim_ascii())) {
        edits.push(Edit::remove("authorization"));
    }
}

fn line(name: &'static str, head: RequestHead<'_>, edits: &mut Vec<Edit>) {
    if head.headers.get(name).is_some() {
        edits.push(Edit::remove(name));
    }
}

/// The path and the query without what a presigned URL adds, if it is one.
/// Parameters of another spelling are not read as a signature's either.
fn unsigned_target(target: &[u8]) -> Option<Vec<u8>> {
    let mark = target.iter().position(|&b| b == b'?')?;
    let (path, query) = target.split_at_checked(mark)?;
    let parts = || query.get(1..).unwrap_or_default().split(|&b| b == b'&');
    if !parts().any(|part| is_named(part, b"x-amz-signature")) {
        return None;
    }
    let rest: Vec<_> =
        parts().filter(|part| !PRESIGNED.iter().any(|n| is_named(part, n))).collect();
    let query = rest.join(&b"&"[..]);
    if query.is_empty() { Some(path.to_vec()) } else { Some([path, b"?", &query].concat()) }
}

fn is_named(part: &[u8], name: &[u8]) -> bool {
    let end = part.iter().position(|&b| b == b'=').unwrap_or(part.len());
    part.get(..end).is_some_and(|found| found.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_presigned_url_becomes_what_it_was_before() {
        for (target, expected) in [
            ("/orders?a=1&X-Amz-Signature=ff&b", Some("/orders?a=1&b")),
            (
                "/o?X-Amz-Algorithm=A&X-Amz-Credential=c&X-Amz-Date=d&X-Amz-Expires=3\
              &X-Amz-SignedHeaders=host&X-Amz-Signature=ff&X-Amz-Security-Token=t",
                Some("/o"),
            ),
            ("/orders?X-Amz-Date=1", None),
            ("/orders?a=X-Amz-Signature", None),
            ("/X-Amz-Signature=1", None),
            ("/orders", None),
        ] {
            let unsigned = unsigned_target(target.as_bytes());
            assert_eq!(unsigned.as_deref(), expected.map(str::as_bytes), "{target}");
        }
    }
}

use std::rc::Rc;

use tollgate_core::{is_header_name, is_reserved};

use crate::transform::HeaderFault;

/// Which message a header belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Message {
    Request,
    Response,
}

/// How the message travels and where to: decided by Envoy, hop by hop
/// (RFC 9110, section 7.6.1; RFC 9113, section 8.2.2).
const FRAMING: &[&str] = &[
    "connection",
    "content-length",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The name of a header that may be changed, in lower case.
pub(crate) fn compile(written: &str, message: Message) -> Result<Rc<str>, HeaderFault> {
    if written.starts_with(':') {
        return Err(HeaderFault::Pseudo(written.to_owned()));
    }
    let name = written.to_ascii_lowercase();
    if !is_header_name(&name) {
        return Err(HeaderFault::Name(written.to_owned()));
    }
    if FRAMING.contains(&fold(&name).as_str()) {
        return Err(HeaderFault::Framing(name));
    }
    if message == Message::Request && is_reserved(name.as_bytes()) {
        return Err(HeaderFault::Reserved(name));
    }
    Ok(name.into())
}

/// Backends that pass headers on as variables do not tell these apart.
fn fold(name: &str) -> String {
    name.replace(['_', '.'], "-")
}

use super::kind::Kind;
use super::{BYTES_MAX, DEPTH_MAX};

/// Why a condition was refused. The texts go on from the path of what holds it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidCondition {
    #[error("is empty; write a condition, or leave it out")]
    Empty,
    #[error("{bytes} bytes are more than {BYTES_MAX}; write a shorter condition")]
    TooLong { bytes: usize },
    #[error("cannot be read{place}: {reason}; write an expression of CEL")]
    Syntax { place: String, reason: String },
    #[error("is nested deeper than {DEPTH_MAX}; write a flatter condition")]
    TooDeep,
    #[error("gives {0} rather than true or false; compare it with something")]
    NotACondition(Kind),
    #[error("nothing is named {0:?}; what is known begins with `principal.` or `request.`")]
    Unknown(String),
    #[error("{whole} has no {part:?}; it has {known}")]
    UnknownPart { whole: &'static str, part: String, known: &'static str },
    #[error("{whole} is no value by itself; ask for {known}")]
    Whole { whole: &'static str, known: &'static str },
    #[error("{whole} is {kind} and has no {part:?}; ask for what is in it in another way")]
    NoParts { whole: String, kind: Kind, part: String },
    #[error("no path parameter is named {name:?}; {known}")]
    PathParameter { name: String, known: String },
    #[error("request.headers: {0:?} is not a header name")]
    HeaderName(String),
    #[error("request.headers: {0:?} is reserved, so callers cannot send it; use another header")]
    ReservedHeader(String),
    #[error("request.{kind}: {name:?} carries credentials; ask who the principal is instead")]
    Credential { kind: &'static str, name: String },
    #[error(
        "{0} is not known here; known are && || ! ?: == != < <= > >= + - * / % in, [..], size, \
         startsWith, endsWith, contains, int, has, exists, exists_one and all"
    )]
    Function(String),
    #[error("{name} is called in another way: {usage}")]
    Usage { name: String, usage: &'static str },
    #[error("{what} cannot be written here; use texts, whole numbers, true, false and lists")]
    Literal { what: &'static str },
    #[error("{operator} is given {given} where it takes {wanted}")]
    Operand { operator: String, given: Kind, wanted: &'static str },
    #[error("{operator} compares {left} with {right}, which are never the same")]
    Compared { operator: String, left: Kind, right: Kind },
    #[error("{0} stands in another one; a list is gone through once for each request")]
    NestedLoop(&'static str),
    #[error("texts are put together in {0}; put them together outside of it")]
    TextsInLoop(&'static str),
}

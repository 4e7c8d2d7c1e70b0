use tollgate_core::{Problem, Reply};

/// What Envoy did not do, so that the request cannot go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Failure {
    /// The headers or trailers cannot be read: more than 1,024 lines or 1 MiB.
    Headers,
    /// There is no clock.
    Clock,
    /// There is no compiled filter, or it is in use.
    Filter,
    /// A header was not changed as a filter asked.
    Edit,
    /// Answers came, and the filter wanted yet another one.
    Calls,
    /// The body cannot be read as it came, or the filter wanted it twice.
    Body,
    /// The body is longer than the filter said it may be.
    BodyTooLong { bytes_max: usize },
}

impl Failure {
    /// The refusal that the caller sees.
    pub(crate) fn reply(self) -> Reply {
        let (problem, detail) = match self {
            Self::BodyTooLong { bytes_max } => return too_long(bytes_max),
            Self::Headers => (HEADERS, "the header lines are too many or too long"),
            Self::Clock => (HOST, "the proxy has no clock"),
            Self::Filter => (HOST, "the filter is not configured"),
            Self::Edit => (HOST, "the proxy refused to change a header"),
            Self::Body => (HOST, "the proxy did not hand over the body"),
            Self::Calls => (HOST, "the filter never had all the answers that it waited for"),
        };
        Reply::new(problem, detail)
    }
}

fn too_long(bytes_max: usize) -> Reply {
    let detail = format!("the body may have {bytes_max} bytes here, and this one is longer");
    Reply::new(BODY_TOO_LARGE, detail)
}

/// By the name that Envoy's own refusal has.
const BODY_TOO_LARGE: Problem =
    Problem { status: 413, name: "body-too-large", title: "The body of the request is too large" };

const HEADERS: Problem = Problem {
    status: 431,
    name: "headers-unreadable",
    title: "The header fields cannot be processed",
};

const HOST: Problem = Problem {
    status: 500,
    name: "host-failed",
    title: "The gateway could not process the request",
};

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
}

impl Failure {
    /// The refusal that the caller sees.
    pub(crate) fn reply(self) -> Reply {
        let (problem, detail) = match self {
            Self::Headers => (HEADERS, "the header lines are too many or too long"),
            Self::Clock => (HOST, "the proxy has no clock"),
            Self::Filter => (HOST, "the filter is not configured"),
            Self::Edit => (HOST, "the proxy refused to change a header"),
            Self::Calls => (HOST, "the filter never had all the answers that it waited for"),
        };
        Reply::new(problem, detail)
    }
}

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

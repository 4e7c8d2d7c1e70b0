//! What callers are told who are refused, and by what name operators count them.

use tollgate_core::{Problem, Reply};

use crate::ask::{Full, Seen};

/// What was to be had none of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Of {
    /// A tenant's requests.
    Requests,
    /// Its streams.
    Streams,
    /// Its connections.
    Connections,
    /// What a backend takes.
    Backend,
}

const REQUESTS: Problem = Problem {
    status: 503,
    name: "too-many-in-flight",
    title: "The tenant has too many requests in flight",
};

const STREAMS: Problem = Problem {
    status: 503,
    name: "too-many-streams",
    title: "The tenant has too many streams open",
};

const CONNECTIONS: Problem = Problem {
    status: 503,
    name: "too-many-connections",
    title: "The tenant has too many connections open",
};

const BUSY: Problem =
    Problem { status: 503, name: "backend-busy", title: "The backend is busy for this tenant" };

const UNAVAILABLE: Problem = Problem {
    status: 503,
    name: "budget-unavailable",
    title: "The gateway cannot tell what the tenant has under way",
};

/// A request is soon over, and its place is the next one's.
const RETRY_AFTER: &str = "1";

/// The answer, and the counter.
pub(crate) fn refuse(of: Of, full: Full, Seen { count, cap }: Seen) -> (Reply, &'static str) {
    let is_connection = of == Of::Connections && full != Full::Unavailable;
    let (problem, detail, counter) = match (of, full) {
        (_, Full::Unavailable) => {
            let detail = "the counts cannot be read now; try again".to_owned();
            (UNAVAILABLE, detail, "tollgate.budget.refused.unavailable")
        }
        (Of::Streams, _) => {
            let detail = format!("{count} streams are open, of {cap} at most; close one");
            (STREAMS, detail, "tollgate.budget.refused.streams")
        }
        (Of::Connections, _) => {
            let detail = format!("{count} connections are open, of {cap} at most; use one of them");
            (CONNECTIONS, detail, "tollgate.budget.refused.connections")
        }
        (Of::Requests, Full::Part) => {
            let detail = "as many requests are at this backend as may be; wait for one".to_owned();
            (REQUESTS, detail, "tollgate.budget.refused.tenant_backend")
        }
        (Of::Requests, _) => {
            let detail = format!("{count} requests are in flight, of {cap} at most; wait for one");
            (REQUESTS, detail, "tollgate.budget.refused.tenant")
        }
        (Of::Backend, Full::Share) => {
            let detail = "others want their share of the backend, and this tenant has its own";
            (BUSY, detail.to_owned(), "tollgate.budget.refused.share")
        }
        (Of::Backend, _) => {
            let detail = "the backend has as many requests as it takes; try again".to_owned();
            (BUSY, detail, "tollgate.budget.refused.backend")
        }
    };
    let reply = Reply::new(problem, detail).with("retry-after", RETRY_AFTER);
    (if is_connection { reply.with("connection", "close") } else { reply }, counter)
}

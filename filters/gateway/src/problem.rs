//! What the gateway itself refuses, whatever a route asks.

use std::collections::BTreeSet;

use tollgate_core::{AmbiguousPath, Problem, Reply};

use crate::contracts::Unavailable;

const NO_ROUTE: Problem =
    Problem { status: 404, name: "no-route", title: "No route serves the request" };

const METHOD_NOT_ALLOWED: Problem =
    Problem { status: 405, name: "method-not-allowed", title: "The route serves other methods" };

const AMBIGUOUS_PATH: Problem =
    Problem { status: 400, name: "ambiguous-path", title: "The path can be read in several ways" };

const AMBIGUOUS_REQUEST: Problem = Problem {
    status: 400,
    name: "ambiguous-request",
    title: "The request can be read in several ways",
};

const NO_CONTRACT: Problem =
    Problem { status: 500, name: "no-contract", title: "The route's policy is unavailable" };

const ROUTE_MISMATCH: Problem =
    Problem { status: 500, name: "route-mismatch", title: "The route leads elsewhere" };

pub(crate) fn no_route() -> Reply {
    Reply::new(NO_ROUTE, "no API of the gateway serves this host and path")
}

pub(crate) fn other_case() -> Reply {
    Reply::new(NO_ROUTE, "capital and small letters of the path are told apart")
}

pub(crate) fn method_not_allowed(methods: &BTreeSet<&str>) -> Reply {
    let allow = methods.iter().copied().collect::<Vec<_>>().join(", ");
    Reply::new(METHOD_NOT_ALLOWED, "the method is none of those in `allow`").with("allow", allow)
}

pub(crate) fn ambiguous_path(reason: AmbiguousPath) -> Reply {
    Reply::new(AMBIGUOUS_PATH, reason.to_string())
}

pub(crate) fn unclear() -> Reply {
    let detail = "a header or query parameter on which the route depends stands there twice";
    Reply::new(AMBIGUOUS_REQUEST, detail)
}

pub(crate) fn header_name() -> Reply {
    Reply::new(AMBIGUOUS_REQUEST, "a header has a name that is not text")
}

pub(crate) fn no_contract(fault: Unavailable) -> Reply {
    Reply::new(NO_CONTRACT, fault.to_string())
}

pub(crate) fn route_mismatch() -> Reply {
    Reply::new(ROUTE_MISMATCH, "the proxy chose another route than the request's policy names")
}

//! What becomes of the requests that a route serves.

mod answer;
mod forward;
mod hash;
mod path;
mod retries;

use tollgate_gateway::MatchSpec;

use super::route::Known;
use super::tenant::instead;
use crate::Action;
use crate::at::At;
use crate::fault::Faults;

/// Why what becomes of requests was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidAction {
    #[error(
        "says nowhere what becomes of its requests; write one of backend, split, redirect and respond"
    )]
    None,
    #[error("has {0} and {1}; write only one of backend, split, redirect and respond")]
    Several(&'static str, &'static str),
    #[error("there is no backend here that this could be about; remove it")]
    NoBackend,
    #[error("no backend is named {0:?}; {1}")]
    NoSuchBackend(String, String),
}

/// What a route does, of which it is exactly one.
const ACTIONS: [&str; 4] = ["backend", "split", "redirect", "respond"];

/// What is only to be said where a backend is.
const OF_BACKENDS: [&str; 8] =
    ["hash", "mirror", "timeout", "retries", "rewrite", "websocket", "stream", "priority"];

/// A route, as far as what becomes of its requests depends on it.
struct Judged<'a> {
    at: &'a At<'a>,
    /// None if that was at fault.
    matcher: Option<&'a MatchSpec>,
    known: &'a Known<'a>,
}

pub(super) fn action(
    at: &At<'_>,
    matcher: Option<&MatchSpec>,
    known: &Known<'_>,
    faults: &mut Faults,
) -> Option<Action> {
    let route = Judged { at, matcher, known };
    let mut written = ACTIONS.into_iter().filter(|name| at.node.get(name).is_some());
    let invalid = match (written.next(), written.next()) {
        (None, _) => InvalidAction::None,
        (Some(one), Some(other)) => InvalidAction::Several(one, other),
        (Some("redirect"), None) => {
            needs_backend(at, faults);
            return answer::redirect(&route, faults).map(Action::Redirect);
        }
        (Some("respond"), None) => {
            needs_backend(at, faults);
            return answer::respond(at, faults).map(Action::Respond);
        }
        (Some(_), None) => return forward::forward(&route, faults).map(Action::Forward),
    };
    at.fault(faults, invalid.to_string());
    None
}

fn needs_backend(at: &At<'_>, faults: &mut Faults) {
    for field in OF_BACKENDS.into_iter().filter_map(|name| at.get(name)) {
        field.fault(faults, InvalidAction::NoBackend.to_string());
    }
}

/// A backend that is named has to be written.
fn is_written(at: &At<'_>, name: &str, known: &Known<'_>, faults: &mut Faults) {
    let backends = known.root.fields("backends");
    if backends.iter().all(|(known, _)| *known != name) {
        let remedy = instead(name, "backends", &backends);
        at.fault(faults, InvalidAction::NoSuchBackend(name.to_owned(), remedy).to_string());
    }
}

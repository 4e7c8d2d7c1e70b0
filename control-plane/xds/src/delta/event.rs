use crate::Kind;

/// What Envoy said about a response.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// It runs what the response said. For clusters, they are warm too: Envoy
    /// says so only then.
    Acked {
        /// The kind of the resources.
        kind: Kind,
        /// The resources that it now has.
        resources: Vec<Named>,
        /// The names of those that it no longer has.
        removed: Vec<String>,
    },
    /// It refused a resource and keeps what it had. A response with several
    /// resources that was refused is not an event yet: each of them is offered
    /// again on its own, which finds the one at fault.
    Refused {
        /// The kind of the resource.
        kind: Kind,
        /// Envoy's reason, at most [`Event::MESSAGE_CHARS_MAX`] characters of it.
        message: String,
        /// What was refused: one, or none if the response only removed.
        resource: Option<Named>,
    },
}

impl Event {
    /// Envoy sends up to 4 KiB, and the end tells nothing that the beginning does not.
    pub const MESSAGE_CHARS_MAX: usize = 2_000;
}

/// A resource in an event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// The version in question.
    pub version: String,
    /// What it was made from, with its place.
    pub origin: String,
}

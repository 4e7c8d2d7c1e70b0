use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value;

/// A kind of refusal, known by its name in documents, logs and answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The name: `urn:tollgate:problem:NAME` in the answer's `type`, and
    /// `tollgate.NAME` in the access log's response-code details.
    pub name: &'static str,
    /// One sentence for people, the same at every occurrence.
    pub title: &'static str,
}

impl Problem {
    /// The gRPC status that callers of gRPC methods get instead
    /// (`google.rpc.Code`; the HTTP status alone would turn 429 into UNAVAILABLE).
    pub fn grpc_status(&self) -> i32 {
        match self.status {
            // What a caller has too much of is its own; it need not try elsewhere.
            503 if self.name.starts_with("too-many-") => 8,
            400 => 3,        // INVALID_ARGUMENT
            401 => 16,       // UNAUTHENTICATED
            403 => 7,        // PERMISSION_DENIED
            404 | 405 => 12, // UNIMPLEMENTED
            413 | 429 => 8,  // RESOURCE_EXHAUSTED
            503 => 14,       // UNAVAILABLE
            _ => 13,         // INTERNAL
        }
    }
}

/// An answer the gateway gives by itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// What is the matter.
    pub problem: Problem,
    /// What is the matter with this request in particular. Never a secret.
    pub detail: Cow<'static, str>,
    /// Fields beside content type and body.
    pub headers: Vec<(&'static str, String)>,
    /// Members of the body beside the usual ones.
    pub members: Vec<(&'static str, Value)>,
}

/// The body of a refusal. It is written as it is, without a tree of values: callers
/// who are refused are many.
struct Body<'a> {
    reply: &'a Reply,
    request_id: Option<&'a str>,
}

/// An answer the gateway gives by itself that refuses nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Content {
    /// What the access log shows as response-code details.
    pub details: &'static str,
    /// The media type of the body.
    pub media_type: &'static str,
    /// The body.
    pub body: String,
}

impl Reply {
    /// A refusal without further header fields.
    pub fn new(problem: Problem, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { problem, detail: detail.into(), headers: Vec::new(), members: Vec::new() }
    }

    /// Adds a header field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a member to the body.
    #[must_use]
    pub fn with_member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((name, value.into()));
        self
    }

    /// The body (RFC 9457, `application/problem+json`).
    pub fn body(&self, request_id: Option<&str>) -> String {
        // Texts and numbers alone: nothing in them can fail.
        serde_json::to_string(&Body { reply: self, request_id }).unwrap_or_default()
    }

    /// What the access log shows as response-code details.
    pub fn details(&self) -> String {
        format!("tollgate.{}", self.problem.name)
    }
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { reply, request_id } = self;
        let Problem { status, name, title } = reply.problem;
        let mut body = serializer.serialize_map(None)?;
        body.serialize_entry("detail", &reply.detail)?;
        if let Some(id) = request_id {
            body.serialize_entry("request_id", id)?;
        }
        body.serialize_entry("status", &status)?;
        body.serialize_entry("title", title)?;
        body.serialize_entry("type", &format_args!("urn:tollgate:problem:{name}"))?;
        for (name, value) in &reply.members {
            body.serialize_entry(name, value)?;
        }
        body.end()
    }
}

use std::borrow::Cow;

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
    pub const fn grpc_status(&self) -> i32 {
        match self.status {
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
}

impl Reply {
    /// A refusal without further header fields.
    pub fn new(problem: Problem, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { problem, detail: detail.into(), headers: Vec::new() }
    }

    /// Adds a header field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The body (RFC 9457, `application/problem+json`).
    pub fn body(&self, request_id: Option<&str>) -> String {
        let Problem { status, name, title } = self.problem;
        let mut body = serde_json::json!({
            "type": format!("urn:tollgate:problem:{name}"),
            "title": title,
            "status": status,
            "detail": self.detail,
        });
        if let (Some(id), Some(fields)) = (request_id, body.as_object_mut()) {
            fields.insert("request_id".to_owned(), id.into());
        }
        body.to_string()
    }

    /// What the access log shows as response-code details.
    pub fn details(&self) -> String {
        format!("tollgate.{}", self.problem.name)
    }
}

//! What a request asks for.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::access::Actor;
use super::answer::Problem;

/// A request to an endpoint.
pub(super) struct Asked {
    names: Vec<String>,
    query: BTreeMap<String, String>,
    headers: HeaderMap,
    body: Vec<u8>,
    pub(super) actor: Actor,
}

/// Under which condition something is changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Condition {
    /// It is as it was with this number.
    Is(u64),
    /// It is there.
    IsThere,
    /// It is not there.
    IsNot,
}

// === impl Asked ===

impl Asked {
    pub(super) fn new(names: Vec<String>, head: &Parts, body: Vec<u8>, actor: Actor) -> Self {
        let query = head.uri.query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { names, query, headers: head.headers.clone(), body, actor }
    }

    /// The name in the path.
    pub(super) fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    pub(super) fn number(&self) -> Result<u64, Problem> {
        let name = self.name();
        name.parse().map_err(|_| Problem::not_found(format!("{name:?} is no number of a revision")))
    }

    pub(super) fn is_dry_run(&self) -> Result<bool, Problem> {
        match self.query.get("dry_run").map(String::as_str) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => {
                Err(Problem::malformed(format!("dry_run: {other:?} is neither true nor false")))
            }
        }
    }

    /// How many, and before which.
    pub(super) fn page(&self) -> Result<(Option<u64>, u32), Problem> {
        let number = |name: &str| {
            let text = self.query.get(name);
            text.map(|text| text.parse::<u64>())
                .transpose()
                .map_err(|_| Problem::malformed(format!("{name}: is no number")))
        };
        let limit = number("limit")?.unwrap_or(100);
        if !(1..=1000).contains(&limit) {
            return Err(Problem::malformed(format!("limit: {limit} is not from 1 to 1000")));
        }
        Ok((number("before")?, u32::try_from(limit).unwrap_or(1000)))
    }

    /// The body, of a type of ours.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let media = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media = media.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/json") {
            return Err(Problem::media_type());
        }
        serde_json::from_slice(&self.body).map_err(|error| Problem::malformed(error.to_string()))
    }

    /// Under which condition it is to be done.
    pub(super) fn condition(&self) -> Result<Condition, Problem> {
        let field = |name| self.headers.get(name).and_then(|value| value.to_str().ok());
        match (field(IF_MATCH), field(IF_NONE_MATCH)) {
            (None, Some("*")) => Ok(Condition::IsNot),
            (Some("*"), None) => Ok(Condition::IsThere),
            (Some(tag), None) => {
                let number = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
                let number = number.and_then(|number| number.parse().ok());
                number
                    .map(Condition::Is)
                    .ok_or_else(|| Problem::changed("the etag is none of ours"))
            }
            _ => Err(Problem::precondition()),
        }
    }
}

// === impl Condition ===

impl Condition {
    /// Whether it holds of what is there, by the number of its last change; 0 is
    /// of what is not.
    pub(super) fn check(self, sequence: u64) -> Result<(), Problem> {
        let holds = match self {
            Self::Is(expected) => expected == sequence && sequence != 0,
            Self::IsThere => sequence != 0,
            Self::IsNot => sequence == 0,
        };
        if holds { Ok(()) } else { Err(Problem::changed("it has changed, or is there, or is not")) }
    }
}

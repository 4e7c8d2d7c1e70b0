use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// What becomes of a request.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Explanation {
    /// The request: method and URL.
    pub request: String,
    /// What each stage says, in the order in which they are asked.
    pub stages: Vec<Stage>,
    /// Who answers, and with what.
    pub answer: String,
    /// What each limit that counts it admits at most.
    pub bounds: Vec<String>,
}

/// What one stage says.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Stage {
    /// Its name.
    pub stage: &'static str,
    /// What it decides.
    pub verdict: Verdict,
    /// Why, and what it goes by.
    pub facts: Vec<String>,
}

/// What a stage decides.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The request goes on.
    Passes,
    /// The gateway answers.
    Answers {
        /// The status.
        status: u16,
        /// The kind of refusal.
        problem: &'static str,
    },
    /// Somebody is asked first, whom nobody asks here.
    Waits,
    /// An earlier stage has decided already.
    NotReached,
}

// === impl Explanation ===

/// One stage a line, and one limit.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, stages, answer, bounds } = self;
        writeln!(f, "{request}")?;
        for Stage { stage, verdict, facts } in stages {
            write!(f, "{stage}: {verdict}")?;
            for fact in facts {
                write!(f, "; {fact}")?;
            }
            writeln!(f)?;
        }
        writeln!(f, "answer: {answer}")?;
        bounds.iter().try_for_each(|bound| writeln!(f, "bound: {bound}"))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passes => f.write_str("passes"),
            Self::Answers { status, problem } => write!(f, "answers {status} {problem}"),
            Self::Waits => f.write_str("waits"),
            Self::NotReached => f.write_str("not reached"),
        }
    }
}

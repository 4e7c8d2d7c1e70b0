use regex::bytes::{Regex, RegexBuilder};

/// What a regular expression may occupy compiled. Matching takes linear time
/// whatever it says; this bounds its memory in every worker.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// A regular expression for a whole value.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    exact: Regex,
    folded: Regex,
}

/// Why a regular expression was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRegex {
    /// It cannot be read.
    #[error("{pattern:?} is not a regular expression: {reason}; use the syntax of RE2")]
    Syntax {
        /// What was written.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },

    /// It would need too much memory.
    #[error("{0:?} takes more than 1 MiB compiled; use fewer or smaller repetitions")]
    TooLarge(String),
}

// === impl Expression ===

impl Expression {
    pub(crate) fn compile(pattern: &str) -> Result<Self, InvalidRegex> {
        // On its own first: `a)|(b` must not become well formed by being wrapped.
        build(pattern, false).map_err(|fault| invalid(pattern, &fault))?;
        let whole = format!(r"\A(?:{pattern})\z");
        let compile = |fold| build(&whole, fold).map_err(|fault| invalid(pattern, &fault));
        Ok(Self { exact: compile(false)?, folded: compile(true)? })
    }

    /// Whether the whole of `value` matches.
    pub(crate) fn matches(&self, value: &[u8]) -> bool {
        self.exact.is_match(value)
    }

    /// Whether it would if letters were neither small nor capital.
    pub(crate) fn matches_in_some_case(&self, value: &[u8]) -> bool {
        self.folded.is_match(value)
    }
}

/// Classes such as `\d` mean ASCII, as in RE2.
fn build(pattern: &str, fold: bool) -> Result<Regex, regex::Error> {
    let mut builder = RegexBuilder::new(pattern);
    builder.unicode(false).case_insensitive(fold).size_limit(COMPILED_BYTES_MAX);
    builder.build()
}

fn invalid(pattern: &str, fault: &regex::Error) -> InvalidRegex {
    let pattern = pattern.to_owned();
    match fault {
        regex::Error::CompiledTooBig(_) => InvalidRegex::TooLarge(pattern),
        // The text draws the pattern and points into it; its last line says why.
        _ => InvalidRegex::Syntax { pattern, reason: last_line(&fault.to_string()) },
    }
}

fn last_line(text: &str) -> String {
    let line = text.lines().next_back().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

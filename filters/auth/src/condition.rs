//! Conditions in CEL, the Common Expression Language.
//!
//! The crate `cel` reads and evaluates them. What an operator may write is a
//! part of the language that was chosen so that no evaluation is long or large:
//! [`check`] refuses the rest, and puts in place of everything that is known
//! of a caller or a request the name of an [`Input`], so that an evaluation
//! builds the values it asks for and no others.

mod asked;
mod check;
mod input;
mod invalid;
mod kind;
mod language;
mod operation;

use std::sync::Arc;

use cel::common::types::CelBool;
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::parser::{ParseErrors, PrattParser};
use cel::{Context, Env, IdedExpr, Value};
use tollgate_core::{ClaimPath, Principal};

use self::check::Check;
use self::input::Input;
pub use self::invalid::InvalidCondition;
pub(crate) use self::kind::Kind;
pub(crate) use self::language::Language;
use crate::Facts;

/// What must hold for a caller and a request.
pub(crate) struct Condition(Expression);

/// What has some value for a caller and a request.
pub(crate) struct Expression {
    /// Invariant: nested at most [`DEPTH_MAX`] deep, and its names are of `inputs`.
    root: IdedExpr,
    inputs: Box<[Input]>,
    language: Arc<Env>,
}

/// What the names of a condition may mean.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    /// The parameters of the path.
    pub(crate) path_parameters: &'a [&'a str],
    /// Whether a header or a parameter of the query, as the first word says,
    /// carries credentials.
    pub(crate) is_secret: &'a dyn Fn(&str, &str) -> bool,
}

/// The condition cannot be decided for this request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Undecided;

/// How long a condition may be.
const BYTES_MAX: usize = 1024;

/// How deep it may be nested: the stack of a VM is small.
const DEPTH_MAX: usize = 32;

// === impl Condition ===

impl Condition {
    pub(crate) fn compile(
        text: &str,
        names: Names<'_>,
        language: &Language,
    ) -> Result<Self, InvalidCondition> {
        match Expression::compile(text, names, language)? {
            (expression, Kind::Truth | Kind::Anything) => Ok(Self(expression)),
            (_, kind) => Err(InvalidCondition::NotACondition(kind)),
        }
    }

    /// The claims that it asks for.
    pub(crate) fn claims(&self) -> impl Iterator<Item = &ClaimPath> {
        self.0.claims()
    }

    /// Whether it asks who is calling.
    pub(crate) fn is_about_somebody(&self) -> bool {
        self.0.is_about_somebody()
    }

    /// Whether it holds. What gives neither true nor false decides nothing, and
    /// so does what is not there, or stands in the request twice.
    pub(crate) fn holds(
        &self,
        caller: Option<&Principal>,
        facts: &Facts<'_>,
    ) -> Result<bool, Undecided> {
        self.0.evaluate(caller, facts, |value| {
            value.downcast_ref::<CelBool>().map(|truth| *truth.inner())
        })
    }
}

// === impl Expression ===

impl Expression {
    /// An expression, and of what kind its values are.
    pub(crate) fn compile(
        text: &str,
        names: Names<'_>,
        language: &Language,
    ) -> Result<(Self, Kind), InvalidCondition> {
        if text.trim().is_empty() {
            return Err(InvalidCondition::Empty);
        }
        if BYTES_MAX < text.len() {
            return Err(InvalidCondition::TooLong { bytes: text.len() });
        }
        let parser = PrattParser::new().max_recursion_depth(96);
        let mut expression = parser.parse(text).map_err(|errors| unreadable(text, &errors))?;
        let mut check = Check::new(names);
        let kind = check.expression(&mut expression, 0)?;
        let inputs = check.into_inputs();
        Ok((Self { root: expression, inputs, language: language.get() }, kind))
    }

    pub(crate) fn claims(&self) -> impl Iterator<Item = &ClaimPath> {
        self.inputs.iter().filter_map(Input::claim)
    }

    pub(crate) fn is_about_somebody(&self) -> bool {
        self.inputs.iter().any(Input::is_of_principal)
    }

    /// What `read` makes of its value.
    pub(crate) fn evaluate<T>(
        &self,
        caller: Option<&Principal>,
        facts: &Facts<'_>,
        read: impl FnOnce(&CowVal<'_, '_>) -> Option<T>,
    ) -> Result<T, Undecided> {
        let values = self.inputs.iter().map(|input| input.value(caller, facts));
        let values = Values(values.collect());
        let mut context = Context::with_env(Arc::clone(&self.language));
        context.set_variable_resolver(&values);
        let value = Value::resolve_val(&self.root, &context).map_err(|_| Undecided)?;
        read(&value).ok_or(Undecided)
    }
}

/// The values of the inputs, for one request.
struct Values<'a>(Vec<Option<Box<dyn Val + 'a>>>);

impl VariableResolver for Values<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let value = self.0.get(input::index(name)?)?.as_deref()?;
        Some(CowVal::Borrowed(value))
    }
}

fn unreadable(text: &str, errors: &ParseErrors) -> InvalidCondition {
    let Some(error) = errors.errors.first() else {
        return InvalidCondition::Syntax { place: String::new(), reason: String::new() };
    };
    let (line, column) = error.pos;
    let place = match (text.trim_end().contains('\n'), column) {
        (_, 0) => String::new(),
        (false, _) => format!(" at column {column}"),
        (true, _) => format!(" at line {line}, column {column}"),
    };
    let reason = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg).to_owned();
    InvalidCondition::Syntax { place, reason }
}

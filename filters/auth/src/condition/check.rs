use cel::IdedExpr;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, Expr, ListExpr, LiteralValue, SelectExpr, operators,
};

use super::asked::path;
use super::input::{self, Input};
use super::kind::Kind;
use super::operation::{function, is_operator, operand, operation};
use super::{DEPTH_MAX, InvalidCondition, Names};

type Checked = Result<Kind, InvalidCondition>;

/// Holds an expression against what may be written, finds out what it asks for,
/// and of what kind its value is.
pub(super) struct Check<'a> {
    names: Names<'a>,
    inputs: Vec<Input>,
    /// Of the loop that is gone into, if any: the entry and the result so far.
    variables: Vec<(String, Kind)>,
}

// === impl Check ===

impl<'a> Check<'a> {
    pub(super) fn new(names: Names<'a>) -> Self {
        Self { names, inputs: Vec::new(), variables: Vec::new() }
    }

    pub(super) fn into_inputs(self) -> Box<[Input]> {
        self.inputs.into()
    }

    pub(super) fn expression(&mut self, expression: &mut IdedExpr, depth: usize) -> Checked {
        let deeper = depth.saturating_add(1);
        if DEPTH_MAX < deeper {
            return Err(InvalidCondition::TooDeep);
        }
        if let Some(asked) = self.asked(&expression.expr) {
            let input = asked?;
            let kind = input.kind();
            expression.expr = Expr::Ident(input::name(self.place(input)));
            return Ok(kind);
        }
        match &mut expression.expr {
            Expr::Ident(name) => self.variable(name),
            Expr::Literal(literal) => literal_kind(literal),
            Expr::List(list) => self.list(list, deeper),
            Expr::Select(select) => self.select(select, deeper),
            Expr::Call(call) => self.call(call, deeper),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, deeper),
            Expr::Map(_) => Err(InvalidCondition::Literal { what: "a map" }),
            Expr::Struct(_) | Expr::Unspecified => {
                Err(InvalidCondition::Literal { what: "a message" })
            }
        }
    }

    /// The place of an input; what is asked for twice has one.
    fn place(&mut self, input: Input) -> usize {
        self.inputs.iter().position(|known| *known == input).unwrap_or_else(|| {
            self.inputs.push(input);
            self.inputs.len().saturating_sub(1)
        })
    }

    /// What an expression asks for, if it is a path from something that is no
    /// variable of a loop.
    fn asked(&self, expression: &Expr) -> Option<Result<Input, InvalidCondition>> {
        let (names, is_test) = path(expression)?;
        let root = *names.first()?;
        if self.variables.iter().any(|(variable, _)| variable == root) {
            return None;
        }
        let input = self.names.input(&names);
        Some(if is_test { input.map(|input| Input::Has(input.into())) } else { input })
    }

    fn variable(&self, name: &str) -> Checked {
        let found = self.variables.iter().find(|(variable, _)| variable == name);
        found.map(|(_, kind)| *kind).ok_or_else(|| InvalidCondition::Unknown(name.to_owned()))
    }

    fn list(&mut self, list: &mut ListExpr, depth: usize) -> Checked {
        let mut kinds = Vec::new();
        for entry in &mut list.elements {
            kinds.push(self.expression(entry, depth)?);
        }
        let texts = kinds.iter().all(|kind| *kind == Kind::Text);
        Ok(if texts { Kind::Texts } else { Kind::List })
    }

    /// A part of an entry of a list: of what kind, nobody knows.
    fn select(&mut self, select: &mut SelectExpr, depth: usize) -> Checked {
        let kind = self.expression(&mut select.operand, depth)?;
        if kind != Kind::Anything {
            let (whole, part) = ("this".to_owned(), select.field.clone());
            return Err(InvalidCondition::NoParts { whole, kind, part });
        }
        Ok(if select.test { Kind::Truth } else { Kind::Anything })
    }

    /// `exists`, `exists_one` and `all`, as the parser writes them out. One goes
    /// through a list once, and none stands in another, so an evaluation is at
    /// most as long as the condition times the longest list.
    fn comprehension(&mut self, whole: &mut ComprehensionExpr, depth: usize) -> Checked {
        const NAME: &str = "exists, exists_one or all";
        let entry = self.expression(&mut whole.iter_range, depth)?;
        let entry = entry.entries().ok_or_else(|| operand(NAME, entry, "a list"))?;
        let result = match &whole.accu_init.expr {
            Expr::Literal(LiteralValue::Boolean(_)) => Kind::Truth,
            Expr::Literal(LiteralValue::Int(_)) => Kind::Number,
            _ => return Err(InvalidCondition::Function("map or filter".to_owned())),
        };
        if !self.variables.is_empty() {
            return Err(InvalidCondition::NestedLoop(NAME));
        }
        self.variables = vec![(whole.iter_var.clone(), entry), (whole.accu_var.clone(), result)];
        for part in [&mut whole.loop_cond, &mut whole.loop_step, &mut whole.result] {
            self.expression(part, depth)?;
        }
        self.variables.clear();
        Ok(Kind::Truth)
    }

    fn call(&mut self, call: &mut CallExpr, depth: usize) -> Checked {
        let mut kinds = Vec::new();
        for part in call.target.as_deref_mut().into_iter().chain(&mut call.args) {
            kinds.push(self.expression(part, depth)?);
        }
        let name = call.func_name.as_str();
        let symbol = name.trim_matches(['_', '@']);
        match (call.target.is_some(), kinds.as_slice()) {
            (false, &[left, right]) if name == operators::ADD => self.sum(left, right),
            (false, kinds) if is_operator(name) => operation(name, symbol, kinds),
            (is_method, kinds) => function(name, is_method, kinds),
        }
    }

    /// Texts that are put together in a loop could grow with every round.
    fn sum(&self, left: Kind, right: Kind) -> Checked {
        let fits = |kind: Kind| left.may_be(kind) && right.may_be(kind);
        if left == Kind::Number && right == Kind::Number {
            return Ok(Kind::Number);
        }
        if !self.variables.is_empty() {
            return Err(InvalidCondition::TextsInLoop("exists, exists_one or all"));
        }
        match (fits(Kind::Text), fits(Kind::Number)) {
            (true, true) => Ok(Kind::Anything),
            (true, false) => Ok(Kind::Text),
            (false, true) => Ok(Kind::Number),
            (false, false) => {
                let given = if left.may_be(Kind::Text) { right } else { left };
                Err(operand("+", given, "two texts or two numbers"))
            }
        }
    }
}

fn literal_kind(literal: &LiteralValue) -> Checked {
    match literal {
        LiteralValue::Boolean(_) => Ok(Kind::Truth),
        LiteralValue::Int(_) => Ok(Kind::Number),
        LiteralValue::String(_) => Ok(Kind::Text),
        LiteralValue::Null => Ok(Kind::Null),
        LiteralValue::Bytes(_) => Err(InvalidCondition::Literal { what: "bytes" }),
        LiteralValue::Double(_) => {
            Err(InvalidCondition::Literal { what: "a number with a fraction" })
        }
        LiteralValue::UInt(_) => Err(InvalidCondition::Literal { what: "an unsigned number" }),
    }
}

//! What operators and functions take, and of what kind their values are.

use cel::common::ast::operators;

use super::InvalidCondition;
use super::kind::Kind;

type Checked = Result<Kind, InvalidCondition>;

/// Whether the parser writes an operator by this name. A function of it could
/// not be called.
pub(super) fn is_operator(name: &str) -> bool {
    name.contains(['_', '@', '!']) && name != operators::EXISTS_ONE
}

/// The kind of an operation; `symbol` is how the operator is written.
pub(super) fn operation(name: &str, symbol: &str, kinds: &[Kind]) -> Checked {
    match (name, kinds) {
        (operators::LOGICAL_AND | operators::LOGICAL_OR, &[left, right]) => {
            truth(symbol, left).and_then(|_| truth(symbol, right))
        }
        (operators::LOGICAL_NOT, &[of]) => truth(symbol, of),
        // Written by the parser alone, around the condition of a loop.
        (operators::NOT_STRICTLY_FALSE, &[of]) => truth("exists or all", of),
        (operators::CONDITIONAL, &[condition, left, right]) => {
            truth("?:", condition).map(|_| left.or(right))
        }
        (
            operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO,
            &[left, right],
        ) => number(symbol, left).and_then(|_| number(symbol, right)),
        (operators::NEGATE, &[of]) => number("-", of),
        (operators::EQUALS | operators::NOT_EQUALS, &[left, right]) => {
            compared(symbol, left, right).map(|()| Kind::Truth)
        }
        (
            operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS,
            &[left, right],
        ) => ordered(symbol, left, right),
        (operators::IN, &[entry, list]) => {
            let wanted = "a list on the right";
            let entries = list.entries().ok_or_else(|| operand("in", list, wanted))?;
            compared("in", entry, entries).map(|()| Kind::Truth)
        }
        (operators::INDEX, &[list, at]) => {
            let entries = list.entries().ok_or_else(|| operand("[]", list, "a list"))?;
            // What is in a claim may be found by name, too.
            let wanted = if list == Kind::Anything { at } else { Kind::Number };
            if at.may_be(wanted) { Ok(entries) } else { Err(operand("[]", at, "a number")) }
        }
        _ => Err(InvalidCondition::Function(symbol.to_owned())),
    }
}

fn truth(operator: &str, kind: Kind) -> Checked {
    if kind.may_be(Kind::Truth) {
        Ok(Kind::Truth)
    } else {
        Err(operand(operator, kind, "true or false"))
    }
}

/// CEL fails on what is too large, and on a division by nothing; and so the
/// expression has no value.
fn number(operator: &str, kind: Kind) -> Checked {
    if kind.may_be(Kind::Number) {
        Ok(Kind::Number)
    } else {
        Err(operand(operator, kind, "numbers"))
    }
}

/// Of two kinds that differ none is ever the same, or CEL gives an error: either
/// way it is not what was meant. Whether something is null may be asked of it.
fn compared(operator: &str, left: Kind, right: Kind) -> Result<(), InvalidCondition> {
    if left.may_be(right) {
        return Ok(());
    }
    Err(InvalidCondition::Compared { operator: operator.to_owned(), left, right })
}

fn ordered(operator: &str, left: Kind, right: Kind) -> Checked {
    compared(operator, left, right)?;
    for kind in [left, right] {
        if !kind.may_be(Kind::Number) && !kind.may_be(Kind::Text) {
            return Err(operand(operator, kind, "numbers or texts"));
        }
    }
    Ok(Kind::Truth)
}

/// The kind of a function's value. Of a method, `kinds` begins with what it is
/// called on.
pub(super) fn function(name: &str, is_method: bool, kinds: &[Kind]) -> Checked {
    match (name, is_method, kinds) {
        ("size", _, &[of]) if of.entries().is_some() || of == Kind::Text => Ok(Kind::Number),
        ("size", _, &[of]) => Err(operand(name, of, "a list or text")),
        ("startsWith" | "endsWith" | "contains", true, &[whole, part]) => {
            for kind in [whole, part] {
                if !kind.may_be(Kind::Text) {
                    return Err(operand(name, kind, "texts"));
                }
            }
            Ok(Kind::Truth)
        }
        ("int", false, &[of]) if of.may_be(Kind::Text) || of == Kind::Number => Ok(Kind::Number),
        ("int", false, &[of]) => Err(operand(name, of, "text or a number")),
        _ => match usage(name) {
            Some(usage) => Err(InvalidCondition::Usage { name: name.to_owned(), usage }),
            None => Err(InvalidCondition::Function(name.to_owned())),
        },
    }
}

fn usage(name: &str) -> Option<&'static str> {
    Some(match name {
        "size" => "write size(x)",
        "startsWith" => "write text.startsWith(text)",
        "endsWith" => "write text.endsWith(text)",
        "contains" => "write text.contains(text)",
        "int" => "write int(text)",
        "has" => "write has(x.y)",
        "exists" => "write list.exists(x, condition)",
        "exists_one" => "write list.exists_one(x, condition)",
        "all" => "write list.all(x, condition)",
        _ => return None,
    })
}

pub(super) fn operand(operator: &str, given: Kind, wanted: &'static str) -> InvalidCondition {
    InvalidCondition::Operand { operator: operator.to_owned(), given, wanted }
}

//! What the filters' expressions have and RE2's have not.

use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{
    Assertion, AssertionKind, Ast, ClassSetBinaryOp, ClassSetItem, Flag, Flags, FlagsItemKind,
    GroupKind, HexLiteralKind, Literal, LiteralKind, Repetition, RepetitionKind, RepetitionRange,
    Visitor, visit,
};

/// RE2 takes no larger ones.
const REPETITIONS_MAX: u32 = 1000;

/// The first thing that RE2 refuses or takes for something else. The expression is one,
/// that is known.
pub(super) fn foreign(pattern: &str) -> Option<&'static str> {
    let ast = Parser::new().parse(pattern).ok()?;
    visit(&ast, Search { left: vec![REPETITIONS_MAX] }).err()
}

/// Stops at what is foreign.
struct Search {
    /// How often what is repeated may be repeated again, as RE2 divides it.
    left: Vec<u32>,
}

type Found = Result<(), &'static str>;

impl Visitor for Search {
    type Output = ();
    type Err = &'static str;

    fn finish(self) -> Found {
        Ok(())
    }

    fn visit_pre(&mut self, ast: &Ast) -> Found {
        match ast {
            Ast::Flags(set) => flags(&set.flags),
            Ast::Literal(one) => literal(one),
            Ast::Assertion(one) => assertion(one),
            Ast::Group(group) => kind(&group.kind),
            Ast::Repetition(repetition) => self.enter(repetition),
            _ => Ok(()),
        }
    }

    fn visit_post(&mut self, ast: &Ast) -> Found {
        if let Ast::Repetition(_) = ast {
            self.left.pop();
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Found {
        match item {
            ClassSetItem::Bracketed(_) => Err("a class in a class"),
            ClassSetItem::Literal(one) => literal(one),
            ClassSetItem::Range(range) => literal(&range.start).and(literal(&range.end)),
            _ => Ok(()),
        }
    }

    fn visit_class_set_binary_op_pre(&mut self, _: &ClassSetBinaryOp) -> Found {
        Err("a class that is computed")
    }
}

impl Search {
    fn enter(&mut self, repetition: &Repetition) -> Found {
        if let Ast::Repetition(_) = &*repetition.ast {
            return Err("a repetition of a repetition");
        }
        let times = match &repetition.op.kind {
            RepetitionKind::Range(range) => times(range),
            _ => 1,
        };
        let left = self.left.last().copied().unwrap_or_default();
        let left = left.checked_div(times.max(1)).unwrap_or_default();
        self.left.push(left);
        if left == 0 { Err("repetitions of more than 1000 times") } else { Ok(()) }
    }
}

fn kind(kind: &GroupKind) -> Found {
    match kind {
        GroupKind::NonCapturing(set) => flags(set),
        GroupKind::CaptureName { name, .. } => {
            let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
            if name.name.chars().all(is_word) { Ok(()) } else { Err("an odd name of a group") }
        }
        GroupKind::CaptureIndex(_) => Ok(()),
    }
}

fn flags(flags: &Flags) -> Found {
    for item in &flags.items {
        match item.kind {
            FlagsItemKind::Flag(Flag::Unicode) => return Err("the flag u"),
            FlagsItemKind::Flag(Flag::CRLF) => return Err("the flag R"),
            FlagsItemKind::Flag(Flag::IgnoreWhitespace) => return Err("the flag x"),
            FlagsItemKind::Flag(_) | FlagsItemKind::Negation => {}
        }
    }
    Ok(())
}

fn literal(literal: &Literal) -> Found {
    match &literal.kind {
        LiteralKind::HexFixed(kind) | LiteralKind::HexBrace(kind)
            if !matches!(kind, HexLiteralKind::X) =>
        {
            Err("an escape other than \\x")
        }
        _ => Ok(()),
    }
}

fn assertion(assertion: &Assertion) -> Found {
    match assertion.kind {
        AssertionKind::StartLine
        | AssertionKind::EndLine
        | AssertionKind::StartText
        | AssertionKind::EndText
        | AssertionKind::WordBoundary
        | AssertionKind::NotWordBoundary => Ok(()),
        _ => Err("a beginning or an end of words"),
    }
}

const fn times(range: &RepetitionRange) -> u32 {
    match range {
        RepetitionRange::Exactly(times)
        | RepetitionRange::AtLeast(times)
        | RepetitionRange::Bounded(_, times) => *times,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_know_is_native() {
        for pattern in [
            "",
            "[a-f0-9]{8}-[a-f0-9]{4}",
            r"(?i)(?P<year>\d{4})(?-s:.)(?U:a+)",
            r"^\A\bx\B\z$",
            r"[[:alpha:]\]\x41\x{41}\t]+?",
            r"(?:a{0,1000})\.\%(?:(?:^){100}){10}(?:(?:a{0})*)+",
        ] {
            assert_eq!(foreign(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn what_re2_reads_otherwise_is_foreign() {
        for (pattern, what) in [
            ("(?x) a", "the flag x"),
            ("(?-u:a)", "the flag u"),
            ("(?Rm:a)", "the flag R"),
            ("[a-z&&[^b]]", "a class that is computed"),
            ("[a[b]]", "a class in a class"),
            ("a**", "a repetition of a repetition"),
            ("a{2}{3}", "a repetition of a repetition"),
            ("(?:){1001}", "repetitions of more than 1000 times"),
            ("a{0,1001}", "repetitions of more than 1000 times"),
            ("a{1001,}", "repetitions of more than 1000 times"),
            ("(?:(?:^){100}){11}", "repetitions of more than 1000 times"),
            (r"\u0041", "an escape other than \\x"),
            (r"[\u{41}]", "an escape other than \\x"),
            (r"\b{start}a", "a beginning or an end of words"),
            (r"a\>", "a beginning or an end of words"),
            ("(?P<a.b>a)", "an odd name of a group"),
        ] {
            assert_eq!(foreign(pattern), Some(what), "{pattern}");
        }
    }
}

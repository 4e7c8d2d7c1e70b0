//! How large a program Envoy makes of an expression.
//!
//! RE2 counts the instructions of its programs, and Envoy bounds them. What is counted
//! here is never less, and for most expressions not much more; a test holds it against
//! Envoy itself.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Capture, Class, ClassBytes, Hir, HirKind, Literal, Repetition};
use tollgate_core::unescape;

use crate::piece::is_plain;

/// As many as Envoy takes with the bootstraps that ship, which raise its own bound of
/// 100: a path of a few words and parameters comes to more than that.
pub const EXPRESSION_STEPS_MAX: usize = 1000;

/// What every program has.
const WHOLE: usize = 6;

/// One of two ways.
const BRANCH: usize = 2;

/// All characters beyond ASCII, in UTF-8.
const BEYOND: usize = 9;

/// All of them but one, whose other case is an ASCII letter that is left out.
const ALL_BUT_ONE: usize = 30;

/// The letters that have a third case beyond ASCII, and what that takes: U+212A, and
/// U+017F.
const THIRD_CASES: [(u8, u8, usize); 2] = [(b'k', b'K', 4), (b's', b'S', 3)];

/// A segment of a path that may be anything, and what may follow a path. There are very
/// many paths: they are not parsed for each.
const PARAMETER: usize = 17;
const END: usize = 31;

/// Of an expression that is one, that is known.
pub(super) fn of(pattern: &str) -> usize {
    let mut parser = ParserBuilder::new();
    let hir = parser.unicode(false).utf8(false).build().parse(pattern);
    hir.map_or(0, |hir| WHOLE.saturating_add(steps(&hir)))
}

/// Of all the ways to write a path, which is no expression if there is only one.
pub(super) fn of_path(path: &str) -> usize {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    if segments.iter().all(|segment| is_plain(segment)) {
        return 0;
    }
    segments.into_iter().map(of_segment).fold(END, usize::saturating_add)
}

fn of_segment(segment: &str) -> usize {
    if segment.starts_with('{') {
        return PARAMETER;
    }
    let bytes = unescape(segment.as_bytes());
    bytes.iter().map(|byte| spelled(*byte)).fold(1, usize::saturating_add)
}

/// Of all the ways to write a value in a query, each byte of which may be escaped.
pub(super) fn of_query(value: &str) -> usize {
    value.len().saturating_mul(ESCAPED).saturating_add(WHOLE)
}

/// A byte, or a percent sign and two digits.
const ESCAPED: usize = 4 + BRANCH;

fn spelled(byte: u8) -> usize {
    let third = THIRD_CASES.iter().find(|(small, ..)| byte.eq_ignore_ascii_case(small));
    match third {
        Some((.., more)) => more.saturating_add(1),
        None if byte.is_ascii_alphanumeric() => 1,
        None => ESCAPED,
    }
}

/// The parser bounds how deep they are.
fn steps(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(Literal(bytes)) => bytes.iter().map(|byte| of_byte(*byte)).sum(),
        HirKind::Class(class) => of_class(class),
        HirKind::Repetition(repetition) => of_repetition(repetition),
        HirKind::Capture(Capture { sub, .. }) => steps(sub).saturating_add(2),
        HirKind::Concat(all) => all.iter().map(steps).fold(0, usize::saturating_add),
        HirKind::Alternation(all) => {
            let ways = all.iter().map(|one| steps(one).saturating_add(BRANCH));
            ways.fold(0, usize::saturating_add)
        }
    }
}

/// Characters beyond ASCII may have other cases.
const fn of_byte(byte: u8) -> usize {
    if byte.is_ascii() { 1 } else { 8 }
}

/// RE2 writes it out: each copy that may be left out, and a loop, is one of two ways.
fn of_repetition(Repetition { min, max, sub, .. }: &Repetition) -> usize {
    let once = steps(sub);
    let min = usize::try_from(*min).unwrap_or(usize::MAX);
    let most = max.map_or(min.max(1), |max| usize::try_from(max).unwrap_or(usize::MAX));
    let copies = most.saturating_mul(once);
    let ways = most.saturating_sub(min).saturating_add(2).saturating_mul(BRANCH);
    copies.saturating_add(ways)
}

fn of_class(class: &Class) -> usize {
    match class {
        Class::Bytes(class) => of_bytes(class),
        Class::Unicode(class) => class.ranges().len().saturating_mul(BEYOND),
    }
}

fn of_bytes(class: &ClassBytes) -> usize {
    let ranges = class.ranges();
    let has = |byte: u8| ranges.iter().any(|one| (one.start()..=one.end()).contains(&byte));
    if let [one, other] = ranges
        && one.start() == one.end()
        && other.start() == other.end()
        && one.start().eq_ignore_ascii_case(&other.start())
    {
        return spelled(one.start());
    }
    let is_beyond = has(u8::MAX);
    let thirds = THIRD_CASES.iter().map(|(small, large, more)| match (has(*small), has(*large)) {
        (true, true) if !is_beyond => *more,
        (false, false) if is_beyond => ALL_BUT_ONE,
        _ => 0,
    });
    let beyond = if is_beyond { BEYOND } else { 0 };
    ranges.len().saturating_add(1).saturating_add(beyond).saturating_add(thirds.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_far_from_the_bound() {
        for (pattern, at_most) in [
            ("[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}", 130),
            (r"(?i:/v[0-9]+/(?:orders|invoices)/[^/]+)/?", 90),
            (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", 70),
            (r"[^@]+@[^@]+\.[a-z]{2,}", 70),
        ] {
            assert!(of(pattern) <= at_most, "{pattern}: {}", of(pattern));
        }
        let long =
            "/organizations/{organization}/projects/{project}/environments/{environment}/logs";
        assert!((100..220).contains(&of_path(long)), "{}", of_path(long));
        assert_eq!(of_path("/orders/new"), 0);
        assert_eq!((PARAMETER + WHOLE, END), (of("/[^/]+"), of("(?:/.*)?")));
    }

    #[test]
    fn repetitions_count_as_often_as_they_may_be_made() {
        assert_eq!(of("a{900}"), 900 + 4 + WHOLE);
        assert!(EXPRESSION_STEPS_MAX < of("a{1000}"));
        assert!(EXPRESSION_STEPS_MAX < of("(?:a{100}){100}"));
        assert!(EXPRESSION_STEPS_MAX < of("(?:(?:a{1000}){1000}){1000}"));
    }
}

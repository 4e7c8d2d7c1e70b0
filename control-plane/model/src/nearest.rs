//! Which known name an unknown one was probably meant to be.

/// The known name with the fewest slips, unless they are too many.
pub(crate) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = folded(wrong);
    let slips_max = (wrong.len() / 3).max(1);
    known
        .map(|name| (slips(&wrong, &folded(name)), name))
        .filter(|(slips, _)| *slips <= slips_max)
        .min()
        .map(|(_, name)| name)
}

/// `rateLimit`, `rate-limit` and `rate_limit` are the same name to a person.
fn folded(name: &str) -> Vec<char> {
    // Longer names than any known one need not be compared to their end.
    let chars = name.chars().filter(|char| !matches!(char, '-' | '_')).take(64);
    chars.flat_map(char::to_lowercase).collect()
}

/// The Levenshtein distance.
fn slips(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (done, from) in a.iter().enumerate() {
        row = next_row(&row, done.saturating_add(1), *from, b);
    }
    row.last().copied().unwrap_or_default()
}

fn next_row(above: &[usize], first: usize, from: char, b: &[char]) -> Vec<usize> {
    let mut row = vec![first];
    let mut left = first;
    for (to, pair) in b.iter().zip(above.windows(2)) {
        let &[diagonal, over] = pair else { continue };
        let replaced = diagonal.saturating_add(usize::from(from != *to));
        left = replaced.min(left.min(over).saturating_add(1));
        row.push(left);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_and_a_far_one_is_not() {
        let known = ["requests", "per", "burst", "on_failure", "by"];
        for (wrong, expected) in [
            ("requets", Some("requests")),
            ("request", Some("requests")),
            ("Requests", Some("requests")),
            ("onFailure", Some("on_failure")),
            ("pre", None),
            ("pe", Some("per")),
            ("bursts", Some("burst")),
            ("x", None),
            ("", None),
            ("quota", None),
        ] {
            assert_eq!(nearest(wrong, known.into_iter()), expected, "wrong: {wrong:?}");
        }
    }
}

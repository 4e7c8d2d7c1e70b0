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

/// How many letters have to be added, dropped, replaced or swapped with the next.
fn slips(a: &[char], b: &[char]) -> usize {
    let mut above = Row { from: None, slips: vec![] };
    let mut row = Row { from: None, slips: (0..=b.len()).collect() };
    for from in a {
        let next = row.next(&above, *from, b);
        above = std::mem::replace(&mut row, next);
    }
    row.slips.last().copied().unwrap_or_default()
}

/// The slips between a beginning of `a` and each beginning of `b`.
struct Row {
    /// The last letter of that beginning.
    from: Option<char>,
    slips: Vec<usize>,
}

impl Row {
    fn next(&self, above: &Self, from: char, b: &[char]) -> Self {
        let at = |row: &Self, place: usize| row.slips.get(place).copied().unwrap_or(usize::MAX);
        let mut slips = vec![at(self, 0).saturating_add(1)];
        let mut before = None;
        for (place, to) in b.iter().enumerate() {
            let replaced = at(self, place).saturating_add(usize::from(from != *to));
            let dropped = at(self, place.saturating_add(1)).saturating_add(1);
            let added = slips.last().map_or(usize::MAX, |left| left.saturating_add(1));
            let is_swap = before == Some(from) && self.from == Some(*to);
            let swapped = place.checked_sub(1).filter(|_| is_swap);
            let swapped = swapped.map_or(usize::MAX, |place| at(above, place).saturating_add(1));
            slips.push(replaced.min(dropped).min(added).min(swapped));
            before = Some(*to);
        }
        Self { from: Some(from), slips }
    }
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
            ("pre", Some("per")),
            ("pe", Some("per")),
            ("brust", Some("burst")),
            ("qwerty", None),
            ("bursts", Some("burst")),
            ("x", None),
            ("", None),
            ("quota", None),
        ] {
            assert_eq!(nearest(wrong, known.into_iter()), expected, "wrong: {wrong:?}");
        }
    }
}

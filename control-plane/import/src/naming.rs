use std::collections::BTreeSet;

/// Names that were given already.
#[derive(Default)]
pub(crate) struct Names(BTreeSet<String>);

/// As long as names may be, with room for a number after it.
const CHARS_MAX: usize = 56;

// === impl Names ===

impl Names {
    /// A name that nothing else has.
    pub(crate) fn give(&mut self, wanted: &str, otherwise: &str) -> String {
        let name = slug(wanted, otherwise);
        let numbered = (2..=u32::MAX).map(|number| format!("{name}-{number}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        let free = names.find(|name| !self.0.contains(name)).unwrap_or(name);
        self.0.insert(free.clone());
        free
    }
}

/// A name as configuration takes it: letters, digits, `-` and `_`.
pub(crate) fn slug(text: &str, otherwise: &str) -> String {
    let mut slug = String::new();
    let mut after_small = false;
    for char in text.chars() {
        if after_small && char.is_ascii_uppercase() {
            slug.push('-');
        }
        after_small = char.is_ascii_lowercase();
        match char {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => slug.push(char.to_ascii_lowercase()),
            _ if slug.ends_with('-') || slug.is_empty() => {}
            _ => slug.push('-'),
        }
    }
    let slug: String = slug.chars().take(CHARS_MAX).collect();
    let slug = slug.trim_matches('-');
    if slug.is_empty() { otherwise.to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_configuration_takes_and_given_once() {
        let mut names = Names::default();
        for (wanted, given) in [
            ("Get Order", "get-order"),
            ("getOrder", "get-order-2"),
            ("", "x"),
            ("/ü/", "x-2"),
            ("--", "x-3"),
        ] {
            assert_eq!(names.give(wanted, "x"), given);
        }
        assert_eq!(slug(&"a".repeat(99), "x").len(), 56);
    }
}

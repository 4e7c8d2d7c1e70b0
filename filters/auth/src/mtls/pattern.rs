/// What a name in a certificate has to look like, and which part of it is the
/// tenant.
///
/// A name matches in one way or not at all, and in time proportional to its
/// length: a part ends where the character stands that follows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pattern {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Step {
    Text(String),
    /// A part, and the byte before which it ends.
    Part {
        part: Part,
        end: Option<u8>,
    },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Tenant,
    Subject,
}

/// What a pattern finds in a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Match<'a> {
    /// What stands at `{tenant}`.
    pub tenant: &'a str,
    /// What stands at `{subject}`; the whole name where the pattern has none.
    pub subject: &'a str,
}

/// Why a pattern was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidPattern {
    #[error("{0:?} has no {{tenant}}; write it where the tenant's id stands")]
    NoTenant(String),
    #[error("{0:?} has {1} twice; write it once")]
    Twice(String, &'static str),
    #[error("{0:?} has a brace that belongs to no {{tenant}} or {{subject}}; remove it")]
    Brace(String),
    #[error("{0:?} has two parts with nothing between them; write what divides them")]
    Adjacent(String),
    #[error(
        "{0:?} is not printable ASCII of at most {BYTES_MAX} bytes; certificates that are \
             told apart by other names cannot be used"
    )]
    NotPlain(String),
}

/// Names become the value of a header.
const BYTES_MAX: usize = 256;
/// As every tenant's id and subject in a header may be.
const NAME_BYTES_MAX: usize = 256;

const PARTS: [(&str, Part); 2] = [("{tenant}", Part::Tenant), ("{subject}", Part::Subject)];

// === impl Pattern ===

impl Pattern {
    /// Reads a pattern; in lower case, if names are.
    pub fn parse(text: &str, folds_case: bool) -> Result<Self, InvalidPattern> {
        let whole = || text.to_owned();
        let is_plain = text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
        if BYTES_MAX < text.len() || !is_plain {
            return Err(InvalidPattern::NotPlain(whole()));
        }
        for (name, _) in PARTS {
            if 1 < text.matches(name).count() {
                return Err(InvalidPattern::Twice(whole(), name));
            }
        }
        if !text.contains("{tenant}") {
            return Err(InvalidPattern::NoTenant(whole()));
        }
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (step, left) = step(rest, text)?;
            steps.push(step.folded(folds_case));
            rest = left;
        }
        Ok(Self { steps })
    }

    /// What the pattern finds in a name, if the whole of it looks so.
    pub fn matches<'a>(&self, name: &'a [u8]) -> Option<Match<'a>> {
        let name = std::str::from_utf8(name).ok()?;
        if NAME_BYTES_MAX < name.len() {
            return None;
        }
        let (mut tenant, mut subject) = (None, name);
        let mut rest = name;
        for step in &self.steps {
            match step {
                Step::Text(text) => rest = rest.strip_prefix(text.as_str())?,
                Step::Part { part, end } => {
                    let (found, left) = part_of(rest, *end)?;
                    match part {
                        Part::Tenant => tenant = Some(found),
                        Part::Subject => subject = found,
                    }
                    rest = left;
                }
            }
        }
        if rest.is_empty() { Some(Match { tenant: tenant?, subject }) } else { None }
    }
}

/// The first step of what is left of a pattern, and what is left after it.
fn step<'t>(rest: &'t str, whole: &str) -> Result<(Step, &'t str), InvalidPattern> {
    for (name, part) in PARTS {
        if let Some(left) = rest.strip_prefix(name) {
            let end = left.bytes().next();
            return if end == Some(b'{') {
                Err(InvalidPattern::Adjacent(whole.to_owned()))
            } else {
                Ok((Step::Part { part, end }, left))
            };
        }
    }
    let end = PARTS.iter().filter_map(|(name, _)| rest.find(name)).min().unwrap_or(rest.len());
    let (text, left) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if text.contains(['{', '}']) {
        return Err(InvalidPattern::Brace(whole.to_owned()));
    }
    Ok((Step::Text(text.to_owned()), left))
}

/// What stands at a part, and what follows it.
fn part_of(rest: &str, end: Option<u8>) -> Option<(&str, &str)> {
    let belongs = |b: u8| Some(b) != end && (b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let len = rest.bytes().position(|b| !belongs(b)).unwrap_or(rest.len());
    let (found, left) = rest.split_at_checked(len)?;
    found.starts_with(|c: char| c.is_ascii_alphanumeric()).then_some((found, left))
}

// === impl Step ===

impl Step {
    fn folded(self, folds_case: bool) -> Self {
        match self {
            Self::Text(text) if folds_case => Self::Text(text.to_ascii_lowercase()),
            Self::Part { part, end } if folds_case => {
                Self::Part { part, end: end.map(|b| b.to_ascii_lowercase()) }
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found<'a>(pattern: &str, name: &'a [u8]) -> Option<(&'a str, &'a str)> {
        let found = Pattern::parse(pattern, false).unwrap().matches(name);
        found.map(|Match { tenant, subject }| (tenant, subject))
    }

    #[test]
    fn a_name_matches_as_a_whole_or_not_at_all() {
        let spiffe = "spiffe://acme/tenant/{tenant}";
        let whole = |tenant: &str| format!("spiffe://acme/tenant/{tenant}");
        for tenant in ["globex", "g", "0", "a.b_c-d", "A", "a--"] {
            let name = whole(tenant);
            assert_eq!(found(spiffe, name.as_bytes()), Some((tenant, &*name)), "{tenant}");
        }
        for name in [
            &b""[..],
            b"spiffe://acme/tenant/",
            b"spiffe://acme/tenant/a/b",
            b"spiffe://acme/tenant/a/",
            b"spiffe://acme/tenant//a",
            b"spiffe://acme/tenant/a\0",
            b"spiffe://acme/tenant/a\0.evil",
            b"spiffe://acme/tenant/\0a",
            b"spiffe://acme/tenant/a\xff",
            b"spiffe://acme/tenant/\xc3\xa9",
            b"spiffe://acme/tenant/a%2fb",
            b"spiffe://acme/tenant/a b",
            b"spiffe://acme/tenant/a\n",
            b"spiffe://acme/tenant/..",
            b"spiffe://acme/tenant/.a",
            b"spiffe://acme/tenant/-a",
            b"spiffe://acme/tenant/a?x",
            b"spiffe://acme/tenant/a#x",
            b"spiffe://acme/Tenant/a",
            b"SPIFFE://acme/tenant/a",
            b"xspiffe://acme/tenant/a",
            b" spiffe://acme/tenant/a",
            b"spiffe://acme.evil/tenant/a",
        ] {
            assert_eq!(found(spiffe, name), None, "{}", name.escape_ascii());
        }
        assert_eq!(found(spiffe, whole(&"x".repeat(235)).as_bytes()).map(|_| ()), Some(()));
        assert_eq!(found(spiffe, whole(&"x".repeat(236)).as_bytes()), None);
    }

    #[test]
    fn parts_end_where_the_next_character_stands() {
        for (pattern, name, expected) in [
            ("{tenant}", "a.b", Some(("a.b", "a.b"))),
            ("{tenant}.clients.example", "a.clients.example", Some(("a", "a.clients.example"))),
            ("{tenant}.clients.example", "b.a.clients.example", None),
            ("{tenant}.clients.example", "*.clients.example", None),
            ("s://t/{tenant}/u/{subject}", "s://t/acme/u/ann", Some(("acme", "ann"))),
            ("s://t/{tenant}/u/{subject}", "s://t/acme/u/", None),
            ("s://t/{tenant}/u/{subject}", "s://t/acme/ann", None),
            ("{subject}-{tenant}", "a-b-c", Some(("b-c", "a"))),
            (
                "CN={tenant},O=Acme Corp",
                "CN=globex,O=Acme Corp",
                Some(("globex", "CN=globex,O=Acme Corp")),
            ),
            ("CN={tenant},O=Acme Corp", "CN=globex,O=Acme Corp,CN=x", None),
            ("CN={tenant},O=Acme Corp", "CN=a\\,O\\=Acme Corp,O=Acme Corp", None),
            ("CN={tenant}", "CN=a+OU=b", None),
        ] {
            assert_eq!(found(pattern, name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_that_says_nothing_certain_is_refused_with_the_remedy() {
        for (pattern, expected) in [
            ("", r#""" has no {tenant}; write it where the tenant's id stands"#),
            (
                "a/{subject}",
                r#""a/{subject}" has no {tenant}; write it where the tenant's id stands"#,
            ),
            ("{tenant}/{tenant}", r#""{tenant}/{tenant}" has {tenant} twice; write it once"#),
            (
                "{tenant}/{subject}/{subject}",
                r#""{tenant}/{subject}/{subject}" has {subject} twice; write it once"#,
            ),
            (
                "{tenant}{subject}",
                r#""{tenant}{subject}" has two parts with nothing between them; write what divides them"#,
            ),
            (
                "{tenant}/{id}",
                r#""{tenant}/{id}" has a brace that belongs to no {tenant} or {subject}; remove it"#,
            ),
            (
                "}/{tenant}",
                r#""}/{tenant}" has a brace that belongs to no {tenant} or {subject}; remove it"#,
            ),
            (
                "é/{tenant}",
                r#""é/{tenant}" is not printable ASCII of at most 256 bytes; certificates that are told apart by other names cannot be used"#,
            ),
        ] {
            let refusal = Pattern::parse(pattern, false).unwrap_err().to_string();
            assert_eq!(refusal, expected);
        }
    }

    proptest! {
        /// Whatever stands in a name, what is found has the form of an id, and
        /// putting it back gives the name.
        #[test]
        fn what_is_found_is_all_that_is_not_the_pattern(
            name in "(s://)?[a-z.\\-/\u{0}é]{0,6}(/u/)?[a-z._%]{0,6}",
        ) {
            if let Some((tenant, subject)) = found("s://{tenant}/u/{subject}", name.as_bytes()) {
                prop_assert_eq!(&format!("s://{tenant}/u/{subject}"), &name);
                for part in [tenant, subject] {
                    prop_assert!(part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)));
                }
            }
        }

        #[test]
        fn ids_are_found_again(tenant in "[A-Za-z0-9][A-Za-z0-9._-]{0,20}", subject in "[a-z0-9]{1,9}") {
            let name = format!("s://{tenant}/u/{subject}");
            let found = found("s://{tenant}/u/{subject}", name.as_bytes());
            prop_assert_eq!(found, Some((&*tenant, &*subject)));
        }

        #[test]
        fn no_bytes_cause_a_panic(pattern: String, name: Vec<u8>) {
            if let Ok(pattern) = Pattern::parse(&pattern, true) {
                let _ = pattern.matches(&name);
            }
        }
    }
}

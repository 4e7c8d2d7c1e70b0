use tollgate_core::{CanonicalPath, Segments};

use crate::pattern::{Part, Pattern};

/// The operations of a contract by the segments of their paths.
///
/// Finds the same as going over the list would, but passes over operations
/// whose paths differ. Letter case is ignored here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    root: Node,
}

/// What can follow after some segments.
#[derive(Clone, Debug, Default)]
struct Node {
    /// Invariant: sorted by the literal, which is in lower case.
    literals: Vec<(Box<[u8]>, Node)>,
    parameter: Option<Box<Node>>,
    /// Operations whose path ends here.
    whole: Vec<usize>,
    /// Operations whose prefix ends here.
    prefixes: Vec<usize>,
}

// === impl Tree ===

impl<'p> FromIterator<(usize, &'p Pattern)> for Tree {
    /// Regular expressions have no place in the tree.
    fn from_iter<I: IntoIterator<Item = (usize, &'p Pattern)>>(patterns: I) -> Self {
        let mut root = Node::default();
        for (index, pattern) in patterns {
            match pattern {
                Pattern::Path(parts) => root.descend(parts).whole.push(index),
                Pattern::Prefix(parts) => root.descend(parts).prefixes.push(index),
                Pattern::Regex(_) => {}
            }
        }
        Self { root }
    }
}

impl Tree {
    /// Calls `visit` with every operation whose path fits, in no particular order.
    pub(crate) fn visit(&self, path: &CanonicalPath<'_>, visit: &mut dyn FnMut(usize)) {
        self.root.visit(path.segments(), visit);
    }
}

// === impl Node ===

impl Node {
    fn descend(&mut self, parts: &[Part]) -> &mut Self {
        parts.iter().fold(self, |node, part| match part {
            Part::Parameter(_) => node.parameter.get_or_insert_default(),
            Part::Literal(literal) => node.literal(literal),
        })
    }

    #[expect(clippy::indexing_slicing, reason = "an entry was found or inserted at `at`")]
    fn literal(&mut self, literal: &[u8]) -> &mut Self {
        let at = self.find(literal).unwrap_or_else(|at| {
            self.literals.insert(at, (literal.to_ascii_lowercase().into(), Self::default()));
            at
        });
        &mut self.literals[at].1
    }

    fn find(&self, segment: &[u8]) -> Result<usize, usize> {
        let lower = || segment.iter().map(u8::to_ascii_lowercase);
        self.literals.binary_search_by(|(literal, _)| literal.iter().copied().cmp(lower()))
    }

    /// The recursion is as deep as the tree, which `SEGMENTS_MAX` bounds.
    fn visit(&self, mut segments: Segments<'_>, visit: &mut dyn FnMut(usize)) {
        self.prefixes.iter().copied().for_each(&mut *visit);
        let Some(segment) = segments.next() else {
            return self.whole.iter().copied().for_each(visit);
        };
        if let Ok(at) = self.find(&segment)
            && let Some((_, node)) = self.literals.get(at)
        {
            node.visit(segments.clone(), visit);
        }
        if let Some(node) = &self.parameter {
            node.visit(segments, visit);
        }
    }
}

use std::rc::Rc;

/// Who is calling, once that is proved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Principal {
    /// How the caller proved it, as configuration names it: `jwt.acme`, `api_key`.
    pub method: Rc<str>,

    /// Who in particular: the token's `sub`, or the id of the API key.
    pub subject: Rc<str>,

    /// The customer that the caller belongs to.
    pub tenant: Option<Rc<str>>,

    /// The tier whose limits apply.
    pub tier: Option<Rc<str>>,

    /// What the caller was granted.
    ///
    /// Invariant: sorted, without duplicates.
    pub scopes: Vec<Rc<str>>,
}

impl Principal {
    /// Whether every one of `wanted` was granted.
    pub fn has_scopes(&self, wanted: &[Rc<str>]) -> bool {
        wanted.iter().all(|scope| self.scopes.binary_search(scope).is_ok())
    }
}

use std::rc::Rc;

use tollgate_core::{Edit, Operation, Principal};

/// Tells the backend who is calling. What callers said of themselves by these
/// names was taken out before.
pub(crate) struct IdentityHeaders {
    tenant: Rc<str>,
    subject: Rc<str>,
    scopes: Rc<str>,
    tier: Rc<str>,
    groups: Rc<str>,
}

// === impl IdentityHeaders ===

impl IdentityHeaders {
    pub(crate) fn new() -> Self {
        Self {
            tenant: "x-tollgate-tenant".into(),
            subject: "x-tollgate-subject".into(),
            scopes: "x-tollgate-scopes".into(),
            tier: "x-tollgate-tier".into(),
            groups: "x-tollgate-groups".into(),
        }
    }

    /// Appends what is known about a caller. What is not known is not said.
    pub(crate) fn apply(&self, principal: &Principal, edits: &mut Vec<Edit>) {
        let Principal { method: _, subject, tenant, tier, scopes, groups, claims: _ } = principal;
        edits.extend(tenant.as_ref().map(|tenant| set(&self.tenant, tenant)));
        for (name, text) in
            [(&self.subject, subject), (&self.scopes, scopes.text()), (&self.groups, groups.text())]
        {
            if !text.is_empty() {
                edits.push(set(name, text));
            }
        }
        edits.extend(tier.as_ref().map(|tier| set(&self.tier, tier)));
    }
}

fn set(name: &Rc<str>, value: &Rc<str>) -> Edit {
    Edit { name: Rc::clone(name), operation: Operation::Set(Rc::clone(value).into()) }
}

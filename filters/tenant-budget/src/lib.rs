//! How much a tenant may have under way at once.
//!
//! A tenant has a budget of requests in flight, over all backends and at each, and
//! one of connections and one of streams that stay open. A backend has so many
//! requests in flight from one Envoy, whoever calls; while they do not suffice for
//! all, each tenant that wants some has a share of them by its weight, and what one
//! does not want is the others'.
//!
//! Counts of tenants are exact over all workers of one Envoy: they stand in the
//! data that workers share. Each worker writes only what it has under way itself,
//! and always the whole of it, so that nothing adds up to an error; what a worker
//! wrote whose virtual machine has ended counts no longer once it has not been
//! heard of for a while.

mod ask;
mod bears;
mod budgets;
mod demand;
mod lately;
mod ledger;
mod local;
mod record;
mod refusal;
mod roll;
mod show;
mod spec;
mod tally;

pub use crate::budgets::{Budgets, Held, InvalidBudgets, Wanted};
pub use crate::ledger::Ledger;
pub use crate::spec::{
    BackendCapSpec, BudgetSpec, BudgetsSpec, KindSpec, PrioritySpec, TenantBudgetsSpec,
};

//! Every filter in one pipeline, and the contract that says what each
//! operation of an API asks.

mod spec;

pub use crate::spec::{ContractSpec, GatewaySpec, MatchSpec, OperationSpec, ValueSpec};

//! Every filter in one pipeline, and the contract that says what each
//! operation of an API asks.

mod budget;
mod condition;
mod contract;
mod contracts;
mod expression;
mod gateway;
mod identity;
mod matcher;
mod operation;
mod own;
mod pattern;
mod precedence;
mod pricing;
mod problem;
mod sanitise;
mod shadow;
mod spec;
mod tree;

pub use tollgate_rate_limit::FleetSpec;

pub use crate::contract::{Contract, Found, InvalidContract};
pub use crate::expression::InvalidRegex;
pub use crate::gateway::{Gateway, InvalidGateway, claims_are_kept};
pub use crate::matcher::{InvalidMatch, Request};
pub use crate::operation::{InvalidOperation, Operation};
pub use crate::precedence::Precedence;
pub use crate::pricing::{InvalidPricing, Pricing};
pub use crate::shadow::{InvalidShadow, Shadow};
pub use crate::spec::{
    ContractSpec, GatewaySpec, MatchSpec, OperationSpec, StageSpec, StreamsSpec, UseSpec, ValueSpec,
};

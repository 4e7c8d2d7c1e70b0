//! Who is calling, and may they.

mod spec;

pub use crate::spec::{
    AccessSpec, Algorithm, AllowSpec, ApiKeySourceSpec, ApiKeySpec, AuthSpec, ClaimsSpec,
    IdentitySpec, IssuerSpec, KeySpec, TenantSpec,
};

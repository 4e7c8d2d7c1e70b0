//! A contract as it travels with its routes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_auth::{Authenticator, IdentitySpec};
use tollgate_core::Seed;
use tollgate_gateway::{Contract, ContractSpec};

fuzz_target!(|bytes: &[u8]| {
    let Ok(spec) = serde_json::from_slice::<ContractSpec>(bytes) else { return };
    let again: Option<ContractSpec> = serde_json::from_str(&spec.canonical()).ok();
    assert_eq!(again.as_ref(), Some(&spec), "the canonical form loses nothing");
    for pair in spec.operations.windows(2) {
        pair[0].r#match.shadows(&pair[1].r#match);
        let _ = pair[0].r#match.precedence().cmp(&pair[1].r#match.precedence());
    }
    let Ok(nobody) = Authenticator::compile(IdentitySpec::default(), Seed([0; 16])) else { return };
    let _ = Contract::compile(spec, &nobody);
});

//! A JSON Web Token, as any client may send it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tollgate_auth::fuzz_token(bytes));

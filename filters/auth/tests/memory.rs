//! What the identities of very many callers take.
#![allow(unsafe_code, reason = "an allocator that counts cannot be written without")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::{Gate, NOW, Signer, any_of, encode, issuer};
use serde_json::json;
use tollgate_core::testing::MemoryHost;

struct Counting;

thread_local! {
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: as `System`, to which every call is passed on.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.set(BYTES.get().wrapping_add(layout.size()));
        // SAFETY: what the caller guarantees.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        BYTES.set(BYTES.get().wrapping_sub(layout.size()));
        // SAFETY: what the caller guarantees.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CALLERS: u32 = 100_000;

/// A token of about 1 KB, whose signature the host takes for good.
fn token(number: u32, extra: &str) -> String {
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": "2026-11"}).to_string();
    let claims = json!({
        "iss": "https://id.example", "aud": "api", "exp": NOW + 600, "iat": NOW,
        "sub": format!("{number:08x}-6f0a-4a61-9d7c-2f6c1c0d8f3e"),
        "jti": format!("{number:064x}"),
        "tenant": format!("tenant-{}", number % 10_000), "plan": "professional",
        "scope": "openid profile orders.read orders.write invoices.read",
        "groups": ["/staff", format!("/departments/{}", number % 100)],
        "department": format!("department {}", number % 100),
        "name": "Ann Example", "email": "ann@example.com", "picture": "x".repeat(250),
        "extra": extra,
    });
    let message = format!("{}.{}", encode(header), encode(claims.to_string()));
    format!("{message}.{}", encode([1; 64]))
}

fn gate() -> Gate {
    let mut acme = issuer(&[&Signer::new("ES256").jwk]);
    acme["claims"] = json!({
        "tenant": "tenant", "tier": "plan", "groups": "groups", "keep": ["department", "extra"],
    });
    let mut gate = Gate::new(json!({"jwt": {"acme": acme}}), any_of(&["jwt.acme"]));
    gate.host = MemoryHost { verify: Some(|_| true), ..MemoryHost::default() };
    gate
}

#[test]
fn a_hundred_thousand_callers_fit_into_30_megabytes() {
    let mut gate = gate();
    assert!((900..1_200).contains(&token(0, "").len()), "{}", token(0, "").len());
    let before = BYTES.get();
    for number in 0..CALLERS {
        assert!(gate.token(&token(number, "")).starts_with("jwt.acme"));
    }
    let taken = BYTES.get().wrapping_sub(before);
    assert!(taken < 30_000_000, "{taken}");
    assert_eq!(gate.host.calls.verify_signature, CALLERS);
    // The first ones would be the first to be forgotten.
    for number in 0..100 {
        assert!(gate.token(&token(number, "")).starts_with("jwt.acme"));
    }
    assert_eq!(gate.host.calls.verify_signature, CALLERS, "all of them are remembered");
}

/// Whatever tokens say: then fewer are remembered.
#[test]
fn no_claims_take_more_memory_than_there_is() {
    let mut gate = gate();
    let before = BYTES.get();
    for number in 0..20_000 {
        let extra = format!("{number:04000}");
        assert!(gate.token(&token(number, &extra)).starts_with("jwt.acme"));
    }
    let taken = BYTES.get().wrapping_sub(before);
    assert!(taken < 30_000_000, "{taken}");
    gate.host.calls.verify_signature = 0;
    assert!(gate.token(&token(19_999, &format!("{:04000}", 19_999))).starts_with("jwt.acme"));
    assert_eq!(gate.host.calls.verify_signature, 0, "the last one is remembered");
}

//! What one request allocates, once its contract and its caller are known:
//! each allocation costs about as much as a stage of the pipeline.
#![allow(unsafe_code, reason = "an allocator that counts cannot be written without")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::{Gate, request, show};

struct Counting;

thread_local! {
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

// SAFETY: as `System`, to which every call is passed on.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get().saturating_add(1));
        // SAFETY: what the caller guarantees.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: what the caller guarantees.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Of a second request like a first one, without what the test itself needs.
fn allocations(path: &str, headers: &[(&str, &str)]) -> u32 {
    let mut gate = Gate::new();
    assert_eq!(show(&gate.get(path, headers)), "200");
    let sent = request("GET", path, headers);
    let start = COUNT.get();
    let verdict = gate.judge(&sent);
    let count = COUNT.get().saturating_sub(start);
    assert_eq!(show(&verdict), "200");
    count
}

#[test]
fn a_request_allocates_little() {
    let usual = [("accept", "*/*"), ("user-agent", "x"), ("x-forwarded-for", "192.0.2.7")];
    let known = [&[("x-api-key", "globex-key")], &usual[..]].concat();
    let limited = [&[("x-api-key", "acme-key")], &usual[..]].concat();
    for (path, headers, most) in [
        // What the host says about the route.
        ("/public/x", &usual[..], 1),
        // And the list of edits.
        ("/keyed", &known, 2),
        // And the counts of the tier, and what is told of them.
        ("/keyed", &limited, 14),
        // And a value with a path parameter.
        ("/orders/7", &limited, 17),
    ] {
        let count = allocations(path, headers);
        assert!(count <= most, "{path}: {count} are more than {most}");
    }
}

//! Which header names belong to the gateway and its proxies.

use proptest::prelude::*;
use tollgate_core::{is_envoys_own, is_of_shards, is_reserved};

#[test]
fn reserved_names_are_known_in_every_spelling() {
    for name in [
        "x-tollgate-tenant",
        "X-Tollgate-Tenant",
        "x_tollgate_tenant",
        "x.tollgate.tenant",
        "X_Tollgate.TENANT",
        "x-tollgate-",
        "x-tollgate-anything-else",
        "x-envoy-original-path",
        "x_envoy.internal",
        "x-forwarded-for",
        "x.forwarded.for",
        "x-forwarded-client-cert",
        "X_FORWARDED_CLIENT_CERT",
        "x-forwarded-host",
        "x-real-ip",
        "x_real.IP",
        "forwarded",
        "Forwarded",
        "x-request-id",
        "x_request_id",
    ] {
        assert!(is_reserved(name.as_bytes()), "{name}");
    }
}

#[test]
fn other_names_are_free() {
    for name in [
        "",
        "x",
        "x-tollgate",
        "xtollgate-tenant",
        "x-tollgates-tenant",
        "tollgate-tenant",
        "x-real-ip-2",
        "x-real",
        "x-request-ids",
        "forwarded-for",
        "from",
        "accept",
        "x-order-id",
        "x-forwarded",
        ":path",
        "via",
    ] {
        assert!(!is_reserved(name.as_bytes()), "{name}");
    }
}

#[test]
fn envoys_own_are_known_by_their_exact_spelling_only() {
    for (name, own) in [
        ("x-forwarded-for", true),
        ("x-forwarded-proto", true),
        ("x-request-id", true),
        ("x-tollgate-shard-host", false),
        ("x_forwarded_for", false),
        ("X-Request-Id", false),
        ("x-forwarded-host", false),
        ("x-envoy-internal", false),
    ] {
        assert_eq!(is_envoys_own(name.as_bytes()), own, "{name}");
    }
    for (name, of_shards) in [
        ("x-tollgate-shard-host", true),
        ("x-tollgate-shard-path", true),
        ("x-tollgate-shard", false),
        ("x-tollgate-shard-hosts", false),
        ("X-Tollgate-Shard-Host", false),
        ("x_tollgate_shard_path", false),
        ("x-request-id", false),
    ] {
        assert_eq!(is_of_shards(name.as_bytes()), of_shards, "{name}");
    }
}

proptest! {
    /// The spelling never matters.
    #[test]
    fn names_that_fold_to_one_are_one(
        name in prop::sample::select(vec!["x-tollgate-tenant", "x-real-ip", "x-tollgat-e", "x-foo"]),
        spelling in prop::collection::vec((any::<bool>(), 0..3_usize), 20),
    ) {
        let spelled: Vec<u8> = name.bytes().zip(spelling).map(|(byte, (upper, separator))| match byte {
            b'-' => b"-_."[separator],
            _ if upper => byte.to_ascii_uppercase(),
            _ => byte,
        }).collect();
        prop_assert_eq!(is_reserved(&spelled), is_reserved(name.as_bytes()));
    }

    #[test]
    fn no_bytes_cause_a_panic(name in prop::collection::vec(any::<u8>(), 0..40)) {
        is_reserved(&name);
    }
}

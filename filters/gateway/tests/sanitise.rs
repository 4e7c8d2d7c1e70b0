//! What callers say and only proxies may say.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Gate, after, config, contract, edits, show};
use tollgate_core::{Filter as _, Headers, RequestHead, Timestamp};

const CALLER: (&str, &str) = ("x-api-key", "globex-key");

/// Every way of writing a name that a backend could fold to it.
fn spellings(name: &str) -> Vec<String> {
    let mut all = vec![name.to_ascii_uppercase()];
    for separator in ["-", "_", "."] {
        let spelled = name.replace('-', separator);
        all.extend([spelled.to_ascii_uppercase(), title(&spelled), spelled]);
    }
    all.push(name.replacen('-', "_", 1));
    all
}

fn title(name: &str) -> String {
    let mut upper = true;
    let letters = name.chars().map(|letter| {
        let written = if upper { letter.to_ascii_uppercase() } else { letter };
        upper = !letter.is_alphanumeric();
        written
    });
    letters.collect()
}

#[test]
fn reserved_headers_are_the_gateways_on_every_route_in_every_spelling() {
    let names = [
        "x-tollgate-tenant",
        "x-tollgate-subject",
        "x-tollgate-scopes",
        "x-tollgate-tier",
        "x-tollgate-anything",
        "x-envoy-original-path",
        "x-envoy-internal",
        "x-forwarded-client-cert",
        "x-forwarded-host",
        "x-real-ip",
        "forwarded",
    ];
    let mut gate = Gate::new();
    for (path, caller) in [("/public", None), ("/keyed", Some(CALLER))] {
        for spelled in names.iter().flat_map(|name| spellings(name)) {
            let evil = (spelled.as_str(), "evil");
            let sent: Vec<_> = [evil, evil].into_iter().chain(caller).collect();
            let edits = edits(gate.get(path, &sent));
            let seen = after(&sent, &edits.request);
            assert!(!seen.iter().any(|(_, value)| value == "evil"), "{path} {spelled}: {seen:?}");
            let tenants: Vec<_> =
                seen.iter().filter(|(name, _)| name == "x-tollgate-tenant").collect();
            assert_eq!(tenants.len(), usize::from(caller.is_some()), "{path} {spelled}");
        }
    }
}

#[test]
fn what_envoy_wrote_itself_stays_in_its_exact_spelling() {
    let mut gate = Gate::new();
    for name in ["x-forwarded-for", "x-forwarded-proto", "x-request-id"] {
        for spelled in spellings(name) {
            let sent = [(spelled.as_str(), "value")];
            let edits = edits(gate.get("/public", &sent));
            let stays = after(&sent, &edits.request).len() == 1;
            assert_eq!(stays, spelled == name, "{spelled}");
        }
    }
}

/// Routes that a control plane made take them out again.
#[test]
fn headers_of_shards_stay_where_envoy_finds_routes_by_them_and_nowhere_else() {
    for shards in [false, true] {
        let mut config = config();
        config["shards"] = shards.into();
        let mut gate = Gate::of(&config, &contract());
        for name in ["x-tollgate-shard-host", "x-tollgate-shard-path"] {
            for spelled in spellings(name) {
                let sent = [(spelled.as_str(), "value")];
                let edits = edits(gate.get("/public", &sent));
                let stays = after(&sent, &edits.request).len() == 1;
                assert_eq!(stays, shards && spelled == name, "{spelled} {shards}");
            }
        }
    }
}

#[test]
fn other_headers_are_left_alone() {
    let sent = [
        ("accept", "*/*"),
        ("user-agent", "x"),
        ("x-tollgat", "x"),
        ("cookie", "a=b"),
        ("x-real-ips", "1"),
    ];
    let edits = edits(Gate::new().get("/public", &sent));
    assert_eq!(edits.request, []);
}

#[test]
fn of_x_forwarded_for_only_the_hops_that_are_ours_stay() {
    for (hops, sent, seen) in [
        (0, &["192.0.2.7"][..], &["192.0.2.7"][..]),
        (0, &["1.1.1.1, 192.0.2.7"], &["192.0.2.7"]),
        (0, &["1.1.1.1", "192.0.2.7"], &["192.0.2.7"]),
        (0, &["1.1.1.1,2.2.2.2,,192.0.2.7 "], &["192.0.2.7"]),
        (0, &["\"a,b\", 192.0.2.7"], &["192.0.2.7"]),
        (0, &[""], &[""]),
        (1, &["1.1.1.1, 2.2.2.2, 192.0.2.7"], &["2.2.2.2, 192.0.2.7"]),
        (1, &["1.1.1.1", "2.2.2.2, 192.0.2.7"], &["2.2.2.2, 192.0.2.7"]),
        (1, &["2.2.2.2, 192.0.2.7"], &["2.2.2.2, 192.0.2.7"]),
        (2, &["192.0.2.7"], &["192.0.2.7"]),
        (u32::MAX, &["1.1.1.1, 2.2.2.2"], &["1.1.1.1, 2.2.2.2"]),
    ] {
        let mut config = config();
        config["trusted_hops"] = hops.into();
        let headers: Vec<_> = sent.iter().map(|value| ("x-forwarded-for", *value)).collect();
        let edits = edits(Gate::of(&config, &contract()).get("/public", &headers));
        let left: Vec<_> =
            after(&headers, &edits.request).into_iter().map(|(_, value)| value).collect();
        assert_eq!(left, seen, "{hops} hops, {sent:?}");
    }
}

/// What Envoy writes about the caller's address stays where it says what our own
/// entry of `X-Forwarded-For` says; a caller's word for it never does.
#[test]
fn the_callers_address_stays_if_envoy_wrote_it() {
    const CALLER: &str = "x-envoy-external-address";
    for (hops, forwarded, caller, stays) in [
        (0, &["192.0.2.7"][..], "192.0.2.7", true),
        (0, &["1.1.1.1, 192.0.2.7"], "192.0.2.7", true),
        (0, &["1.1.1.1, 192.0.2.7"], "1.1.1.1", false),
        (1, &["1.1.1.1, 192.0.2.7"], "1.1.1.1", true),
        (1, &["1.1.1.1, 192.0.2.7"], "192.0.2.7", false),
        (1, &["192.0.2.7"], "192.0.2.7", false),
        (0, &["1.1.1.1", "192.0.2.7"], "192.0.2.7", false),
        (0, &[], "192.0.2.7", false),
        (0, &[""], "", true),
        (u32::MAX, &["192.0.2.7"], "192.0.2.7", false),
    ] {
        let mut config = config();
        config["trusted_hops"] = hops.into();
        let forwarded = forwarded.iter().map(|value| ("x-forwarded-for", *value));
        let headers: Vec<_> = forwarded.chain([(CALLER, caller)]).collect();
        let edits = edits(Gate::of(&config, &contract()).get("/public", &headers));
        let left = after(&headers, &edits.request).iter().any(|(name, _)| name == CALLER);
        assert_eq!(left, stays, "{hops} hops, {headers:?}");
    }
}

/// Bytes that are not UTF-8, in everything that is read: refused or passed
/// over, and never a panic.
#[test]
fn bytes_that_are_not_text_cause_nothing() {
    let mut gate = Gate::new();
    for byte in 0x80..=0xff_u8 {
        for value in [vec![byte], [b"a", &[byte][..], b"b"].concat(), vec![byte; 300]] {
            for (path, header, expected) in [
                ("/keyed", "x-api-key", "401"),
                ("/orders/7", "authorization", "401"),
                ("/v?q", "x-version", "404"),
                ("/public", "x-forwarded-for", "200"),
                ("/public", "x-tollgate-tenant", "200"),
                ("/public", "x-request-id", "200"),
                ("/public", "accept", "200"),
                ("/keyed", "cookie", "401"),
            ] {
                let start = [(":method", &b"GET"[..]), (":path", path.as_bytes())];
                let verdict = gate.send(&[start[0], start[1], (header, &value)]);
                assert!(
                    show(&verdict).starts_with(expected),
                    "{header}: {value:?}: {}",
                    show(&verdict)
                );
            }
            let bearer = [&b"Bearer "[..], &value].concat();
            let refused =
                gate.send(&[(":method", b"GET"), (":path", b"/token"), ("authorization", &bearer)]);
            assert!(show(&refused).starts_with("401"), "{}", show(&refused));
            let path = [&b"/public/"[..], &value].concat();
            let refused = gate.send(&[(":method", b"GET"), (":path", &path)]);
            assert_eq!(show(&refused), "400 ambiguous-path");
            let odd = gate.send(&[(":method", &value), (":path", b"/keyed")]);
            assert!(show(&odd).starts_with("405"), "{}", show(&odd));
        }
    }
}

#[test]
fn a_reserved_name_that_is_not_text_is_refused() {
    let name = b"x-tollgate-\xff";
    let pairs = [(&b":method"[..], &b"GET"[..]), (b":path", b"/public"), (name, b"evil")];
    let headers: Headers = pairs.into_iter().collect();
    let Gate { mut gateway, mut host } = Gate::new();
    let verdict =
        gateway.on_request(&RequestHead { headers: &headers }, &mut host.at(Timestamp::EPOCH));
    assert_eq!(show(&verdict), "400 ambiguous-request");
}

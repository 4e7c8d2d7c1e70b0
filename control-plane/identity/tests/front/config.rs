//! Every way to get a source wrong, word for word.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tollgate_identity::{
    Front, FrontSpec, IntrospectionService, InvalidRedis, InvalidService, Redis, RedisSpec, Secret,
    SourceSpec, SystemClock,
};

fn good() -> SourceSpec {
    SourceSpec::new("https://id.example.com/introspect", "gateway", Secret::new("canary"))
}

fn faults(name: &str, spec: SourceSpec) -> Vec<String> {
    let spec = FrontSpec::new(BTreeMap::from([(name.to_owned(), spec)]));
    match Front::compile(spec, None, Arc::new(SystemClock)) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_fault_names_its_place_and_the_remedy() {
    let millis = Duration::from_millis;
    assert_eq!(faults("acme", good()), Vec::<String>::new());
    for (spec, expected) in [
        (
            SourceSpec { url: "ftp://id.example.com".to_owned(), ..good() },
            "acme.url: \"ftp://id.example.com\" is not an address; write https://, a host and a \
             path",
        ),
        (
            SourceSpec { url: "http://id.example.com/".to_owned(), ..good() },
            "acme.url: \"http://id.example.com/\" would send tokens without encryption; write \
             https://, or a loopback address",
        ),
        (
            SourceSpec { client_id: String::new(), ..good() },
            "acme.client_id: is empty; write the one the provider has given you",
        ),
        (
            SourceSpec { client_secret: Secret::new(""), ..good() },
            "acme.client_secret: is empty; write the one the provider has given you",
        ),
        (
            SourceSpec { ttl: millis(3_600_001), ..good() },
            "acme.ttl: 3600.001s is not between 0ns and 3600s",
        ),
        (
            SourceSpec { negative_ttl: millis(300_001), ..good() },
            "acme.negative_ttl: 300.001s is not between 0ns and 300s",
        ),
        (
            SourceSpec { timeout: millis(9), ..good() },
            "acme.timeout: 9ms is not between 10ms and 30s",
        ),
        (
            SourceSpec { timeout: millis(30_001), ..good() },
            "acme.timeout: 30.001s is not between 10ms and 30s",
        ),
        (
            SourceSpec { calls_per_second: 0, ..good() },
            "acme.calls_per_second: 0 is not between 1 and 100000",
        ),
        (
            SourceSpec { calls_per_second: 100_001, ..good() },
            "acme.calls_per_second: 100001 is not between 1 and 100000",
        ),
        (
            SourceSpec { calls_in_flight: 1_025, ..good() },
            "acme.calls_in_flight: 1025 is not between 1 and 1024",
        ),
        (
            SourceSpec { ca: Some(b"no certificate".to_vec()), ..good() },
            "acme.ca: holds no certificate, or a broken one; write PEM",
        ),
    ] {
        assert_eq!(faults("acme", spec), [expected]);
    }
    for name in ["", "a/b", "ä", &"a".repeat(65)] {
        let expected = format!("{name}: a name is 1 to 64 letters, digits, `-` and `_`");
        assert_eq!(faults(name, good()), [expected]);
    }
}

#[test]
fn what_lies_at_a_bound_is_within_it() {
    let spec = SourceSpec {
        ttl: Duration::from_hours(1),
        negative_ttl: Duration::from_mins(5),
        timeout: Duration::from_millis(10),
        calls_per_second: 1,
        calls_in_flight: 1,
        ..good()
    };
    assert_eq!(faults(&"a".repeat(64), spec), Vec::<String>::new());
    let spec = SourceSpec {
        ttl: Duration::ZERO,
        negative_ttl: Duration::ZERO,
        timeout: Duration::from_secs(30),
        calls_per_second: 100_000,
        calls_in_flight: 1_024,
        ..good()
    };
    assert_eq!(faults("a-b_C9", spec), Vec::<String>::new());
}

#[test]
fn all_faults_of_all_sources_are_told_at_once() {
    let bad = SourceSpec { client_id: String::new(), calls_in_flight: 0, ..good() };
    let sources = BTreeMap::from([("a".to_owned(), bad.clone()), ("b".to_owned(), bad)]);
    let faults =
        Front::compile(FrontSpec::new(sources), None, Arc::new(SystemClock)).err().unwrap();
    assert_eq!(faults.len(), 4, "{faults:?}");
}

#[test]
fn a_shared_cache_needs_an_address_and_a_secret() {
    let compile = |url: &str, ca: Option<&str>, secret: &str| {
        let ca = ca.map(|ca| ca.as_bytes().to_vec());
        let spec = RedisSpec { url: Secret::new(url), ca, secret: Secret::new(secret) };
        Redis::compile(spec, Arc::new(SystemClock)).map(drop)
    };
    let secret = "s".repeat(32);
    assert_eq!(compile("redis://127.0.0.1:1", None, &secret), Ok(()));
    assert_eq!(compile("rediss://user:password@cache.example.com/3", None, &secret), Ok(()));
    for (url, ca, secret, fault, text) in [
        (
            "http://127.0.0.1:1",
            None,
            secret.as_str(),
            InvalidRedis::Url,
            "url: is no address of a Redis; write redis://HOST:PORT, or rediss:// for TLS",
        ),
        (
            "redis://127.0.0.1:1",
            None,
            &secret[1..],
            InvalidRedis::Secret(31),
            "secret: 31 bytes are too few to derive keys from; use at least 32 random ones",
        ),
        (
            "rediss://127.0.0.1:1",
            Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"),
            &secret,
            InvalidRedis::Ca,
            "ca: holds no certificate; write the path of a PEM file",
        ),
        (
            "rediss://127.0.0.1:1",
            Some("no certificate at all"),
            &secret,
            InvalidRedis::Ca,
            "ca: holds no certificate; write the path of a PEM file",
        ),
    ] {
        assert_eq!(compile(url, ca, secret), Err(fault));
        assert_eq!(fault.to_string(), text);
    }
}

#[test]
fn callers_need_a_secret_that_cannot_be_tried_out() {
    let front = || {
        let spec = FrontSpec::new(BTreeMap::new());
        Arc::new(Front::compile(spec, None, Arc::new(SystemClock)).unwrap())
    };
    for (secret, fault, text) in [
        (
            "fifteen-bytes--",
            InvalidService::Secret(15),
            "secret: 15 bytes are too few; use at least 16 random ones",
        ),
        (
            "sixteen bytes -- ",
            InvalidService::Characters,
            "secret: cannot stand in a header; use visible ASCII characters",
        ),
    ] {
        let service = IntrospectionService::new(front(), &Secret::new(secret));
        assert_eq!(service.err(), Some(fault));
        assert_eq!(fault.to_string(), text);
    }
    assert!(IntrospectionService::new(front(), &Secret::new("sixteen-bytes---")).is_ok());
}

#[test]
fn secrets_are_not_printed() {
    let shown = format!("{:?}", FrontSpec::new(BTreeMap::from([("acme".to_owned(), good())])));
    assert!(shown.contains("https://id.example.com") && !shown.contains("canary"), "{shown}");
    let spec = RedisSpec {
        url: Secret::new("redis://:canary@127.0.0.1:1"),
        ca: None,
        secret: Secret::new("canary".repeat(6)),
    };
    let shown = format!("{spec:?} {:?}", Redis::compile(spec.clone(), Arc::new(SystemClock)));
    assert!(shown.contains("is_connected") && !shown.contains("canary"), "{shown}");
}

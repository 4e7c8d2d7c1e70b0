//! What a good file becomes.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::Duration;

use tollgate_model::{Gateway, Loaded, Protocol, Reference, Source, key_set, read};

const QUICKSTART: &str = include_str!("../../../examples/quickstart/tollgate.yaml");

fn compile(files: &[(&str, &str)], loaded: &Loaded) -> Gateway {
    let source =
        |&(name, text): &(&str, &str)| Source { name: name.to_owned(), bytes: text.into() };
    let sources: Vec<Source> = files.iter().map(source).collect();
    read(&sources).unwrap().compile(loaded).unwrap()
}

fn with_routes(routes: &str) -> Gateway {
    let text = format!(
        "listeners: {{ a: {{ address: 127.0.0.1:80 }} }}\n\
         backends: {{ b: {{ endpoints: [a:1] }}, c: {{ endpoints: [a:1] }} }}\n\
         apis:\n  one:\n    hosts: [\"*\", A.example]\n    routes:\n{routes}"
    );
    compile(&[("t.yaml", &text)], &Loaded::default())
}

#[test]
fn the_quickstart_is_whole() {
    let gateway = compile(&[("t.yaml", QUICKSTART)], &Loaded::default());
    let listener = &gateway.listeners["public"];
    assert_eq!(listener.address, "127.0.0.1:8080".parse().unwrap());
    let backend = &gateway.backends["demo"];
    assert_eq!((backend.timeout, backend.protocol), (Duration::from_secs(5), Protocol::Http1));
    assert_eq!(
        (backend.endpoints[0].host.as_str(), backend.endpoints[0].port),
        ("127.0.0.1", 9000)
    );
    assert!(gateway.identity.jwt["demo"].jwks.is_some());
    assert_eq!(gateway.identity.jwt["demo"].clock_skew_seconds, 30);
    assert_eq!(gateway.identity.tenants["acme"].tier.as_deref(), Some("pro"));
    assert_eq!(gateway.tiers["trial"].limits[0].requests, 3);
    assert_eq!(gateway.hosts.keys().collect::<Vec<_>>(), ["*"]);
    assert_eq!(gateway.places["backends.demo"].to_string(), "t.yaml:49");
    assert_eq!(gateway.warnings, []);
}

#[test]
fn routes_and_operations_stand_in_the_order_in_which_they_are_tried() {
    let gateway = with_routes(
        "      z: { match: { prefix: / }, backend: b, auth: none }\n      \
               y: { match: { path: \"/{a}\" }, backend: c, auth: none }\n      \
               x: { match: { path: /a }, backend: b, auth: none }\n      \
               w: { match: { regex: /b+, priority: 1 }, backend: c, auth: none }\n",
    );
    let operations = &gateway.contracts["one"].operations;
    let names: Vec<_> =
        operations.iter().map(|one| (one.name.as_str(), one.group.as_str())).collect();
    assert_eq!(names, [("w", "c"), ("x", "b"), ("y", "c"), ("z", "b")]);
    for host in ["*", "a.example"] {
        let routes = gateway.hosts[host].iter();
        let routes: Vec<_> = routes.map(|one| (one.route.as_str(), one.group.as_str())).collect();
        assert_eq!(routes, names, "host: {host}");
    }
}

#[test]
fn files_are_one_gateway() {
    let (apis, rest) =
        QUICKSTART.split_once("apis:").map(|(rest, apis)| (format!("apis:{apis}"), rest)).unwrap();
    let together = compile(&[("t.yaml", QUICKSTART)], &Loaded::default());
    let apart = compile(&[("a.yaml", &apis), ("b.yaml", rest)], &Loaded::default());
    assert_eq!((together.hosts, together.contracts), (apart.hosts, apart.contracts));
    assert_eq!(together.identity, apart.identity);
    assert_eq!(apart.places["apis.orders"].file, "a.yaml");
    assert_eq!(apart.places["backends.demo"].file, "b.yaml");
}

#[test]
fn aliases_repeat_a_value() {
    let gateway = with_routes(
        "      x: { match: { path: /a }, backend: b, auth: none, limits: &l [{ by: [ip], requests: 1, per: hour }] }\n      \
               y: { match: { path: /b }, backend: b, auth: none, limits: *l }\n",
    );
    let [x, y] = gateway.contracts["one"].operations.as_slice() else { panic!("two operations") };
    assert_eq!((x.limits.len(), &x.limits), (1, &y.limits));
}

#[test]
fn what_has_to_be_loaded_is_named_once_beside_the_file() {
    let identity = "identity:\n  jwt:\n    a: { issuer: a, audiences: [x], jwks: { file: keys/a.json } }\n    \
                    b: { issuer: b, audiences: [x], jwks: { file: keys/a.json } }\n    \
                    c: { issuer: c, audiences: [x], jwks: { url: https://c.example/keys } }\n    \
                    d: { issuer: d, audiences: [x], jwks: { url: nonsense } }\n";
    let source = Source { name: "conf/t.yaml".to_owned(), bytes: identity.into() };
    let expected = [
        Reference::File("conf/keys/a.json".to_owned()),
        Reference::Url("https://c.example/keys".to_owned()),
    ];
    assert_eq!(read(&[source]).unwrap().references(), expected);
}

#[test]
fn fetched_keys_are_taken_if_they_are_good_and_told_if_they_are_not() {
    let text = "listeners: { a: { address: 127.0.0.1:80 } }\n\
                identity: { jwt: { acme: { issuer: a, audiences: [x], jwks: { url: \"https://a/b\" } } } }\n\
                backends: { b: { endpoints: [a:1] } }\n\
                apis: { c: { hosts: [\"*\"], routes: { d: { match: { path: / }, backend: b, auth: none } } } }";
    let good = r#"{"keys": [{"kty": "EC", "crv": "P-256", "x": "_mGMp0rVGyCVKzaPHNsYMdTn3Pz6c_r_w1fVoNJTdWo", "y": "KZWc_N7jD26bVvGxmiOtrZ4TLL2VqJm80Ez7zvtjILc"}]}"#;
    for (answer, has_keys, warnings) in [
        (Ok(good), true, vec![]),
        (Err("timed out"), false, vec![]),
        (
            Ok("<html>"),
            false,
            vec![
                "t.yaml:2: identity.jwt.acme.jwks.url: \"https://a/b\" answered no key set: not JSON: expected value at line 1 column 1; tokens of this issuer are answered 503",
            ],
        ),
        (
            Ok(r#"{"keys": [5]}"#),
            false,
            vec![
                "t.yaml:2: identity.jwt.acme.jwks.url: in \"https://a/b\", keys[0]: is not an object; give a key as RFC 7517 writes it",
            ],
        ),
    ] {
        let bytes = answer.map(|text| text.as_bytes().to_vec()).map_err(str::to_owned);
        let loaded = Loaded([(Reference::Url("https://a/b".to_owned()), bytes)].into());
        let gateway = compile(&[("t.yaml", text)], &loaded);
        assert_eq!(gateway.identity.jwt["acme"].jwks.is_some(), has_keys, "answer: {answer:?}");
        let told: Vec<String> = gateway.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(told, warnings);
    }
}

#[test]
fn a_key_set_is_an_object_with_keys() {
    for (bytes, expected) in [
        (r#"{"keys": [{}]}"#, None),
        (r#"{"keys": []}"#, Some("`keys` is empty")),
        (r#"{"key": [{}]}"#, Some("there is no list `keys` in it")),
        ("[]", Some("there is no list `keys` in it")),
        ("", Some("not JSON: EOF while parsing a value at line 1 column 0")),
    ] {
        assert_eq!(key_set(bytes.as_bytes()).err().as_deref(), expected, "bytes: {bytes}");
    }
}

/// Whatever is printed of a gateway or of what was loaded for it.
#[test]
fn secrets_are_not_printed() {
    let file = "listeners: { a: { address: 127.0.0.1:80 } }
identity: { introspection: { acme: { url: https://a/b, client_id: c, client_secret: { env: S } } } }
backends: { b: { endpoints: [a:1] } }
apis: { c: { hosts: [\"*\"], routes: { d: { match: { path: / }, backend: b, auth: none } } } }
";
    let source = Source { name: "t.yaml".to_owned(), bytes: file.as_bytes().to_vec() };
    let draft = read(&[source]).unwrap();
    assert_eq!(draft.references(), [Reference::Env("S".to_owned())]);
    let loaded = Loaded([(Reference::Env("S".to_owned()), Ok(b"canary".to_vec()))].into());
    let gateway = draft.compile(&loaded).unwrap();
    let secret = gateway.introspection["acme"].client_secret.as_ref().unwrap();
    assert_eq!(secret.expose(), "canary");
    for shown in [format!("{gateway:?}"), format!("{loaded:?}"), format!("{:?}", gateway.identity)]
    {
        assert!(!shown.contains("canary") && !shown.contains("99, 97, 110"), "{shown}");
    }
}

//! A gateway whose routes come in pieces routes as one whose routes do not.

use tollgate_e2e::{ACME, Gateway};

/// Every kind of host and of first segment; the answer says which route it was.
const ROUTES: &str = r#"
listeners:
  public: { address: "127.0.0.1:$PORT" }
identity:
  api_key: { from: [{ header: x-api-key }] }
tenants:
  acme:
    keys:
      acme-1:
        sha256: 7409637de8bc10897579a6ccc553ae3a0765d39ac5feef3c409078f2445eb4e9
        scopes: [orders.read]
backends:
  echo: { endpoints: ["127.0.0.1:$BACKEND"] }
  other: { endpoints: ["127.0.0.1:$BACKEND"], timeout: 9s }
apis:
  orders:
    hosts: [api.example.com]
    routes:
      list: { match: { path: /orders, methods: [GET] }, backend: echo, auth: none, response: { headers: { set: { x-route: list } } } }
      one: { match: { path: "/orders/{id}" }, backend: echo, auth: { any_of: [api_key] }, response: { headers: { set: { x-route: one } } } }
  items:
    hosts: [api.example.com]
    routes:
      items: { match: { prefix: /items }, backend: other, auth: none, response: { headers: { set: { x-route: items } } } }
      root: { match: { path: / }, backend: echo, auth: none, response: { headers: { set: { x-route: root } } } }
  any:
    hosts: [api.example.com]
    routes:
      tenant: { match: { path: "/{tenant}/file" }, backend: other, auth: none, response: { headers: { set: { x-route: tenant } } } }
      number: { match: { regex: "/[0-9]+" }, backend: echo, auth: none, response: { headers: { set: { x-route: number } } } }
      beta: { match: { prefix: /, headers: { x-beta: "1" }, priority: 1 }, backend: other, auth: none, response: { headers: { set: { x-route: beta } } } }
  below:
    hosts: ["*.example.com", "*.eu.example.com"]
    routes:
      orders: { match: { prefix: /orders }, backend: echo, auth: none, response: { headers: { set: { x-route: below } } } }
  eu:
    hosts: ["*.eu.example.com"]
    routes:
      rest: { match: { prefix: / }, backend: echo, auth: none, response: { headers: { set: { x-route: eu } } } }
  everywhere:
    hosts: ["*"]
    routes:
      health: { match: { path: /health }, backend: echo, auth: none, response: { headers: { set: { x-route: health } } } }
"#;

const HOSTS: &[&str] = &[
    "api.example.com",
    "api.example.com:8080",
    "API.Example.Com",
    "Api.example.com:80",
    "api.example.com.",
    "shop.example.com",
    "SHOP.example.com:99",
    "a.b.example.com",
    "shop.eu.example.com",
    "example.com",
    "example.org",
    "127.0.0.1:8080",
    "[::1]:8080",
    "*",
];

const PATHS: &[&str] = &[
    "/",
    "/?x=/orders",
    "/orders",
    "/orders/",
    "/orders?x=1",
    "/orders/7",
    "/Orders",
    "/ORDERS/7",
    "//orders",
    "/x/../orders",
    "/orders/../items/1",
    "/items",
    "/items/9/file",
    "/Items/9",
    "/orders/file",
    "/acme/file",
    "/ACME/file",
    "/acme/file?y",
    "/17",
    "/health",
    "/health/",
    "/nothing",
    "/*",
    "/*/file",
    "/ord%65rs",
    "/a%3ab/file",
    "/.tollgate/limits",
    "/.TOLLGATE/limits",
];

fn config(shards: &str) -> String {
    format!("routing: {{ shards: {shards} }}\n{ROUTES}")
}

/// What a caller is told, and what the backend was.
async fn told(gateway: &Gateway, host: &str, path: &str, lines: &str) -> String {
    let answer = gateway.get_raw(host.as_bytes(), path.as_bytes(), lines.as_bytes()).await.unwrap();
    let seen = if answer.status == 200 { gateway.upstream.seen().pop() } else { None };
    let seen = seen.filter(|_| answer.header("x-route").is_some());
    let seen = seen.map(|seen| format!("{} {} {:?}", seen.method, seen.path, names(&seen.headers)));
    let problem = if answer.status == 200 {
        String::new()
    } else {
        format!("{:?}", answer.json().get("type"))
    };
    format!("{} {problem} {:?} {seen:?}", answer.status, answer.header("x-route"))
}

fn names(headers: &[(String, String)]) -> Vec<&str> {
    let mut names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_route_as_the_whole_does() {
    let whole = Gateway::start(&config("never")).await.unwrap();
    let pieces = Gateway::start(&config("always")).await.unwrap();
    let key = format!("x-api-key: {ACME}\r\n");
    // Callers cannot choose a piece.
    let forged = "x-tollgate-shard-host: api.example.com\r\nx-tollgate-shard-path: /orders\r\n";
    let mut answered = 0_u32;
    for host in HOSTS {
        for path in PATHS {
            for lines in ["", &key, forged, "x-beta: 1\r\n"] {
                let expected = told(&whole, host, path, lines).await;
                let found = told(&pieces, host, path, lines).await;
                assert_eq!(found, expected, "{host}{path} {lines:?}");
                assert!(!found.contains("shard"), "{host}{path} {lines:?}: {found}");
                answered = answered.saturating_add(u32::from(found.starts_with("200")));
            }
        }
    }
    assert!(300 < answered, "only {answered} were served");
    let dump = pieces.envoy.config_dump().await.unwrap().to_string();
    for piece in ["api.example.com/orders", "api.example.com/*", "*.eu.example.com/*", "*/health"] {
        assert!(dump.contains(&format!("{piece:?}")), "there is no piece {piece}");
    }
    pieces.never_trapped().await.unwrap();
}

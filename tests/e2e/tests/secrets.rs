//! Secrets that are shown, rightly or wrongly, are written down nowhere: not in
//! a log, not in a statistic, not in what administrators see of Envoy.

#![expect(
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tollgate_e2e::{ACME, Gateway, HOST, config, signed};
use tollgate_support::{
    Built, Call, Key, OidcProvider, Protocol, TokenRequest, eventually, now_seconds,
};

/// Secrets of ours, that the gateway is told.
const OURS: [(&str, &str); 3] = [
    ("identity", "canary-of-identity-0123456789abcdef"),
    ("hmac", "canary-of-hmac-0123456789abcdef-0123"),
    ("cache", "canary-of-cache-0123456789abcdef-012"),
];

struct World {
    gateway: Gateway,
    provider: OidcProvider,
    key: Key,
    store_key: String,
    folder: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let (provider, key) =
            (OidcProvider::start().await.unwrap(), Key::new("ES256", "k1").unwrap());
        let folder = tempfile::tempdir().unwrap();
        for (name, secret) in OURS.into_iter().chain([("client", OidcProvider::CLIENT_SECRET)]) {
            std::fs::write(folder.path().join(name), secret).unwrap();
        }
        let store = format!("sqlite:{}", folder.path().join("tollgate.db").display());
        tollgate(&["tenants", "create", "initech", "--store", &store]);
        let create = ["keys", "create", "--tenant", "initech", "--id", "i-1", "--store", &store];
        let store_key = tollgate(&create).trim().to_owned();
        let file = |name: &str| format!("file:{}", folder.path().join(name).display());
        let (identity, cache) = (file("identity"), file("cache"));
        let arguments = [
            ["--store", &store],
            ["--identity-secret", &identity],
            // Nothing listens there.
            ["--cache", "redis://:canary-of-redis@127.0.0.1:1"],
            ["--cache-secret", &cache],
        ];
        let config = everything(&provider, &key, folder.path());
        let gateway = Gateway::with_arguments(&config, arguments.as_flattened()).await.unwrap();
        // As much as anybody lets it log who runs it.
        let level = Call::new("POST", "localhost", "/logging?level=info");
        assert_eq!(level.send(gateway.envoy.admin()).await.unwrap().status, 200);
        Self { gateway, provider, key, store_key, folder }
    }

    /// Whatever has been written down so far, and where.
    async fn written(&mut self) -> Vec<(&'static str, String)> {
        let envoy = &mut self.gateway.envoy;
        let logs = [envoy.process().stdout(), envoy.process().stderr()];
        let [access_log, log] = logs;
        let mut written = vec![
            ("Envoy's access log", access_log),
            ("Envoy's log", log),
            ("the control plane's log", self.gateway.control_plane.log()),
            ("the model", self.gateway.control_plane.translated("model").unwrap()),
            ("the xDS resources", self.gateway.control_plane.translated("xds").unwrap()),
        ];
        for page in ["/stats", "/stats/prometheus", "/clusters", "/listeners", "/certs"] {
            written.push((page, self.gateway.envoy.page(page).await.unwrap()));
        }
        written.push((
            "/config_dump",
            self.gateway.envoy.page("/config_dump?include_eds").await.unwrap(),
        ));
        written
    }
}

fn everything(provider: &OidcProvider, key: &Key, folder: &Path) -> String {
    let file = |name: &str| format!("{{ file: \"{}\" }}", folder.join(name).display());
    let said = format!(
        "identity:\n  jwt:\n    idp:\n      issuer: https://id.example\n      audiences: [api]\n      \
         jwks: {{ inline: {} }}\n  introspection:\n    idp:\n      url: {}\n      client_id: {}\n      \
         client_secret: {}\n  hmac:\n    keys:\n      h-1: {{ tenant: acme, secret: {} }}\n",
        key.jwks(),
        provider.introspection_url(),
        OidcProvider::CLIENT_ID,
        file("client"),
        file("hmac"),
    );
    let routes = "
      keyed:
        match: { prefix: /orders }
        backend: echo
        auth: { any_of: [jwt.idp, introspection.idp, api_key, hmac] }
      open: { match: { path: /open }, backend: echo, auth: none }
      tried:
        match: { path: /tried }
        backend: echo
        auth: { any_of: [jwt.idp, introspection.idp, api_key, hmac] }
        shadow: [auth]
";
    let places = "    api_key: { from: [{ query: api_key }, { cookie: session }] }\n    routes:\n";
    config(routes).replace("identity:\n", &said).replace("    routes:\n", places)
}

fn tollgate(arguments: &[&str]) -> String {
    let output = Command::new(Built::find().unwrap().tollgate).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A secret in every place where one can be, right and wrong.
fn shown(secret: &str) -> Vec<Call> {
    let page = format!("https://shop.example/?api_key={secret}");
    let basic = STANDARD.encode(format!("user:{secret}"));
    let paths = ["/orders/7", "/open", "/tried", "/nowhere"];
    let at = |path: &str| {
        vec![
            Call::get(HOST, path).bearer(secret),
            Call::get(HOST, path).header("authorization", secret),
            Call::get(HOST, path).header("authorization", format!("Basic {basic}")),
            Call::get(HOST, path).header("x-api-key", secret),
            Call::get(HOST, path).header("x-api-key", secret).header("x-api-key", secret),
            Call::get(HOST, &format!("{path}?api_key={secret}&x=1")),
            Call::get(HOST, &format!("{path}?access_token={secret}")),
            Call::get(HOST, path).header("cookie", format!("a=b; session={secret}")),
            Call::get(HOST, path).header("referer", &page),
            Call::get(HOST, path).header("user-agent", "x").header("x-tollgate-tenant", secret),
            Call::new("POST", HOST, path).header("x-api-key", "wrong").body(secret.to_owned()),
        ]
    };
    paths.into_iter().flat_map(at).collect()
}

/// A text, and all that is base64 in it as well: a plugin's configuration, for one.
fn with_base64(text: &str) -> String {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
    let words = text.split(|c| !is_base64(c)).filter(|word| 24 <= word.len());
    let engines = [STANDARD_NO_PAD, URL_SAFE_NO_PAD];
    let decoded = words.flat_map(|word| {
        engines.iter().filter_map(|engine| engine.decode(word).ok()).collect::<Vec<_>>()
    });
    let decoded = decoded.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    decoded.fold(text.to_owned(), |all, more| all + "\n" + &more)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_caller_is_written_down() {
    let mut world = World::start().await;
    let store_key = world.store_key.clone();
    let opaque = world.provider.token(&TokenRequest::default()).await.unwrap();
    let claims = json!({"iss": "https://id.example", "aud": "api", "sub": "ann",
        "exp": now_seconds() + 600});
    let jwt = world.key.sign(&claims).unwrap();
    let stranger = Key::new("ES256", "k1").unwrap().sign(&claims).unwrap();
    let hmac = json!({"scheme": "hmac", "method": "POST", "body": "{}", "nonce": "n-1",
        "key_id": "h-1", "secret": OURS[1].1, "url": format!("http://{HOST}/orders/7?a=1")});
    let hmac = signed(&json!([hmac])).unwrap()[0].clone();
    let credential = hmac["headers"].to_string();
    let signature = credential.split("signature=\\\"").nth(1).unwrap().split('\\').next().unwrap();
    let secrets = [
        ("a key", ACME),
        ("a key of the store", &store_key),
        ("an unknown key", "tg_canary00000000000000000000000000000000000000000000"),
        ("an opaque token", &opaque),
        ("an invented token", "canary-token-0123456789"),
        ("a JWT", &jwt),
        ("a forged JWT", &stranger),
    ];
    let (mut sent, mut served) = (0_usize, 0_usize);
    for (_, secret) in &secrets {
        for call in shown(secret) {
            for protocol in [Protocol::Http1, Protocol::Http2] {
                let answer = call.send_over(protocol, world.gateway.address).await.unwrap();
                served += usize::from(answer.status == 200);
                sent += 1;
                let text = format!("{answer:?}");
                // The backend echoes what is no credential on its route.
                assert!(answer.status == 200 || !text.contains(secret), "{call:?}: {text}");
            }
        }
    }
    let call = hmac["headers"].as_array().unwrap().iter().fold(
        Call::new("POST", HOST, hmac["target"].as_str().unwrap()).body("{}"),
        |call, pair| call.header(pair[0].as_str().unwrap(), pair[1].as_str().unwrap()),
    );
    assert_eq!(world.gateway.send(&call).await.unwrap().status, 200);
    assert!(100 < served && served < sent, "{served} of {sent}");
    let lines = || world.gateway.envoy.access_log().len();
    eventually("the access log", Duration::from_secs(20), async || (sent <= lines()).then_some(()))
        .await
        .unwrap();
    for (place, text) in world.written().await {
        let text = with_base64(&text);
        for (what, secret) in secrets.into_iter().chain([("a signature", signature)]) {
            // Half of one is too much as well.
            let half = &secret[secret.len() / 2..];
            let found = text.find(half).map(|at| &text[at.saturating_sub(80)..at]);
            assert_eq!(found, None, "{what} is written down in {place}");
        }
        println!("{place}: {} bytes, no secret of a caller", text.len());
    }
}

/// What the gateway itself is told stays in its configuration. Of that Envoy shows
/// its administrator what the filters need, in `/config_dump` and nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_the_gateway_is_logged() {
    let mut world = World::start().await;
    for secret in OURS.map(|(_, secret)| secret) {
        for call in shown(secret) {
            world.gateway.send(&call).await.unwrap();
        }
    }
    let config = std::fs::read_to_string(world.gateway.control_plane.config_path()).unwrap();
    std::fs::write(world.folder.path().join("hmac"), "short").unwrap();
    world.gateway.control_plane.write(&format!("{config}\n# again\n")).unwrap();
    eventually("the short secret is told", Duration::from_secs(20), async || {
        world.gateway.control_plane.log().contains("hmac").then_some(())
    })
    .await
    .unwrap();
    std::fs::write(world.folder.path().join("hmac"), OURS[1].1).unwrap();
    let others =
        [("the cache's password", "canary-of-redis"), ("client", OidcProvider::CLIENT_SECRET)];
    for (place, text) in world.written().await {
        let text = with_base64(&text);
        for (what, secret) in OURS.into_iter().chain(others) {
            let is_there = text.contains(secret);
            let may_be = place == "/config_dump" && ["identity", "hmac"].contains(&what);
            assert!(!is_there || may_be, "the secret {what} stands in {place}");
        }
    }
    let _: Value = world.gateway.envoy.config_dump().await.unwrap();
}

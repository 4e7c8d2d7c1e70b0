//! Tokens for backends, as workers ask for them, and the keys that they are
//! verified with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tokio::sync::watch;
use tollgate_identity::{
    Front, FrontSpec, IntrospectionService, KeySetService, Mint, MintSpec, Secret,
};

use crate::clock::TestClock;

const SECRET: &str = "canary-canary-canary";

const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIDtdzQhd1cAjzPFNjeQtph8EGSViYlOUXCdUm2+0Fyne
-----END PRIVATE KEY-----
";

fn front(mint: Option<Mint>) -> Arc<Front> {
    let spec = FrontSpec::new(BTreeMap::new());
    let front = Front::compile(spec, None, Arc::new(TestClock::new())).unwrap();
    Arc::new(front.minting(mint))
}

fn mint() -> Mint {
    let spec = MintSpec {
        issuer: "https://gateway.example".to_owned(),
        audiences: ["orders".to_owned()].into(),
        ttl: Duration::from_mins(5),
        keys: vec![Secret::new(KEY)],
    };
    Mint::compile(spec).unwrap()
}

fn form(audience: &str) -> String {
    format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange\
         &subject_token_type=urn%3Atollgate%3Atoken-type%3Aprincipal&audience={audience}\
         &subject_token=%7B%22method%22%3A%22api_key%22%2C%22subject%22%3A%22k1%22%2C%22scopes%22%3A%5B%5D%7D"
    )
}

async fn told(reply: Response<Full<Bytes>>) -> (u16, Value) {
    let (head, body) = reply.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), serde_json::from_slice(&body).unwrap())
}

async fn ask(front: Arc<Front>, secret: &str, form: String) -> (u16, Value) {
    let service = IntrospectionService::new(front, &Secret::new(SECRET)).unwrap();
    let request = Request::post("/token")
        .header("authorization", format!("Bearer {secret}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(form)))
        .unwrap();
    told(service.reply(request).await).await
}

#[tokio::test]
async fn a_token_is_made_for_whoever_knows_the_secret() {
    let (status, said) = ask(front(Some(mint())), SECRET, form("orders")).await;
    assert_eq!(status, 200, "{said}");
    assert_eq!(said["issued_token_type"], "urn:ietf:params:oauth:token-type:jwt");
    assert_eq!((&said["token_type"], &said["expires_in"]), (&json!("N_A"), &json!(300)));
    let token = said["access_token"].as_str().unwrap().to_owned();
    assert_eq!(token.split('.').count(), 3);
    let (_, again) = ask(front(Some(mint())), SECRET, form("orders")).await;
    assert_ne!(again["access_token"], token.as_str(), "each has a name of its own");
}

#[tokio::test]
async fn nothing_is_made_for_anybody_else() {
    let error = async |front, secret, form| {
        let (status, said) = ask(front, secret, form).await;
        assert!(said.get("access_token").is_none(), "{said}");
        format!("{status} {}", said["error"].as_str().unwrap())
    };
    let minting = || front(Some(mint()));
    assert_eq!(error(minting(), "wrong", form("orders")).await, "401 invalid_client");
    assert_eq!(error(minting(), SECRET, form("invoices")).await, "400 invalid_target");
    assert_eq!(error(minting(), SECRET, String::new()).await, "400 invalid_request");
    let other = form("orders").replace("token-exchange", "refresh");
    assert_eq!(error(minting(), SECRET, other).await, "400 unsupported_grant_type");
    let nobody = form("orders").replace("k1", "");
    assert_eq!(error(minting(), SECRET, nobody).await, "400 invalid_request");
    assert_eq!(error(front(None), SECRET, form("orders")).await, "404 invalid_request");
}

#[tokio::test]
async fn anybody_may_read_the_keys_and_nothing_else() {
    let (fronts, receiver) = watch::channel(front(Some(mint())));
    let service = KeySetService::following(receiver);
    let ask = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path).body(()).unwrap();
        told(service.reply(&request)).await
    };
    let (status, keys) = ask("GET", "/.well-known/jwks.json").await;
    assert_eq!((status, keys["keys"].as_array().unwrap().len()), (200, 1));
    assert_eq!(keys["keys"][0]["x"], "AglqsnGGLa0vnjCFMdWuv7KZoUHHtvVLamBqeYbPPoI");
    assert_eq!(keys["keys"][0].get("d"), None);
    assert_eq!(ask("POST", "/.well-known/jwks.json").await.0, 405);
    assert_eq!(ask("GET", "/token").await.0, 404);
    fronts.send_replace(front(None));
    assert_eq!(ask("GET", "/.well-known/jwks.json").await, (200, json!({"keys": []})));
}

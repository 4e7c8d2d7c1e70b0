//! The sources change while questions are asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Request;
use http_body_util::{BodyExt as _, Full};
use tokio::sync::watch;
use tollgate_identity::{
    Answer, Clock as _, Front, FrontSpec, InHouse, IntrospectionService, Later, Secret, SourceSpec,
    SystemClock,
};
use tollgate_support::{OidcProvider, TokenRequest};

use crate::world::{is_active, source};

#[derive(Debug)]
struct Yes;

impl InHouse for Yes {
    fn answer<'a>(&'a self, credential: &'a str) -> Later<'a, Answer> {
        let claims = format!(r#"{{"active":true,"sub":"{credential}"}}"#).into();
        Box::pin(async { Answer::Active { claims, expires_at: SystemClock.now() } })
    }
}

fn front(specs: &[(&str, &str)]) -> Front {
    let clock = Arc::new(SystemClock);
    Front::compile(FrontSpec::new(sources(specs)), None, clock).unwrap()
}

fn sources(specs: &[(&str, &str)]) -> BTreeMap<String, SourceSpec> {
    let secret = Secret::new(OidcProvider::CLIENT_SECRET);
    let spec = |url| SourceSpec { client_secret: secret.clone(), ..source(url) };
    specs.iter().map(|(name, url)| ((*name).to_owned(), spec(url))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_stays_when_another_source_changes() {
    let provider = OidcProvider::start().await.unwrap();
    let url = provider.introspection_url();
    let token = provider.token(&TokenRequest::default()).await.unwrap();
    let before = front(&[("acme", &url), ("other", "http://127.0.0.1:1/a")]);
    assert!(is_active(&before.introspect("acme", &token).await.unwrap()));

    let after = before.followed_by(sources(&[("acme", &url), ("new", &url)])).unwrap();
    assert!(is_active(&after.introspect("acme", &token).await.unwrap()));
    assert_eq!(provider.introspections().await.unwrap(), 1);
    let acme = after.counts().find(|(name, _)| *name == "acme").unwrap().1;
    assert_eq!((acme.called, acme.remembered), (1, 1));
    // Another client's answer is not ours, even from the same address.
    assert!(is_active(&after.introspect("new", &token).await.unwrap()));
    assert_eq!(provider.introspections().await.unwrap(), 2);
    assert!(after.introspect("other", &token).await.is_none());
}

#[test]
fn a_change_that_is_refused_leaves_the_front_as_it_was() {
    let before = front(&[("acme", "http://127.0.0.1:1/a")]);
    let refused = before.followed_by(sources(&[("acme", "acme"), ("other", "x")])).err().unwrap();
    let texts: Vec<_> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "acme.url: \"acme\" is not an address; write https://, a host and a path",
            "other.url: \"x\" is not an address; write https://, a host and a path",
        ]
    );
    assert_eq!(before.counts().count(), 1);
}

#[tokio::test]
async fn the_newest_front_is_asked() {
    let (sender, fronts) = watch::channel(Arc::new(front(&[])));
    let secret = "0123456789abcdef";
    let service = IntrospectionService::following(fronts, &Secret::new(secret)).unwrap();
    let ask = async || {
        let request = Request::post("/introspect/api-keys")
            .header("authorization", format!("Bearer {secret}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::from("token=ann"))
            .unwrap();
        let reply = service.reply(request).await;
        let status = reply.status().as_u16();
        let body = reply.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    assert_eq!(ask().await.0, 404);
    let with = front(&[]).with("api-keys", Arc::new(Yes));
    sender.send_replace(Arc::new(with.followed_by(BTreeMap::new()).unwrap()));
    assert_eq!(ask().await, (200, r#"{"active":true,"sub":"ann"}"#.to_owned()));
}

//! Who calls during a fault, and what each is answered.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::timeout;
use tollgate_support::Call;

use crate::stack::{Stack, root};

/// Who calls.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Who {
    /// With a key that stands in the file.
    FileKey,
    /// With a token that Envoy judges by itself.
    Jwt,
    /// With a token that was just asked about.
    KnownToken,
    /// With a good token that nobody has asked about.
    NewToken,
    /// With a key of the store that was just looked up.
    KnownKey,
    /// With a good key of the store that nobody has looked up.
    NewKey,
    /// With a key that nobody has.
    InventedKey,
    /// With nothing.
    Nobody,
}

pub(crate) const EVERYBODY: [Who; 8] = [
    Who::FileKey,
    Who::Jwt,
    Who::KnownToken,
    Who::NewToken,
    Who::KnownKey,
    Who::NewKey,
    Who::InventedKey,
    Who::Nobody,
];

/// What each was answered; 0 for no answer at all.
pub(crate) type Seen = BTreeMap<Who, u16>;

/// Credentials that were made before the fault.
pub(crate) struct Callers {
    known_token: String,
    new_token: String,
    known_key: String,
    new_key: String,
}

const FILE_KEY: &str = "demo-acme-c50aa8fe9641398165a8ac948f77e69e";

/// Longer than any of the gateway's own timeouts.
const PATIENCE: Duration = Duration::from_secs(12);

/// Gateways hear of a new key within two seconds.
const HEARD_WITHIN: Duration = Duration::from_secs(30);

// === impl Callers ===

impl Callers {
    /// Makes new credentials, and shows those that are to be known.
    pub(crate) async fn new(stack: &Stack) -> Result<Self> {
        let this = Self {
            known_token: token(stack),
            new_token: token(stack),
            known_key: key(stack),
            new_key: key(stack),
        };
        tollgate_support::eventually("new keys are known", HEARD_WITHIN, async || {
            (this.answer(stack, Who::KnownKey).await == 200).then_some(())
        })
        .await?;
        // The last one made is heard of no later than the one before.
        tokio::time::sleep(Duration::from_secs(2)).await;
        for who in [Who::FileKey, Who::Jwt, Who::KnownToken, Who::KnownKey] {
            let answer = this.answer(stack, who).await;
            anyhow::ensure!(answer == 200, "before the fault {who:?} was answered {answer}");
        }
        Ok(this)
    }

    /// What everybody is answered now.
    pub(crate) async fn call(&self, stack: &Stack) -> Seen {
        let mut seen = Seen::new();
        for who in EVERYBODY {
            seen.insert(who, self.answer(stack, who).await);
        }
        seen
    }

    pub(crate) async fn answer(&self, stack: &Stack, who: Who) -> u16 {
        let path = match who {
            Who::FileKey | Who::Jwt => "/orders/7",
            _ => "/accounts/7",
        };
        let call = Call::get("localhost", path);
        let call = match who {
            Who::FileKey => call.header("x-api-key", FILE_KEY),
            Who::Jwt => call.header("authorization", bearer(&jwt().unwrap_or_default())),
            Who::KnownToken => call.header("authorization", bearer(&self.known_token)),
            Who::NewToken => call.header("authorization", bearer(&self.new_token)),
            Who::KnownKey => call.header("x-api-key", &self.known_key),
            Who::NewKey => call.header("x-api-key", &self.new_key),
            Who::InventedKey => call.header("x-api-key", "tg_invented"),
            Who::Nobody => call,
        };
        let answer = timeout(PATIENCE, call.send(stack.gateway())).await;
        answer.ok().and_then(Result::ok).map(|answer| answer.status).unwrap_or_default()
    }
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn jwt() -> Result<String> {
    let path = root().join("examples/quickstart/tokens/reader.jwt");
    let text = std::fs::read_to_string(path).context("the quick start has no token")?;
    Ok(text.trim().to_owned())
}

/// A new token of the provider.
fn token(stack: &Stack) -> String {
    let script = "process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; \
        fetch('https://127.0.0.1:9400/token', { method: 'POST', headers: { \
        authorization: 'Basic ' + btoa('app:app-secret'), \
        'content-type': 'application/x-www-form-urlencoded' }, body: \
        'grant_type=client_credentials&scope=orders.read&resource=urn:api:opaque:600:acme:pro' }) \
        .then((answer) => answer.json()).then((body) => console.log(body.access_token))";
    stack.exec("provider", &["node", "-e", script])
}

/// A new key of the store.
fn key(stack: &Stack) -> String {
    let command = ["tollgate", "keys", "create", "--tenant", "acme", "--scopes", "orders.read"];
    stack.exec("control-plane", &command)
}

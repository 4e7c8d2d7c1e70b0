use anyhow::Result;
use serde_json::json;
use tollgate_support::{Key, now_seconds};

use crate::ports::Ports;

/// Published with the example, of which they are the only two keys.
const API_KEY: &str = "demo-acme-c50aa8fe9641398165a8ac948f77e69e";
const TRIAL_KEY: &str = "demo-trial-26d9baf0e3b65bd15380fc66f52aec5f";

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// What there is, and what to try with it.
pub(crate) fn text(ports: &Ports, config: &str, signing_key: &str) -> Result<String> {
    let Ports { gateway, backend, admin, xds } = ports;
    let token = token(signing_key)?;
    let url = format!("http://127.0.0.1:{gateway}");
    Ok(format!(
        r#"
The gateway is up. Ctrl-C ends everything.

  gateway        {url}
  configuration  {config} (change it and save: the next request sees it)
  backend        http://127.0.0.1:{backend}
  Envoy          http://127.0.0.1:{admin} (admin)
  control plane  127.0.0.1:{xds} (xDS)

Try, in another terminal:

# 200: a known API key. The backend shows what it got: x-order-id, x-caller and x-tollgate-*, not the key.
curl -i {url}/orders/7 -H 'x-debug: 1' -H 'x-api-key: {API_KEY}'

# 401: no credential. WWW-Authenticate says what would do.
curl -i {url}/orders/7

# 403: a token that may read orders, and does not suffice to create one. It is valid for one day.
TOKEN={token}
curl -i -X POST {url}/orders -H "authorization: Bearer $TOKEN"

# 200: the same token, for what it may do.
curl -i {url}/orders/7 -H "authorization: Bearer $TOKEN"

# 429: the trial tier has three requests a minute. Retry-After and RateLimit say when there is another.
for i in 1 2 3 4; do curl -i {url}/orders/7 -H 'x-api-key: {TRIAL_KEY}'; done
"#
    ))
}

/// A token of the example's issuer, for a caller who may only read.
fn token(signing_key: &str) -> Result<String> {
    Key::es256_from_pem(signing_key, "demo-1")?.sign(&json!({
        "iss": "https://id.example",
        "aud": "quickstart",
        "sub": "ada",
        "tenant": "acme",
        "plan": "pro",
        "scope": "orders.read",
        "iat": now_seconds(),
        "exp": now_seconds().saturating_add(DAY_SECONDS),
    }))
}

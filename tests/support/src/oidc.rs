use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::built::root;
use crate::pausable::Pausable;
use crate::{Answer, Call, free_port};

/// A real identity provider: `oidc-provider` on Node.js, which issues, answers
/// for and revokes tokens.
#[derive(Debug)]
pub struct OidcProvider {
    server: Pausable,
}

/// What a token is to be like. Its audience is `api`.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// A JWT, rather than one that has to be asked about.
    pub is_jwt: bool,
    /// How long it is good for.
    pub seconds: u32,
    /// The claim `tenant`.
    pub tenant: String,
    /// The claim `plan`.
    pub tier: String,
    /// The claim `scope`: some of `orders.read` and `orders.write`.
    pub scope: String,
}

impl OidcProvider {
    /// The client that may ask about tokens.
    pub const CLIENT_ID: &'static str = "gateway";

    /// Its secret, with everything in it that has to be escaped on the way.
    pub const CLIENT_SECRET: &'static str = "gateway:secret/with+all%of it&more=~";

    /// Starts one on a free port. It must be there: `scripts/setup.py --tests`.
    pub async fn start() -> Result<Self> {
        let mut this = Self { server: Pausable::new("the identity provider", free_port()?) };
        this.run().await?;
        Ok(this)
    }

    /// Starts it again after it was killed. It knows none of its tokens any more.
    pub async fn run(&mut self) -> Result<()> {
        let installed = root().join(".tools/oidc");
        ensure!(
            installed.exists(),
            "{} does not exist; run `scripts/setup.py --tests`",
            installed.display()
        );
        let mut command = Command::new("node");
        command.arg(root().join("tests/support/oidc/server.mjs"));
        command.arg(self.server.port().to_string()).arg(installed);
        self.server.run(command).await
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Stops it: connections stay, and nothing is answered.
    pub fn pause(&self) -> Result<()> {
        self.server.pause()
    }

    /// Lets it go on.
    pub fn resume(&self) -> Result<()> {
        self.server.resume()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The claim `iss` of its tokens.
    pub fn issuer(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where tokens are asked about.
    pub fn introspection_url(&self) -> String {
        format!("{}/token/introspection", self.issuer())
    }

    /// Where its public keys are.
    pub fn jwks_url(&self) -> String {
        format!("{}/jwks", self.issuer())
    }

    /// Issues a token.
    pub async fn token(&self, request: &TokenRequest) -> Result<String> {
        let TokenRequest { is_jwt, seconds, tenant, tier, scope } = request;
        let format = if *is_jwt { "jwt" } else { "opaque" };
        let form = format!(
            "grant_type=client_credentials&scope={}&resource=urn:api:{format}:{seconds}:{tenant}:{tier}",
            scope.replace(' ', "+"),
        );
        let answer = self.as_app("/token", form).await?;
        let body = answer.json();
        let token = body.get("access_token").and_then(serde_json::Value::as_str);
        token.map(str::to_owned).with_context(|| format!("no token: {body}"))
    }

    /// Revokes a token that is not a JWT (RFC 7009).
    pub async fn revoke(&self, token: &str) -> Result<()> {
        let answer = self.as_app("/token/revocation", format!("token={token}")).await?;
        ensure!(answer.status == 200, "not revoked: {answer:?}");
        Ok(())
    }

    /// Signs with a new key from now on. The old one is no longer published,
    /// unless it is kept.
    pub async fn rotate_keys(&self, is_kept: bool) -> Result<()> {
        let path = if is_kept { "/control/rotate?keep" } else { "/control/rotate" };
        let answer = Call::new("POST", "localhost", path).send(self.address()).await?;
        ensure!(answer.status == 200, "not rotated: {answer:?}");
        Ok(())
    }

    /// How often it was asked about tokens.
    pub async fn introspections(&self) -> Result<u64> {
        self.calls("/token/introspection").await
    }

    /// How often a path was called.
    pub async fn calls(&self, path: &str) -> Result<u64> {
        let answer = Call::get("localhost", "/control/calls").send(self.address()).await?;
        Ok(answer.json().get(path).and_then(serde_json::Value::as_u64).unwrap_or_default())
    }

    async fn as_app(&self, path: &str, form: String) -> Result<Answer> {
        Call::new("POST", "localhost", path)
            .header("authorization", format!("Basic {}", STANDARD.encode("app:app-secret")))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send(self.address())
            .await
    }
}

impl Default for TokenRequest {
    /// One that has to be asked about, of the tenant `acme`, for ten minutes.
    fn default() -> Self {
        Self {
            is_jwt: false,
            seconds: 600,
            tenant: "acme".to_owned(),
            tier: "pro".to_owned(),
            scope: "orders.read".to_owned(),
        }
    }
}
